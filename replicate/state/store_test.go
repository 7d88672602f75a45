package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func save(t *testing.T, s *Store, c Change) {
	t.Helper()
	if err := s.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestStore_SavesAndLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state ü?.db")
	s := open(t, path)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	save(t, s, Change{
		Checkpoint: &Checkpoint{Position: "p1", Fence: "f1", Committed: at, Saved: at},
		Plans:      []Plan{{"orders", "shop.orders", "orders", "x", "uuid-1", "{}"}, {"gone", "shop.gone", "gone", "y", "", ""}},
		NewRanges:  []Range{{"orders", 0, "a-", 0, false}, {"orders", 1, "b-", 0, true}, {"gone", 0, "c", 1, false}},
		AddJobs:    []Job{{1, "orders", Backfill, "new", false}, {2, "orders", Sweep, "truncate", false}},
		Letters:    []Letter{{"orders", "k\x00\xff", "k", "id", "bad", at, 0}},
		Lease:      &Lease{10, 20},
		Park:       []Parked{{"parked", "s.t", "d", "why", "what to do", "p0", at, &Plan{Plan: "parked", Definition: "{}"}, true}, {"back", "s.b", "e", "why", "", "p0", at, nil, false}, {"half", "s.h", "e", "why", "", "p0", at, &Plan{Plan: "half"}, false}},
		Hold:       []Held{{"x1", 0, "shop", "orders", 2, "k\x00"}, {"x1", 1, "shop", "orders", 1, "l"}, {"x2", 0, "shop", "orders", 1, "m"}},
		Mark:       3,
		LeaveOut:   []string{"o/s.a", "o/s.b"},
	})
	save(t, s, Change{
		Ranges: []Range{{"orders", 0, "", 5, false}}, AddJobs: []Job{{3, "orders", Sweep, "again", true}}, DoneJobs: []int64{1, 2},
		DropPlans: []string{"gone"}, Lease: &Lease{10, 30}, Unpark: []string{"back"}, Release: []string{"x2"}, Mark: 4, TakeIn: []string{"o/s.a"}, LeaveOut: []string{"o/s.b"},
	})
	want := Snapshot{
		Checkpoint: &Checkpoint{Position: "p1", Fence: "f1", Committed: at, Saved: at},
		Plans:      []Plan{{"orders", "shop.orders", "orders", "x", "uuid-1", "{}"}},
		Ranges:     []Range{{"orders", 0, "", 5, false}, {"orders", 1, "b-", 0, true}},
		Jobs:       []Job{{3, "orders", Sweep, "again", true}},
		Leases:     []Lease{{10, 30}},
		Letters:    1,
		Parked: []Parked{
			{"half", "s.h", "e", "why", "", "p0", at, &Plan{Plan: "half"}, false},
			{"parked", "s.t", "d", "why", "what to do", "p0", at, &Plan{Plan: "parked", Definition: "{}"}, true},
		},
		Held:    []Held{{"x1", 0, "shop", "orders", 2, "k\x00"}, {"x1", 1, "shop", "orders", 1, "l"}},
		Mark:    4,
		LeftOut: []string{"o/s.b"},
	}
	reader, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []*Store{s, reader} {
		got, err := from.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want.ID = got.ID; len(got.ID) != 16 {
			t.Errorf("id %q", got.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		letters, err := from.Letters(t.Context(), LetterFilter{}, 5)
		if err != nil || len(letters) != 1 || letters[0].Key != "k\x00\xff" || letters[0].Tries != 1 || !letters[0].At.Equal(at) {
			t.Errorf("letters: %v, %v", letters, err)
		}
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
}

func TestStore_AllOrNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	if err := s.Save(t.Context(), Change{
		Checkpoint: &Checkpoint{Position: "p"},
		NewRanges:  []Range{{Plan: "a", Rest: "r"}},
		Lease:      &Lease{1, 2},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(`CREATE TRIGGER fail BEFORE INSERT ON letters BEGIN SELECT RAISE(FAIL, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	err := s.Save(t.Context(), Change{
		Checkpoint: &Checkpoint{Position: "q"}, Ranges: []Range{{Plan: "a", Rest: ""}}, Letters: []Letter{{Plan: "a"}},
	})
	if err == nil {
		t.Fatal("the save succeeded")
	}
	snap, err := s.Load(t.Context())
	if err != nil || snap.Checkpoint.Position != "p" || snap.Ranges[0].Rest != "r" {
		t.Errorf("after a failed save: %+v, %v", snap, err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	s := open(t, path)
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrLocked) {
		t.Errorf("second writer: %v", err)
	}
	if _, err := s.db.Exec(`UPDATE meta SET value = '99'`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("a file of a newer format was opened")
	}
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte("this is no database, but it is long enough to be taken for one by size alone......................"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), garbage); !errors.Is(err, ErrCorrupt) {
		t.Errorf("garbage: %v", err)
	}
	if _, err := OpenReadOnly(t.Context(), filepath.Join(dir, "none.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestOpen_OtherNames: a file's other names lead to the same lock, or are refused.
func TestOpen_OtherNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	open(t, path)
	if err := os.Symlink(path, filepath.Join(dir, "link.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "link.db")); !errors.Is(err, ErrLocked) {
		t.Errorf("by a symbolic link: %v", err)
	}
	if err := os.Link(path, filepath.Join(dir, "name.db")); err != nil {
		t.Fatal(err)
	}
	var hint interface{ Hint() string }
	if _, err := Open(t.Context(), filepath.Join(dir, "name.db")); !errors.Is(err, ErrPlace) || !errors.As(err, &hint) {
		t.Errorf("by a hard link: %v", err)
	}
	if _, err := Open(t.Context(), dir); !errors.Is(err, ErrPlace) || errors.Is(err, ErrCorrupt) {
		t.Errorf("a folder: %v", err)
	}
	// A link that leads nowhere yet is a name for what will be there.
	if err := os.Symlink("later.db", filepath.Join(dir, "early.db")); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Join(dir, "early.db"))
	if _, err := Open(t.Context(), filepath.Join(dir, "later.db")); !errors.Is(err, ErrLocked) {
		t.Errorf("what a link leads to: %v", err)
	}
}

// TestHints says what to do about a damaged file also where the damage is found late, and nothing of damage
// where a file cannot be opened.
func TestHints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	save(t, s, Change{Checkpoint: &Checkpoint{Position: "p"}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(raw); i++ { // all but the first page, which says what tables there are
		raw[i] = 0xff
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), path)
	if err == nil {
		_, err = s.Load(t.Context())
	}
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "--fresh") {
		t.Errorf("a damaged file: %v", err)
	}
	err = advised(&fs.PathError{Op: "open", Path: path, Err: syscall.EACCES})
	if !errors.As(err, &hint) || strings.Contains(hint.Hint(), "--fresh") {
		t.Errorf("a file of another user: %v", err)
	}
}

// TestOpenReadOnly_Empty looks at a file that a run is just making.
func TestOpenReadOnly_Empty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		t.Errorf("an empty file: %v", err)
	}
}

func TestLoad_ProgressWithoutPosition(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	save(t, s, Change{NewRanges: []Range{{Plan: "a", Rest: "r"}}})
	if _, err := s.Load(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Load: %v", err)
	}
}
