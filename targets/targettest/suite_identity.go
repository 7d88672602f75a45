package targettest

import (
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// noneIsEmpty: before the first start there is no destination, and nothing that a new state could run into.
func (s *suite) noneIsEmpty(t *testing.T) {
	target, dest := s.open(t, plain)
	emptiness, ok := target.(targets.Emptiness)
	if !ok {
		t.Skip("this target cannot tell")
	}
	expect := func(name string, want bool) {
		t.Helper()
		if empty, err := emptiness.Empty(t.Context(), name); empty != want || err != nil {
			t.Errorf("%s is empty: %t, %v; want %t", name, empty, err, want)
		}
	}
	expect(s.destination(plain).Name, true) // not prepared
	expect(dest.Name, true)
	write(t, target, upsert(dest, "1", 1, "a", int64(1)))
	expect(dest.Name, false)
	counter, ok := target.(targets.Counter)
	if !ok {
		return
	}
	for name, want := range map[string]int64{s.destination(plain).Name: 0, dest.Name: 1} {
		if n, _, err := counter.Count(t.Context(), name); n != want || err != nil {
			t.Errorf("%s holds %d, %v; want %d", name, n, err, want)
		}
	}
}

// identity: what stands behind a destination is known again, and nothing is made by looking.
func (s *suite) identity(t *testing.T) {
	target, dest := s.open(t, plain)
	identifier, ok := target.(targets.Identifier)
	if !ok {
		t.Skip("this target cannot tell")
	}
	identify := func(name string) string {
		t.Helper()
		id, err := identifier.Identify(t.Context(), name)
		if err != nil {
			t.Fatalf("identify %s: %v", name, err)
		}
		return id
	}
	first := identify(dest.Name)
	if first == "" {
		t.Error("no identity of what is there")
	}
	write(t, target, upsert(dest, "1", 1, "a", int64(1)))
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	if again := identify(dest.Name); again != first {
		t.Errorf("identity %q became %q", first, again)
	}
	other := s.destination(plain)
	if err := target.Prepare(t.Context(), []*targets.Destination{other}); err != nil {
		t.Fatal(err)
	}
	if id := identify(other.Name); id == first {
		t.Errorf("two destinations have the identity %q", id)
	}
	missing := s.destination(plain)
	for range 2 { // looking makes nothing
		if id := identify(missing.Name); id != "" {
			t.Errorf("what is not there has the identity %q", id)
		}
	}
}

// marks: a state's newest mark is read back, an older one does not replace it, and states do not meet.
func (s *suite) marks(t *testing.T) {
	target, _ := s.open(t, plain)
	marker, ok := target.(targets.Marker)
	if !ok {
		t.Skip("this target keeps no marks")
	}
	a, b := s.Prefix+"state-a", s.Prefix+"state-b"
	expect := func(state string, want targets.Mark) {
		t.Helper()
		got, err := marker.ReadMark(t.Context(), state)
		if err != nil || got != want {
			t.Errorf("mark of %s: %+v, %v, want %+v", state, got, err, want)
		}
	}
	highest := func() int64 {
		t.Helper()
		highest, err := marker.Ceiling(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return highest
	}
	expect(a, targets.Mark{})
	ceiling := highest() + 1000 // the target may be used by others
	for _, mark := range []targets.Mark{{Number: 1, Position: "p1", Ceiling: ceiling}, {Number: 2, Position: `p"2`, Ceiling: ceiling + 1}} {
		if err := marker.WriteMark(t.Context(), a, mark); err != nil {
			t.Fatal(err)
		}
		expect(a, mark)
		if got := highest(); got < mark.Ceiling {
			t.Errorf("ceiling of all marks: %d after one of %d", got, mark.Ceiling)
		}
	}
	// A request that was given up may land late. An error is as good as none: nobody is there to hear it.
	_ = marker.WriteMark(t.Context(), a, targets.Mark{Number: 1, Position: "late"})
	expect(a, targets.Mark{Number: 2, Position: `p"2`, Ceiling: ceiling + 1})
	if err := marker.WriteMark(t.Context(), a, targets.Mark{Number: 2, Position: "again"}); err != nil {
		t.Errorf("a mark is written again, since the answer was lost: %v", err)
	}
	expect(a, targets.Mark{Number: 2, Position: "again"})
	expect(b, targets.Mark{})
}

// list: destinations are found by how their names begin.
func (s *suite) list(t *testing.T) {
	target, first := s.open(t, plain)
	lister, ok := target.(targets.Lister)
	if !ok {
		t.Fatal("the target lists no destinations")
	}
	second, other := s.destination(plain), s.destination(plain)
	first.Name, second.Name = first.Name+"-b", first.Name+"-a"
	prefix := strings.TrimSuffix(second.Name, "a")
	for range 2 { // nothing is made by asking
		if names, err := lister.List(t.Context(), prefix); err != nil || len(names) != 0 {
			t.Errorf("before there is any: %q, %v", names, err)
		}
	}
	if err := target.Prepare(t.Context(), []*targets.Destination{first, second, other}); err != nil {
		t.Fatal(err)
	}
	names, err := lister.List(t.Context(), prefix)
	if err != nil || !slices.Equal(names, []string{second.Name, first.Name}) {
		t.Errorf("%q, %v", names, err)
	}
}
