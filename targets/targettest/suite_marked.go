package targettest

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// Two times at which rows went.
const (
	wentFirst = "2026-01-02T03:04:05.678000Z"
	wentLater = "2026-02-03T04:05:06.789000Z"
)

// openMarking opens a target with a destination whose documents stay when their rows go.
func (s *suite) openMarking(t *testing.T) (Target, *targets.Destination) {
	t.Helper()
	target, plainDest := s.open(t, plain)
	dest := s.destination(withMark(plainDest.Fields))
	dest.Mark = dest.Fields[len(dest.Fields)-1].Name
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	return target, dest
}

func withMark(fields []targets.Field) []targets.Field {
	mark := targets.Field{Name: "gone since", Kind: targets.KindTimestamp, Native: "timestamp(6)", Scale: 6, Nullable: true}
	return append(append([]targets.Field{}, fields...), mark)
}

func mark(dest *targets.Destination, id targets.ID, version int64, at string) targets.Op {
	return targets.Op{Verb: targets.MarkDeleted, Dest: dest, ID: id, Version: version, Doc: []any{at}}
}

// marked: a document stays as it is but for the mark, the first mark counts, and a row that comes back takes it away.
func (s *suite) marked(t *testing.T) {
	target, dest := s.openMarking(t)
	odd := "<b>&\u2028 quote \" \\ 日本語"
	write(t, target, upsert(dest, "1", 1, odd, int64(-7), nil), upsert(dest, "2", 1, "b", nil, nil))
	write(t, target, mark(dest, "1", 2, wentFirst), mark(dest, "missing", 2, wentFirst))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {odd, int64(-7), wentFirst}, "2": {"b", nil, nil}, "missing": nil})
	expectIDs(t, target, dest, []targets.ID{"1", "2"})
	s.expectVersion(t, target, dest, "1", 2)

	write(t, target, mark(dest, "1", 3, wentLater))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {odd, int64(-7), wentFirst}})
	for _, item := range failures(t, target, mark(dest, "1", 3, wentLater)) { // again, as after an answer that was lost
		if item.Class != targets.Conflict {
			t.Errorf("the same mark again: %+v", item)
		}
	}
	s.expect(t, target, dest, map[targets.ID][]any{"1": {odd, int64(-7), wentFirst}})

	write(t, target, upsert(dest, "1", 5, "back", int64(1), nil), upsert(dest, "missing", 5, "new", nil, nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"back", int64(1), nil}, "missing": {"new", nil, nil}})
	write(t, target, mark(dest, "1", 6, wentLater), remove(dest, "2", 6))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"back", int64(1), wentLater}, "2": nil})
	write(t, target, remove(dest, "1", 7))
	s.expect(t, target, dest, map[targets.ID][]any{"1": nil})
}

func (s *suite) expectVersion(t *testing.T, target Target, dest *targets.Destination, id targets.ID, want int64) {
	t.Helper()
	docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{id})
	if err != nil || len(docs) != 1 || docs[0].Version != s.version(want) {
		t.Errorf("document %q: %+v, %v; want version %d", id, docs, err, s.version(want))
	}
}

// manyMarked: marks stand among other ops, are more than a request reads, and fail for themselves alone.
func (s *suite) manyMarked(t *testing.T) {
	target, dest := s.openMarking(t)
	const each = 700
	ops := make([]targets.Op, 0, 3*each)
	want := map[targets.ID][]any{}
	id := func(group string, i int) targets.ID { return targets.ID(fmt.Sprintf("%s%d", group, i)) }
	for i := range each {
		ops = append(ops, upsert(dest, id("marked", i), 1, "a", int64(i%100), nil), upsert(dest, id("removed", i), 1, "b", nil, nil))
	}
	write(t, target, ops...)
	ops = ops[:0]
	for i := range each {
		ops = append(ops, mark(dest, id("marked", i), 2, wentFirst), remove(dest, id("removed", i), 2),
			mark(dest, id("missing", i), 2, wentFirst), upsert(dest, id("new", i), 2, "c", nil, nil))
		want[id("marked", i)], want[id("removed", i)], want[id("missing", i)] = []any{"a", int64(i % 100), wentFirst}, nil, nil
		want[id("new", i)] = []any{"c", nil, nil}
	}
	s.Poison(&ops[3])
	want[ops[3].ID] = nil
	if failed := failures(t, target, ops...); len(failed) != 1 || failed[3].Class != targets.Rejected {
		t.Errorf("failed: %+v, want just op 3 rejected", failed)
	}
	s.expect(t, target, dest, want)
}

// markUnprepared: a mark makes no destination.
func (s *suite) markUnprepared(t *testing.T) {
	target, dest := s.openMarking(t)
	missing := s.destination(dest.Fields)
	missing.Mark = dest.Mark
	write(t, target, upsert(dest, "1", 1, "a", nil, nil))
	failed := failures(t, target, mark(missing, "1", 2, wentFirst), mark(dest, "1", 2, wentFirst))
	if len(failed) != 1 || failed[0].Class != targets.Lost {
		t.Errorf("failed: %+v, want just op 0 lost", failed)
	}
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", nil, wentFirst}})
}

func (s *suite) lowerMarkIsConflict(t *testing.T) {
	target, dest := s.openMarking(t)
	write(t, target, upsert(dest, "1", 10, "a", nil, nil), upsert(dest, "2", 10, "b", nil, nil))
	write(t, target, mark(dest, "2", 20, wentFirst))
	for _, version := range []int64{9, 10} {
		wantConflict(t, failures(t, target, mark(dest, "1", version, wentFirst)), 0, 10)
	}
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", nil, nil}, "2": {"b", nil, wentFirst}})
	wantConflict(t, failures(t, target, upsert(dest, "2", 20, "late", nil, nil)), 0, 20) // the mark has the version of its op
	write(t, target, mark(dest, "2", 30, wentLater))
	wantConflict(t, failures(t, target, upsert(dest, "2", 25, "late", nil, nil)), 0, 30) // also one that changes nothing
	s.expect(t, target, dest, map[targets.ID][]any{"2": {"b", nil, wentFirst}})
}

// markOfNone: a mark leaves its version behind where there is no document, as a delete does.
func (s *suite) markOfNone(t *testing.T) {
	target, dest := s.openMarking(t)
	write(t, target, mark(dest, "1", 20, wentFirst))
	wantConflict(t, failures(t, target, upsert(dest, "1", 10, "late", nil, nil)), 0, 20)
	s.expect(t, target, dest, map[targets.ID][]any{"1": nil})
}
