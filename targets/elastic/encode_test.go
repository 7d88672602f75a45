package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestEncode_Values(t *testing.T) {
	for _, c := range []struct {
		field targets.Field
		value any
		want  string
	}{
		{targets.Field{Kind: targets.KindInt, Bits: 64}, int64(math.MinInt64), `-9223372036854775808`},
		{targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(math.MaxUint64), `"18446744073709551615"`},
		{targets.Field{Kind: targets.KindUint, Bits: 32}, uint64(math.MaxUint32), `4294967295`},
		{targets.Field{Kind: targets.KindUint, Bits: 1}, uint64(1), `1`},
		{targets.Field{Kind: targets.KindFloat, Bits: 32}, float64(float32(0.1)), `0.1`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, 0.1, `0.1`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, 1e21, `1e+21`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, 123456789.0, `123456789`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, math.Copysign(0, -1), `-0`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, 5e-324, `5e-324`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, math.NaN(), `null`},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, math.Inf(-1), `null`},
		{targets.Field{Kind: targets.KindDecimal}, "-12.50", `"-12.50"`},
		{targets.Field{Kind: targets.KindDecimal}, "NaN", `null`},
		{targets.Field{Kind: targets.KindDecimal}, "-Infinity", `null`},
		{targets.Field{Kind: targets.KindBool}, true, `true`},
		{targets.Field{Kind: targets.KindBinary}, []byte{0, 0xff}, `"AP8="`},
		{targets.Field{Kind: targets.KindBinary}, []byte{}, `""`},
		{targets.Field{Kind: targets.KindText}, "a\"\\\n\r\t\x00\x1f\x7f/<&>\u2028é😀", `"a\"\\\n\r\t\u0000\u001f` + "\x7f/<&>\u2028é😀\""},
		{targets.Field{Kind: targets.KindDate}, "2024-02-29", `"2024-02-29"`},
		{targets.Field{Kind: targets.KindDate}, "0000-00-00", `null`},
		{targets.Field{Kind: targets.KindDate}, "2024-02-30", `null`},
		{targets.Field{Kind: targets.KindDate}, "x", `null`},
		{targets.Field{Kind: targets.KindDate}, "-infinity", `null`},
		{targets.Field{Kind: targets.KindDate}, "0044-03-15 BC", `null`},
		{targets.Field{Kind: targets.KindTimestamp}, "12024-01-02T00:00:00Z", `null`},
		{targets.Field{Kind: targets.KindDateTime}, "2024-00-10T00:00:00", `null`},
		{targets.Field{Kind: targets.KindTimestamp}, "2038-01-19T03:14:07.999999Z", `"2038-01-19T03:14:07.999999Z"`},
		{targets.Field{Kind: targets.KindTime}, "-838:59:59", `"-838:59:59"`},
		{targets.Field{Kind: targets.KindSet}, "", `[]`},
		{targets.Field{Kind: targets.KindSet}, "a,b \"c\"", `["a","b \"c\""]`},
		{targets.Field{Kind: targets.KindJSON}, "{\n\"a\" :\r\n1}", `{"a" :1}`},
		{targets.Field{Kind: targets.KindJSON}, `{"a":1,"a":2}`, `"{\"a\":1,\"a\":2}"`},
		{targets.Field{Kind: targets.KindJSON}, `{"a":"a","b":["a","a"]}`, `{"a":"a","b":["a","a"]}`},
		{targets.Field{Kind: targets.KindVector}, `[1,2]`, `[1,2]`},
		{targets.Field{Kind: targets.KindInt}, nil, `null`},
	} {
		got, err := appendValue(nil, &c.field, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("kind %d, %v: %s, %v; want %s", c.field.Kind, c.value, got, err, c.want)
		}
	}
}

func TestEncode_RefusesWhatIsNoValue(t *testing.T) {
	dest := &targets.Destination{Fields: []targets.Field{{Name: "f", Kind: targets.KindFloat}}}
	for _, doc := range [][]any{nil, {1.0, 2.0}, {int32(1)}, {struct{}{}}} {
		if got, err := newLayout(dest).appendDoc(nil, doc); err == nil {
			t.Errorf("%v became %s", doc, got)
		}
	}
	if got, err := newLayout(&targets.Destination{}).appendDoc(nil, nil); err != nil || string(got) != "{}" {
		t.Errorf("no fields: %s, %v", got, err)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\n\x00\u2028é")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		var back string
		encoded := appendString(nil, text)
		if err := json.Unmarshal(encoded, &back); err != nil || back != text || bytes.ContainsAny(encoded, "\r\n") {
			t.Errorf("%q became %s: %q, %v", text, encoded, back, err)
		}
	})
}

// FuzzAppendJSON: whatever the text, one line of JSON comes out that has no name twice, and a text
// that is fine keeps its meaning.
func FuzzAppendJSON(f *testing.F) {
	f.Add(`{"a":[1,{"b":"\"{"}],"c":{}}`)
	f.Add("{\"a\":1,\n\"\\u0061\":2}")
	f.Add(`{"a":{"a":{}},"b":[{"a":1},{"a":2}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		got := appendJSON([]byte("before"), text)
		got, ok := bytes.CutPrefix(got, []byte("before"))
		if !ok || !json.Valid(got) || bytes.ContainsAny(got, "\r\n") {
			t.Fatalf("%q became %q", text, got)
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		twice := !json.Valid([]byte(text)) || hasNameTwice(t, decoder)
		var asText string
		isText := json.Unmarshal(got, &asText) == nil && asText == text
		if twice != isText && !(isText && len(text) > maxDepth) {
			t.Errorf("%q: has a name twice or is no JSON: %v, became %q", text, twice, got)
		}
	})
}

// hasNameTwice reads one value by the standard library's tokens.
func hasNameTwice(t *testing.T, decoder *json.Decoder) bool {
	t.Helper()
	token, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	twice := false
	switch token {
	case json.Delim('{'):
		names := map[string]bool{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				t.Fatal(err)
			}
			twice = twice || names[name.(string)]
			names[name.(string)] = true
			twice = hasNameTwice(t, decoder) || twice
		}
	case json.Delim('['):
		for decoder.More() {
			twice = hasNameTwice(t, decoder) || twice
		}
	default:
		return false
	}
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	return twice
}

// benchDest has ten fields, and benchDoc about 220 bytes, as in the project's measurements.
func benchDest(name string) *targets.Destination {
	return &targets.Destination{Name: name, Fields: []targets.Field{
		{Name: "id", Kind: targets.KindInt, Bits: 64}, {Name: "name", Kind: targets.KindText, Length: 100}, {Name: "email", Kind: targets.KindText, Length: 100},
		{Name: "amount", Kind: targets.KindDecimal}, {Name: "rate", Kind: targets.KindFloat, Bits: 64}, {Name: "state", Kind: targets.KindEnum},
		{Name: "created", Kind: targets.KindDateTime}, {Name: "updated", Kind: targets.KindTimestamp}, {Name: "active", Kind: targets.KindInt, Bits: 8},
		{Name: "note", Kind: targets.KindText},
	}}
}

func benchDoc(i int) []any {
	return []any{int64(i), fmt.Sprintf("Customer Number %d", i), fmt.Sprintf("customer%d@example.com", i), "1234.50", 0.12345, "paid", "2026-01-02T03:04:05",
		"2026-01-02T03:04:05.678901Z", int64(1), "a note of some words"}
}

func BenchmarkEncode(b *testing.B) {
	dest := benchDest("bench")
	b.Run("document", func(b *testing.B) {
		l, doc := newLayout(dest), benchDoc(1234567)
		var buffer []byte
		b.ReportAllocs()
		for b.Loop() {
			buffer, _ = l.appendDoc(buffer[:0], doc)
		}
		b.SetBytes(int64(len(buffer)))
	})
	b.Run("op", func(b *testing.B) {
		body := &bulk{layouts: map[*targets.Destination]*layout{}}
		op := &targets.Op{Verb: targets.Upsert, Dest: dest, ID: "1234567", Doc: benchDoc(1234567), Version: 1 << 60}
		b.ReportAllocs()
		for b.Loop() {
			body.reset()
			if err := body.add(0, op); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(body.body)))
	})
	b.Run("standard library, for comparison", func(b *testing.B) {
		doc := benchDoc(1234567)
		b.ReportAllocs()
		for b.Loop() {
			fields := make(map[string]any, len(doc))
			for i, field := range dest.Fields {
				fields[field.Name] = targettest.Show(field, doc[i])
			}
			if _, err := json.Marshal(fields); err != nil {
				b.Fatal(err)
			}
		}
	})
}
