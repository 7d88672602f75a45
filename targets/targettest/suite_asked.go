package targettest

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// samples are a field of each kind, and a value that most types can hold.
var samples = map[targets.Kind]KindCase{
	targets.KindText:      {targets.Field{Native: "varchar(50)", Length: 50}, []any{"some words"}},
	targets.KindInt:       {targets.Field{Native: "tinyint", Bits: 8}, []any{int64(1)}},
	targets.KindUint:      {targets.Field{Native: "bit(7)", Bits: 7}, []any{uint64(1)}},
	targets.KindFloat:     {targets.Field{Native: "float", Bits: 32}, []any{1.5}},
	targets.KindDecimal:   {targets.Field{Native: "decimal(2,0)", Precision: 2}, []any{"12"}},
	targets.KindBool:      {targets.Field{Native: "boolean"}, []any{true}},
	targets.KindBinary:    {targets.Field{Native: "binary(16)", Length: 16}, []any{[]byte("0123456789abcdef")}},
	targets.KindDate:      {targets.Field{Native: "date"}, []any{"2026-01-02"}},
	targets.KindDateTime:  {targets.Field{Native: "datetime(3)", Scale: 3}, []any{"2026-01-02T03:04:05.678"}},
	targets.KindTimestamp: {targets.Field{Native: "timestamp(3)", Scale: 3}, []any{"2026-01-02T03:04:05.678Z"}},
	targets.KindTime:      {targets.Field{Native: "time"}, []any{"12:34:56"}},
	targets.KindEnum:      {targets.Field{Native: "enum('a')", Members: []string{"a"}}, []any{"a"}},
	targets.KindSet:       {targets.Field{Native: "set('a','b')", Members: []string{"a", "b"}}, []any{"a,b"}},
	targets.KindJSON:      {targets.Field{Native: "json"}, []any{`{"a":{"b":1},"c":"x"}`}},
	targets.KindUUID:      {targets.Field{Native: "uuid"}, []any{"00112233-4455-6677-8899-aabbccddeeff"}},
	targets.KindInet:      {targets.Field{Native: "inet6"}, []any{"192.0.2.1"}},
	targets.KindGeometry:  {targets.Field{Native: "point"}, []any{`{"type":"Point","coordinates":[13.4,52.5]}`}},
	targets.KindVector:    {targets.Field{Native: "vector(3)", Length: 3}, []any{"[1,2,3]"}},
}

// AskedField returns a field of a kind that asks for a type, and a value of it.
func (o Options) AskedField(typ targets.FieldType, kind targets.Kind) (targets.Field, any) {
	sample := samples[kind]
	field, value := sample.Field, sample.Values[0]
	field.Name, field.Kind, field.As, field.Nullable = kind.String(), kind, typ.Name, true
	if typ.Scaled {
		field.Scale = 100
	}
	if special, ok := o.Samples[fmt.Sprintf("%s of %s", typ.Name, kind)]; ok {
		value = special
	}
	return field, value
}

// asked: every kind that a type says it is for can be written with it, and what was made for it fits it.
func (s *suite) asked(t *testing.T) {
	target, _ := s.open(t, plain)
	var dests []*targets.Destination
	var ops []targets.Op
	for _, typ := range s.Types {
		var fields []targets.Field
		var values []any
		for _, kind := range typ.Kinds {
			field, value := s.AskedField(typ, kind)
			fields, values = append(fields, field), append(values, value)
		}
		dest := s.destination(fields)
		dests = append(dests, dest)
		ops = append(ops, upsert(dest, "1", 1, values...), upsert(dest, "none", 1, make([]any, len(fields))...))
	}
	if err := target.Prepare(t.Context(), dests); err != nil {
		t.Fatal(err)
	}
	for i, item := range failures(t, target, ops...) {
		t.Errorf("%s, %s: class %d: %s", s.Types[i/2].Name, ops[i].ID, item.Class, item.Reason)
	}
	for i, dest := range dests {
		docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"1", "none"})
		if err != nil || !docs[0].Found || !docs[1].Found {
			t.Errorf("%s: read %+v, %v", s.Types[i].Name, docs, err)
		}
		again := *dest
		dests[i] = &again
	}
	if err := target.Prepare(t.Context(), dests); err != nil {
		t.Errorf("prepare again: %v", err)
	}
}
