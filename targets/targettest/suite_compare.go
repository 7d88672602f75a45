package targettest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// compareOps compares and wants one result per op.
func compareOps(t *testing.T, target Target, ops ...targets.Op) []targets.Compared {
	t.Helper()
	results, err := target.Compare(t.Context(), ops)
	if err != nil {
		t.Fatalf("compare %d ops: %v", len(ops), err)
	}
	if len(results) != len(ops) {
		t.Fatalf("compare %d ops: %d results", len(ops), len(results))
	}
	return results
}

// expectChanges compares ops, in order, with what writing them has to change: a change, and of an update the fields.
func (s *suite) expectChanges(t *testing.T, target Target, ops []targets.Op, want ...string) {
	t.Helper()
	for i, got := range compareOps(t, target, ops...) {
		text := got.Change.String()
		for _, difference := range got.Differences {
			text += " " + difference.Field
		}
		if text != want[i] {
			t.Errorf("op %d, %s of %q: %s, want %s (%+v)", i, ops[i].Verb, ops[i].ID, text, want[i], got)
		}
		if (got.Change == targets.Refuse) != (got.Reason != "") {
			t.Errorf("op %d: %s with the reason %q", i, got.Change, got.Reason)
		}
	}
}

// compare: what Compare says is what Write does then, and Compare itself does nothing.
func (s *suite) compare(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "same", 7, "a", int64(1)), upsert(dest, "null", 7, "a", nil), upsert(dest, "old", 7, "a", int64(1)))
	long := targets.ID(strings.Repeat("x", s.MaxID+1))
	ops := []targets.Op{
		upsert(dest, "same", 9, "a", int64(1)),
		upsert(dest, "old", 9, "b", int64(2)),
		upsert(dest, "new", 9, "a", nil),
		upsert(dest, "null", 9, "a", int64(1)),
		upsert(dest, "same", 9, nil, int64(1)),
		upsert(dest, "null", 9, "a", nil),
		remove(dest, "old", 9),
		remove(dest, "none", 9),
		upsert(dest, long, 9, "a", nil),
		remove(dest, long, 9),
	}
	want := []string{"same", "update name size", "create", "update size", "update name", "same", "delete", "same", "reject", "same"}
	for range 2 { // nothing comes of looking
		s.expectChanges(t, target, ops, want...)
	}
	got := compareOps(t, target, ops[0], ops[1], ops[2])
	for i, version := range []int64{7, 7, 0} {
		if got[i].Version != s.version(version) {
			t.Errorf("op %d: version %d, want %d", i, got[i].Version, s.version(version))
		}
	}
	differences := got[1].Differences
	if len(differences) != 2 || differences[0] != (targets.Difference{Field: "name", Want: `"b"`, Have: `"a"`}) ||
		differences[1] != (targets.Difference{Field: "size", Want: "2", Have: "1"}) {
		t.Errorf("differences of old: %+v", differences)
	}
	s.expect(t, target, dest, map[targets.ID][]any{"same": {"a", int64(1)}, "null": {"a", nil}, "old": {"a", int64(1)}, "new": nil})
}

func (s *suite) compareMarks(t *testing.T) {
	target, dest := s.openMarking(t)
	write(t, target, upsert(dest, "there", 1, "a", nil, nil), upsert(dest, "gone", 1, "a", nil, nil))
	write(t, target, mark(dest, "gone", 2, wentFirst))
	field := dest.Mark
	s.expectChanges(t, target, []targets.Op{
		mark(dest, "there", 3, wentLater), mark(dest, "gone", 3, wentLater), mark(dest, "none", 3, wentLater),
		upsert(dest, "there", 3, "a", nil, nil), upsert(dest, "gone", 3, "a", nil, nil), remove(dest, "gone", 3),
	}, "update "+field, "same", "same", "same", "update "+field, "delete")
}

// compareNothing: a destination that is not there holds nothing, and is not made.
func (s *suite) compareNothing(t *testing.T) {
	target, _ := s.open(t, plain)
	missing := s.destination(plain)
	for range 2 {
		s.expectChanges(t, target, []targets.Op{upsert(missing, "1", 1, "a", nil), remove(missing, "1", 1)}, "create", "same")
	}
	if failed := failures(t, target, upsert(missing, "1", 1, "a", nil)); failed[0].Class != targets.Lost {
		t.Errorf("%s was made by looking: %+v", missing.Name, failed)
	}
	if results := compareOps(t, target); len(results) != 0 {
		t.Errorf("no ops: %+v", results)
	}
}

// compareKinds: what was written is equal, whatever its kind, and another value is not.
func (s *suite) compareKinds(t *testing.T) {
	cases := KindCases()
	fields := make([]targets.Field, len(cases))
	for i, c := range cases {
		fields[i] = c.Field
		fields[i].Name, fields[i].Nullable = fmt.Sprintf("field %d", i), true
	}
	target, dest := s.open(t, fields)
	docOf := func(field int, value any) []any {
		doc := make([]any, len(fields))
		doc[field] = value
		return doc
	}
	var written, same, others []targets.Op
	var want, wantOthers []string
	for i, c := range cases {
		for j, value := range c.Values {
			id := targets.ID(fmt.Sprintf("%s, value %d", c.Field.Native, j))
			written = append(written, upsert(dest, id, 1, docOf(i, value)...))
			same = append(same, upsert(dest, id, 2, docOf(i, value)...))
			want = append(want, "same")
			other := c.Values[(j+1)%len(c.Values)]
			if !s.shownAlike(t, fields[i], value, other) {
				others = append(others, upsert(dest, id, 2, docOf(i, other)...))
				wantOthers = append(wantOthers, "update "+fields[i].Name)
			}
		}
	}
	write(t, target, written...)
	s.expectChanges(t, target, same, want...)
	s.expectChanges(t, target, others, wantOthers...)
	for i := range same { // null is another value, too
		same[i].Doc = make([]any, len(fields))
	}
	for i, got := range compareOps(t, target, same...) {
		if at := strings.TrimPrefix(string(same[i].ID), "json, "); at == "value 9" { // null itself
			continue
		}
		if got.Change != targets.Update {
			t.Errorf("%s: null is %s", same[i].ID, got.Change)
		}
	}
}

// shownAlike reports whether a target shows two values alike: it need not tell them apart.
func (s *suite) shownAlike(t *testing.T, field targets.Field, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(s.Show(field, a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(s.Show(field, b))
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y) || targets.SameNumber(string(x), string(y))
}

// compareMany: more than a request holds, large documents among them, in their order.
func (s *suite) compareMany(t *testing.T) {
	target, dest := s.open(t, plain)
	const n = 3000
	var ops, again []targets.Op
	want := make([]string, 0, n)
	for i := range n {
		id, text := targets.ID(fmt.Sprint(i)), fmt.Sprint("text ", i)
		if i%500 == 0 {
			text = strings.Repeat(text, 60_000)
		}
		switch {
		case i%3 == 0:
			ops = append(ops, upsert(dest, id, 1, text, nil))
			want = append(want, "same")
		case i%7 == 0:
			ops = append(ops, upsert(dest, id, 1, "another", nil))
			want = append(want, "update name")
		default:
			want = append(want, "create")
		}
		again = append(again, upsert(dest, id, 2, text, nil))
	}
	write(t, target, ops...)
	s.expectChanges(t, target, again, want...)
}
