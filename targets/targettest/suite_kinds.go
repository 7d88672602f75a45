package targettest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// KindCase is a field and values of it that every target stores.
type KindCase struct {
	Field  targets.Field
	Values []any
}

// KindCases returns a field of every kind, and of every size where that matters, with the extremes
// and the oddities that a source may hand over. Every target stores all of them.
func KindCases() []KindCase {
	return append(numberCases(), textCases()...)
}

func numberCases() []KindCase {
	var cases []KindCase
	for _, bits := range []int{8, 16, 24, 32, 64} {
		low := int64(math.MinInt64) >> (64 - bits)
		cases = append(cases,
			KindCase{targets.Field{Kind: targets.KindInt, Native: fmt.Sprintf("int%d", bits), Bits: bits}, []any{low, int64(-1), int64(0), -(low + 1)}},
			KindCase{targets.Field{Kind: targets.KindUint, Native: fmt.Sprintf("int%d unsigned", bits), Bits: bits}, []any{uint64(0), uint64(math.MaxUint64) >> (64 - bits)}})
	}
	return append(cases,
		KindCase{targets.Field{Kind: targets.KindInt, Native: "year", Bits: 16}, []any{int64(0), int64(1901), int64(2155)}},
		KindCase{targets.Field{Kind: targets.KindUint, Native: "bit(1)", Bits: 1}, []any{uint64(0), uint64(1)}},
		KindCase{targets.Field{Kind: targets.KindUint, Native: "bit(33)", Bits: 33}, []any{uint64(0), uint64(1)<<33 - 1}},
		KindCase{targets.Field{Kind: targets.KindFloat, Native: "float", Bits: 32}, []any{0.0, float64(float32(0.1)), float64(math.MaxFloat32), -float64(math.MaxFloat32), float64(math.SmallestNonzeroFloat32)}},
		KindCase{targets.Field{Kind: targets.KindFloat, Native: "double", Bits: 64}, []any{0.0, math.Copysign(0, -1), 0.1, 1e21, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64}},
		KindCase{targets.Field{Kind: targets.KindDecimal, Native: "decimal(65,30)", Precision: 65, Scale: 30},
			[]any{"0.000000000000000000000000000000", "-1.100000000000000000000000000000", strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)}},
		KindCase{targets.Field{Kind: targets.KindDecimal, Native: "decimal(10,0)", Precision: 10}, []any{"-9999999999", "0"}},
		KindCase{targets.Field{Kind: targets.KindBool, Native: "boolean"}, []any{true, false}},
	)
}

func textCases() []KindCase {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	odd := []any{"", " ", "a\u0000b", "quote \" backslash \\ slash / <b>&amp;", "\u2028\u2029\ufeff", "日本語 😀", "\x01\x1f\x7f\t\r\n", strings.Repeat("長", 20000)}
	return []KindCase{
		{targets.Field{Kind: targets.KindText, Native: "varchar(20000)", Length: 20000}, odd},
		{targets.Field{Kind: targets.KindText, Native: "longtext"}, append([]any{strings.Repeat("word ", 50000)}, odd...)},
		{targets.Field{Kind: targets.KindBinary, Native: "binary(16)", Length: 16}, []any{make([]byte, 16), []byte("\x00\xff\xfe0123456789abc")}},
		{targets.Field{Kind: targets.KindBinary, Native: "longblob"}, []any{[]byte{}, every, bytes.Repeat(every, 400)}},
		{targets.Field{Kind: targets.KindDate, Native: "date"}, []any{"1000-01-01", "9999-12-31", "2024-02-29", "0001-01-01"}},
		{targets.Field{Kind: targets.KindDateTime, Native: "datetime"}, []any{"1000-01-01T00:00:00", "9999-12-31T23:59:59", "1969-12-31T23:59:59"}},
		{targets.Field{Kind: targets.KindDateTime, Native: "datetime(6)", Scale: 6}, []any{"1000-01-01T00:00:00.000000", "9999-12-31T23:59:59.999999", "2026-01-02T03:04:05.000001"}},
		{targets.Field{Kind: targets.KindDateTime, Native: "datetime(1)", Scale: 1}, []any{"2026-01-02T03:04:05.9"}},
		{targets.Field{Kind: targets.KindTimestamp, Native: "timestamp"}, []any{"1970-01-01T00:00:01Z", "2038-01-19T03:14:07Z"}},
		{targets.Field{Kind: targets.KindTimestamp, Native: "timestamp(3)", Scale: 3}, []any{"2026-01-02T03:04:05.678Z"}},
		{targets.Field{Kind: targets.KindTime, Native: "time(6)", Scale: 6}, []any{"-838:59:59.000000", "838:59:59.000000", "00:00:00.000001"}},
		{targets.Field{Kind: targets.KindEnum, Native: "enum('a','b')", Members: []string{"a", "b"}}, []any{"a", ""}},
		{targets.Field{Kind: targets.KindSet, Native: "set('a','b')", Members: []string{"a", "b"}}, []any{"", "a", "a,b"}},
		{targets.Field{Kind: targets.KindJSON, Native: "json"}, jsonValues()},
		{targets.Field{Kind: targets.KindUUID, Native: "uuid"}, []any{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
		{targets.Field{Kind: targets.KindInet, Native: "inet6"}, []any{"::", "::ffff:192.0.2.1", "2001:db8::1", "192.0.2.1"}},
		{targets.Field{Kind: targets.KindGeometry, Native: "geometry"}, []any{
			`{"type":"Point","coordinates":[13.4,52.5]}`, `{"type":"Point","coordinates":[-1e9,1e9]}`, `{"type":"GeometryCollection","geometries":[]}`,
			`{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}`}},
		{targets.Field{Kind: targets.KindVector, Native: "vector(3)", Length: 3}, []any{"[1,2,3]", "[0,0,0]", "[-1.5,2.5e-10,3e10]"}},
		{targets.Field{Kind: targets.KindVector, Native: "vector"}, []any{"[1,2,3]", "[0]"}},
	}
}

// jsonValues change their shape from one to the next: a target that derives types from the first
// value it sees rejects the others.
func jsonValues() []any {
	deep := strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)
	var wide strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&wide, `,"field%d":%d`, i, i)
	}
	return []any{
		`{"x":1,"y":"text"}`, `{"x":{}}`, `{"x":[{"z":"2024-01-01"}]}`, `[]`, `[1,"a",null,{"b":[]}]`, `"text"`, `1`, `-12345678901234567890.12345678901234567890`,
		`true`, `null`, `{}`, `{"":1}`, `{".":1,"a.b":2,"a":3}`, `{"_id":1,"$x":2}`, deep, `{"w":0` + wide.String() + `}`, `{"long":"` + strings.Repeat("x", 40000) + `"}`,
		`{"` + strings.Repeat("k", 40000) + `":1}`, `{"nul":"\u0000"}`,
	}
}

// kinds writes every value of every kind, each in a document of its own whose other fields are
// NULL, and documents that have a value in every field.
func (s *suite) kinds(t *testing.T) {
	cases := KindCases()
	fields := make([]targets.Field, len(cases))
	for i, c := range cases {
		fields[i] = c.Field
		fields[i].Name, fields[i].Nullable = fmt.Sprintf("field %d", i), true
	}
	target, dest := s.open(t, fields)
	first, last := make([]any, len(fields)), make([]any, len(fields))
	want := map[targets.ID][]any{"none": make([]any, len(fields)), "first": first, "last": last}
	for i, c := range cases {
		first[i], last[i] = c.Values[0], c.Values[len(c.Values)-1]
		for j, value := range c.Values {
			doc := make([]any, len(fields))
			doc[i] = value
			want[targets.ID(fmt.Sprintf("%s, value %d", c.Field.Native, j))] = doc
		}
	}
	var ops []targets.Op
	for id, doc := range want {
		ops = append(ops, upsert(dest, id, 1, doc...))
	}
	for i, item := range failures(t, target, ops...) {
		t.Errorf("%s: class %d: %s", ops[i].ID, item.Class, item.Reason)
	}
	s.expect(t, target, dest, want)
}

// prepareTwice: Prepare is called at every start, and when columns were added.
func (s *suite) prepareTwice(t *testing.T) {
	target, dest := s.open(t, plain)
	write(t, target, upsert(dest, "1", 1, "a", int64(1)))
	again := *dest
	if err := target.Prepare(t.Context(), []*targets.Destination{&again}); err != nil {
		t.Fatalf("prepare again: %v", err)
	}
	more := *dest
	more.Fields = append(append([]targets.Field{}, plain...), targets.Field{Name: "price", Kind: targets.KindDecimal, Native: "decimal(8,2)", Precision: 8, Scale: 2, Nullable: true})
	for range 2 {
		if err := target.Prepare(t.Context(), []*targets.Destination{&more}); err != nil {
			t.Fatalf("prepare with a field more: %v", err)
		}
	}
	write(t, target, upsert(&more, "2", 1, "b", nil, "12.50"), upsert(dest, "3", 1, "c", nil))
	s.expect(t, target, dest, map[targets.ID][]any{"1": {"a", int64(1)}, "3": {"c", nil}})
	s.expect(t, target, &more, map[targets.ID][]any{"2": {"b", nil, "12.50"}})
}

func (s *suite) prepareMismatch(t *testing.T) {
	target, dest := s.open(t, plain)
	other := *dest
	other.Fields = []targets.Field{plain[0], {Name: "size", Kind: targets.KindDateTime, Native: "datetime"}}
	err := target.Prepare(t.Context(), []*targets.Destination{&other})
	wantError(t, err, targets.ErrMismatch)
	if err != nil && !strings.Contains(err.Error(), "size") {
		t.Errorf("the error does not name the field: %v", err)
	}
}

// prepareAllOrNone: whoever starts a run hears of everything at once, and nothing was made.
func (s *suite) prepareAllOrNone(t *testing.T) {
	target, first := s.open(t, plain)
	second := s.destination(plain)
	if err := target.Prepare(t.Context(), []*targets.Destination{second}); err != nil {
		t.Fatal(err)
	}
	missing, third, fourth := s.destination(plain), *first, *second
	third.Fields = []targets.Field{{Name: "name", Kind: targets.KindInt, Native: "int", Bits: 32}, {Name: "size", Kind: targets.KindDateTime, Native: "datetime"}}
	fourth.Fields = []targets.Field{{Name: "size", Kind: targets.KindDateTime, Native: "datetime"}}
	err := target.Prepare(t.Context(), []*targets.Destination{missing, &third, &fourth})
	wantError(t, err, targets.ErrMismatch)
	for _, word := range []string{first.Name, "field name", second.Name, "field size"} {
		if err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if failed := failures(t, target, upsert(missing, "1", 1, "a", nil)); failed[0].Class != targets.Lost {
		t.Errorf("%s was made all the same: %+v", missing.Name, failed)
	}
	if err := target.Prepare(t.Context(), []*targets.Destination{missing, first, second}); err != nil {
		t.Errorf("prepare those that fit: %v", err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want one that is %q", err, want)
	}
}

// expectBody compares a stored body with a document's values, member by member.
func (s *suite) expectBody(t *testing.T, dest *targets.Destination, doc targets.Doc, values []any) {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(doc.Body, &got); err != nil {
		t.Errorf("document %q: body %.200q: %v", doc.ID, doc.Body, err)
		return
	}
	for name, value := range s.shown(dest.Fields, targets.Nest(dest.Fields), values) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("field %s: %v", name, err)
		}
		member, ok := got[name]
		if !ok {
			member = json.RawMessage("null")
		}
		delete(got, name)
		if !sameJSON(t, member, text) {
			t.Errorf("document %q: field %s is %.100s, want %.100s", doc.ID, name, member, text)
		}
	}
	for name := range got {
		t.Errorf("document %q: field %s was not written", doc.ID, name)
	}
}

// shown is what a target shows of an object's members.
func (s *suite) shown(fields []targets.Field, members []targets.Member, values []any) map[string]any {
	object := make(map[string]any, len(members))
	for _, m := range members {
		if m.Field < 0 {
			object[m.Name] = s.shown(fields, m.Members, values)
		} else {
			object[m.Name] = s.Show(fields[m.Field], values[m.Field])
		}
	}
	return object
}

// sameJSON compares two JSON texts; numbers are equal if they are the same double and, where they
// have no point or exponent, the same digits.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2]any
	for i, text := range [][]byte{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&values[i]); err != nil {
			t.Errorf("%.100s: %v", text, err)
			return false
		}
	}
	return reflect.DeepEqual(normal(values[0]), normal(values[1]))
}

func normal(value any) any {
	switch v := value.(type) {
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") && v != "-0" {
			return v
		}
		f, err := v.Float64()
		if err != nil {
			return v
		}
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
		return f
	case map[string]any:
		for name := range v {
			v[name] = normal(v[name])
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	}
	return value
}
