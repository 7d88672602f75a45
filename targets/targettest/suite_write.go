package targettest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

func (s *suite) upsertOverwriteDelete(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "1", 1, "a", int64(1)), upsert(dest, "2", 1, "b", int64(2)))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", int64(1)}, "2": {"b", int64(2)}, "3": nil})

	write(t, target, upsert(dest, "1", 2, nil, int64(-128)))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {nil, int64(-128)}, "2": {"b", int64(2)}})

	write(t, target, remove(dest, "1", 3), remove(dest, "missing", 3))
	s.expect(t, target, dest, map[targets.ID][]any{"1": nil, "2": {"b", int64(2)}, "missing": nil})
	expectIDs(t, target, dest, []targets.ID{"2"})

	write(t, target, upsert(dest, "1", 4, "again", nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"again", nil}})
}

// sameOpsAgain: whoever repeats a request whose answer was lost gets to the same documents.
func (s *suite) sameOpsAgain(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "gone", 1, "x", int64(1)))
	ops := []targets.Op{upsert(dest, "1", 5, "a", int64(1)), remove(dest, "gone", 6), remove(dest, "never", 7)}
	write(t, target, ops...)
	for i, item := range failures(t, target, ops...) {
		if item.Class != targets.Conflict || item.Stored != ops[i].Version {
			t.Errorf("op %d again: class %d, stored version %d; want a conflict with %d", i, item.Class, item.Stored, ops[i].Version)
		}
	}
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", int64(1)}, "gone": nil, "never": nil})
}

func (s *suite) onePoisonOfHundred(t *testing.T) {
	target, dest := s.open(t, plain)
	ops := make([]targets.Op, 100)
	var want []targets.ID
	for i := range ops {
		ops[i] = upsert(dest, targets.ID(fmt.Sprint("doc", i)), 1, fmt.Sprint("name", i), int64(i))
		if i != 42 {
			want = append(want, ops[i].ID)
		}
	}
	s.Poison(&ops[42])
	failed := failures(t, target, ops...)
	if item, ok := failed[42]; len(failed) != 1 || !ok || item.Class != targets.Rejected {
		t.Errorf("failed: %+v, want just op 42 rejected", failed)
	}
	expectIDs(t, target, dest, want)

	ops[42].Doc, ops[42].Version = []any{"healed", int64(42)}, 2
	write(t, target, ops[42])
	s.expect(t, target, dest, map[targets.ID][]any{"doc42": {"healed", int64(42)}})
}

func (s *suite) concurrentDocuments(t *testing.T) {
	target, dest := s.open(t, plain)
	const writers, rounds, each = 8, 5, 20
	want := map[targets.ID][]any{}
	for w := range writers {
		for i := range each {
			want[targets.ID(fmt.Sprintf("%d-%d", w, i))] = []any{fmt.Sprint("round ", rounds-1), int64(w)}
		}
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for round := range rounds {
				ops := make([]targets.Op, each)
				for i := range ops {
					ops[i] = upsert(dest, targets.ID(fmt.Sprintf("%d-%d", w, i)), int64(round+1), fmt.Sprint("round ", round), int64(w))
				}
				if err := target.Write(t.Context(), ops); err != nil {
					t.Errorf("writer %d, round %d: %s", w, round, describe(err))
				}
			}
		})
	}
	writing.Wait()
	s.expect(t, target, dest, want)
}

func (s *suite) manyOpsAreSplit(t *testing.T) {
	target, dest := s.open(t, plain)
	ops := make([]targets.Op, s.MaxRequest+1)
	ids := make([]targets.ID, len(ops))
	for i := range ops {
		ids[i] = targets.ID(fmt.Sprintf("%06d", i))
		ops[i] = upsert(dest, ids[i], 1, "x", int64(i%100))
	}
	write(t, target, ops...)
	expectIDs(t, target, dest, ids)

	for i := range ops {
		ops[i] = remove(dest, ids[i], 2)
	}
	write(t, target, ops...)
	expectIDs(t, target, dest, nil)
	write(t, target) // no ops at all
}

// largeDocuments: documents of 600 kB each are more than a request holds, together.
func (s *suite) largeDocuments(t *testing.T) {
	target, dest := s.open(t, []targets.Field{{Name: "body", Kind: targets.KindText, Native: "longtext"}})
	want := map[targets.ID][]any{}
	var ops []targets.Op
	for i := range 12 {
		id := targets.ID(fmt.Sprint(i))
		want[id] = []any{strings.Repeat(fmt.Sprintf("word%d ", i), 100_000)}
		ops = append(ops, upsert(dest, id, 1, want[id]...))
	}
	write(t, target, ops...)
	s.expect(t, target, dest, want)
}

func (s *suite) severalDestinations(t *testing.T) {
	target, first := s.open(t, plain)
	second := s.destination(plain)
	if err := target.Prepare(t.Context(), []*targets.Destination{first, second}); err != nil {
		t.Fatal(err)
	}
	write(t, target, upsert(first, "same", 1, "one", int64(1)), upsert(second, "same", 1, "two", int64(2)), upsert(first, "b", 1, "b", nil))
	s.expect(t, target, first, map[targets.ID][]any{"same": {"one", int64(1)}, "b": {"b", nil}})
	s.expect(t, target, second, map[targets.ID][]any{"same": {"two", int64(2)}, "b": nil})
}

// unpreparedIsLost: a write must not make a destination anew, for it would guess its types.
func (s *suite) unpreparedIsLost(t *testing.T) {
	target, dest := s.open(t, plain)
	missing := s.destination(plain)
	failed := failures(t, target, upsert(missing, "1", 1, "a", nil), upsert(dest, "1", 1, "a", nil), remove(missing, "2", 1))
	if len(failed) != 2 || failed[0].Class != targets.Lost || failed[2].Class != targets.Lost {
		t.Errorf("failed: %+v, want ops 0 and 2 lost", failed)
	}
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", nil}})
	_, _, err := target.ScanIDs(t.Context(), missing.Name, "", 10)
	wantError(t, err, targets.ErrReplaced)
	if err := target.Prepare(t.Context(), []*targets.Destination{missing}); err != nil {
		t.Fatalf("prepare after a lost write: %v", err)
	}
	expectIDs(t, target, missing, nil)
}

func (s *suite) cancelledContext(t *testing.T) {
	target, dest := s.open(t, plain)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := target.Write(ctx, []targets.Op{upsert(dest, "1", 1, "a", nil)}); err == nil {
		t.Error("a write with a cancelled context returned nil")
	}
	write(t, target, upsert(dest, "1", 2, "b", nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"b", nil}})
}

func (s *suite) lowerVersionIsConflict(t *testing.T) {
	target, dest := s.open(t, plain)
	high := int64(1) << 60
	write(t, target, upsert(dest, "1", high, "new", nil))
	failed := failures(t, target, upsert(dest, "1", high-1, "old", nil), upsert(dest, "2", 1, "other", nil))
	wantConflict(t, failed, 0, high)
	failed = failures(t, target, remove(dest, "1", 7))
	wantConflict(t, failed, 0, high)
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"new", nil}, "2": {"other", nil}})
	write(t, target, upsert(dest, "1", high+1, "newer", nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"newer", nil}})
}

// versionsKeptAfterDelete: a write that comes late must not bring back what was deleted.
func (s *suite) versionsKeptAfterDelete(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "1", 10, "a", nil))
	write(t, target, remove(dest, "1", 20), remove(dest, "never", 20))
	for _, id := range []targets.ID{"1", "never"} {
		wantConflict(t, failures(t, target, upsert(dest, id, 15, "late", nil)), 0, 20)
		wantConflict(t, failures(t, target, remove(dest, id, 15)), 0, 20)
	}
	expectIDs(t, target, dest, nil)
	write(t, target, upsert(dest, "1", 21, "back", nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"back", nil}, "never": nil})
}

func wantConflict(t *testing.T, failed map[int]targets.ItemError, index int, stored int64) {
	t.Helper()
	if item := failed[index]; len(failed) != 1 || item.Class != targets.Conflict || item.Stored != stored {
		t.Errorf("failed: %+v, want just op %d in conflict with version %d", failed, index, stored)
	}
}

func (s *suite) closeTwice(t *testing.T) {
	target := s.Options.Open(t)
	for range 2 {
		if err := target.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
