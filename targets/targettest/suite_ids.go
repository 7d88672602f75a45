package targettest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

func (s *suite) oddIDs(t *testing.T) {
	target, dest := s.open(t, plain)
	ids := []targets.ID{
		" ", "a b", "trailing ", " leading", "a/b/../c", "/", "..", "?q=1&r=2#x", "%2F", "a\"b", `a\b`, `a\|b|c`, "'", "a,b", "*", "_all",
		"ümläut", "日本語", "😀", "e\u0301", "\u00e9", "A", "a", "a\tb\nc\rd", "\x01\x7f", "\u2028", "<script>", "null", "0", "-1", "+", "{}", "[1]",
		targets.ID(strings.Repeat("x", s.MaxID)), targets.ID(strings.Repeat("é", s.MaxID/2)),
	}
	var ops []targets.Op
	want := map[targets.ID][]any{}
	for i, id := range ids {
		want[id] = []any{fmt.Sprintf("document %d", i), int64(i)}
		ops = append(ops, upsert(dest, id, 1, want[id]...))
	}
	write(t, target, ops...)
	s.expect(t, target, dest, want)
	expectIDs(t, target, dest, ids)

	for i, id := range ids {
		ops[i] = remove(dest, id, 2)
	}
	write(t, target, ops...)
	expectIDs(t, target, dest, nil)
}

func (s *suite) refusedIDs(t *testing.T) {
	target, dest := s.open(t, plain)
	long := targets.ID(strings.Repeat("x", s.MaxID+1))
	failed := failures(t, target,
		upsert(dest, "before", 1, "a", nil), upsert(dest, long, 1, "b", nil), upsert(dest, "", 1, "c", nil), remove(dest, long+"y", 1), upsert(dest, "after", 1, "d", nil))
	for i := range 5 {
		if item, ok := failed[i]; ok != (i == 1 || i == 2 && !s.EmptyID) || ok && item.Class != targets.Rejected {
			t.Errorf("op %d: failed is %v, class %d", i, ok, item.Class)
		}
	}
	want := []targets.ID{"before", "after"}
	if s.EmptyID {
		want = append(want, "")
	}
	expectIDs(t, target, dest, want)
}

// fill writes n documents and returns their ids.
func fill(t *testing.T, target Target, dest *targets.Destination, n int) []targets.ID {
	t.Helper()
	ids, ops := make([]targets.ID, n), make([]targets.Op, n)
	for i := range ops {
		ids[i] = targets.ID(fmt.Sprint(i))
		ops[i] = upsert(dest, ids[i], 1, fmt.Sprint("name ", i), nil)
	}
	write(t, target, ops...)
	slices.Sort(ids)
	return ids
}

// scanPages: a scan sees everything that had returned before it, whatever the page size.
func (s *suite) scanPages(t *testing.T) {
	target, dest := s.open(t, plain)
	ids := fill(t, target, dest, 4321)
	for _, limit := range []int{100, 1000, 4321, 5000} {
		if got := scanAll(t, target, dest, limit); !slices.Equal(got, ids) {
			t.Errorf("limit %d: %d ids, want %d", limit, len(got), len(ids))
		}
	}
	write(t, target, remove(dest, "17", 2), upsert(dest, "new", 1, "n", nil))
	ids = append(slices.DeleteFunc(ids, func(id targets.ID) bool { return id == "17" }), "new")
	expectIDs(t, target, dest, ids)
}

func (s *suite) scanLimitOne(t *testing.T) {
	target, dest := s.open(t, plain)
	ids := fill(t, target, dest, 25)
	if got := scanAll(t, target, dest, 1); !slices.Equal(got, ids) {
		t.Errorf("%q, want %q", got, ids)
	}
}

func (s *suite) scanEmpty(t *testing.T) {
	target, dest := s.open(t, plain)
	expectIDs(t, target, dest, nil)
}

func (s *suite) scanForeignCursor(t *testing.T) {
	target, dest := s.open(t, plain)
	fill(t, target, dest, 3)
	_, _, err := target.ScanIDs(t.Context(), dest.Name, "no cursor of ours", 10)
	wantError(t, err, targets.ErrCursor)
}

func (s *suite) readInOrder(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "a", 11, "A", nil), upsert(dest, "b", 12, "B", nil), upsert(dest, "gone", 1, "G", nil))
	write(t, target, remove(dest, "gone", 2), upsert(dest, "b", 13, "BB", nil))
	want := []targets.Doc{{ID: "b", Found: true, Version: s.version(13)}, {ID: "missing"}, {ID: "a", Found: true, Version: s.version(11)}, {ID: "gone"}}
	docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"b", "missing", "a", "gone"})
	if err != nil || len(docs) != len(want) {
		t.Fatalf("read: %d documents, %v", len(docs), err)
	}
	for i, doc := range docs {
		if doc.ID != want[i].ID || doc.Found != want[i].Found || doc.Found && doc.Version != want[i].Version || doc.Found != (doc.Body != nil) {
			t.Errorf("document %d: %+v, want %+v", i, doc, want[i])
		}
	}
	s.expectBody(t, dest, docs[0], []any{"BB", nil})
	if docs, err := target.ReadDocs(t.Context(), dest.Name, nil); err != nil || len(docs) != 0 {
		t.Errorf("read of no ids: %v, %v", docs, err)
	}
	ids := fill(t, target, dest, 3000)
	if docs, err = target.ReadDocs(t.Context(), dest.Name, ids); err != nil || len(docs) != len(ids) {
		t.Fatalf("read of 3000 ids: %d, %v", len(docs), err)
	}
	for i, doc := range docs {
		if doc.ID != ids[i] || !doc.Found {
			t.Fatalf("document %d is %q, found %v; want %q", i, doc.ID, doc.Found, ids[i])
		}
	}
}
