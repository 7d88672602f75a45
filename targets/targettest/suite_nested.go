package targettest

import (
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// nestedFields are fields of which some stand in objects, and not side by side.
var nestedFields = []targets.Field{
	{Name: "address.street", Kind: targets.KindText, Native: "varchar(100)", Length: 100, Nullable: true},
	{Name: "size", Kind: targets.KindInt, Native: "tinyint", Bits: 8, Nullable: true},
	{Name: "address.geo.lat", Kind: targets.KindFloat, Native: "double", Bits: 64, Nullable: true},
	{Name: "name", Kind: targets.KindText, Native: "varchar(100)", Length: 100, Nullable: true},
	{Name: "address.city", Kind: targets.KindText, Native: "varchar(100)", Length: 100, Nullable: true},
	{Name: "meta.gone", Kind: targets.KindTimestamp, Native: "timestamp(3)", Scale: 3, Nullable: true},
}

// nested: a dot in a field's name puts it into an object, be it the one of marks.
func (s *suite) nested(t *testing.T) {
	target, _ := s.open(t, plain)
	dest := s.destination(nestedFields)
	dest.Mark = "meta.gone"
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	const at = "2026-01-02T03:04:05.678Z"
	write(t, target, upsert(dest, "1", 1, "a street", int64(1), 1.5, "a", "a city", nil), upsert(dest, "2", 1, nil, nil, nil, nil, nil, nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a street", int64(1), 1.5, "a", "a city", nil}, "2": {nil, nil, nil, nil, nil, nil}})
	write(t, target, mark(dest, "1", 2, at), mark(dest, "2", 2, at))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a street", int64(1), 1.5, "a", "a city", at}, "2": {nil, nil, nil, nil, nil, at}})
	write(t, target, mark(dest, "1", 3, "2027-01-02T03:04:05.678Z"), upsert(dest, "2", 3, "b", nil, nil, nil, nil, nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a street", int64(1), 1.5, "a", "a city", at}, "2": {"b", nil, nil, nil, nil, nil}})
}

// prepareNested: objects get more fields, and are told apart from what is none.
func (s *suite) prepareNested(t *testing.T) {
	if s.Flat {
		target, _ := s.open(t, plain)
		if err := target.Prepare(t.Context(), []*targets.Destination{s.destination(nestedFields)}); err == nil {
			t.Error("a name with a dot was taken")
		}
		return
	}
	target, dest := s.open(t, nestedFields[:3])
	more := *dest
	more.Fields = nestedFields
	for range 2 {
		if err := target.Prepare(t.Context(), []*targets.Destination{&more}); err != nil {
			t.Fatalf("prepare with more fields in objects: %v", err)
		}
	}
	values := []any{"a street", int64(1), 1.5, "a", "a city", nil}
	write(t, target, upsert(&more, "1", 1, values...))
	s.expect(t, target, &more, map[targets.ID][]any{"1": values})

	other := *dest
	other.Fields = []targets.Field{{Name: "address.street", Kind: targets.KindInt, Native: "int", Bits: 32}}
	wantError(t, target.Prepare(t.Context(), []*targets.Destination{&other}), targets.ErrMismatch)

	both := s.destination([]targets.Field{nestedFields[0], {Name: "address", Kind: targets.KindText, Native: "text"}})
	if err := target.Prepare(t.Context(), []*targets.Destination{both}); err == nil {
		t.Error("address and address.street stand in one document")
	}
}
