package expressions_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/source"
)

// table has a column of each kind, and one whose name is no word.
var table = []struct {
	name  string
	kind  source.Kind
	value source.Value
}{
	{"n", source.KindInt, int64(7)},
	{"big", source.KindInt, int64(9223372036854775807)},
	{"u", source.KindUint, uint64(18446744073709551615)},
	{"total", source.KindDecimal, "12.50"},
	{"tax", source.KindDecimal, "0.10"},
	{"nan", source.KindDecimal, "NaN"},
	{"f", source.KindFloat, 0.5},
	{"single", source.KindFloat, float64(float32(0.1))},
	{"status", source.KindEnum, "draft"},
	{"name", source.KindText, "Zoë O'Hara"},
	{"nothing", source.KindText, nil},
	{"zero", source.KindInt, int64(0)},
	{"none", source.KindInt, nil},
	{"yes", source.KindBool, true},
	{"raw", source.KindBinary, []byte{1, 2, 255}},
	{"day", source.KindDate, "2026-02-28"},
	{"at", source.KindDateTime, "2026-02-28T10:00:00.500"},
	{"ts", source.KindTimestamp, "2026-02-28T10:00:00Z"},
	{"ever", source.KindTimestamp, "infinity"},
	{"meta", source.KindJSON, `{"age": 30, "price": 1.10, "tags": ["a", "b"], "deep": {"x": null}, "far": 1e999999}`},
	{"wide", source.KindJSON, "[" + strings.Repeat("1,", 299) + "1]"},
	{"order-id", source.KindInt, int64(3)},
}

func compile(t *testing.T, text string) (*expressions.Program, error) {
	t.Helper()
	columns := make([]source.Column, len(table))
	for i, c := range table {
		columns[i] = source.Column{Name: c.name, Type: source.Type{Kind: c.kind}}
		if c.name == "single" {
			columns[i].Type.Bits = 32
		}
	}
	return expressions.Compile(text, columns)
}

func valuesOf(p *expressions.Program) []source.Value {
	var values []source.Value
	for _, column := range p.Columns() {
		for _, c := range table {
			if c.name == column.Name {
				values = append(values, c.value)
			}
		}
	}
	return values
}

// TestRun: what expressions yield.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		text string
		want source.Value
	}{
		// Numbers are exact.
		{"1 + 2 * 3", int64(7)},
		{"total - tax", "12.40"},
		{"total * 1.19", "14.8750"},
		{"0.1 + 0.2 == 0.3", true},
		{"total / 3", "4.1666666666666667"},
		{"n / 2", "3.5"},
		{"n % 4", int64(3)},
		{"-n", int64(-7)},
		{"-total", "-12.50"},
		{"big + 0", int64(9223372036854775807)},
		{"big + 1 > big", true},
		{"u > big", true},
		{"u == u", true},
		{"string(u)", "18446744073709551615"},
		{"f * 2", 1.0},
		{"f + total", 13.0},
		{"2 ** 3", 8.0},
		{"nan == nan", true},
		{"nan > total", true},
		{"nan * 1.0", "NaN"},
		{"round(total)", "13"},
		{"round(total * 1.111, 2)", "13.89"},
		{"floor(total)", "12"}, {"ceil(total)", "13"}, {"abs(-total)", "12.50"}, {"abs(-7)", int64(7)},
		{"int(total)", int64(12)}, {"int('42')", int64(42)}, {"float('1.5')", 1.5}, {"decimal('1.10')", "1.10"}, {"string(total)", "12.50"}, {"total * 1", "12.50"}, {"decimal('12345678901234567.89') == 12345678901234567.89", true}, {"decimal('12345678901234567.89') in [12345678901234567.89]", true}, {"single", 0.1}, {"single == 0.1", true}, {"string(single)", "0.1"},
		{"min(n, total)", "7"}, {"max(n, 3)", int64(7)},
		// Texts.
		{"upper(name)", "ZOË O'HARA"}, {"lower(name)", "zoë o'hara"}, {"len(name)", int64(10)},
		{"name + '!'", "Zoë O'Hara!"}, {"name[0:3]", "Zoë"}, {"name[-5:]", "'Hara"}, {"indexOf(name, 'O')", int64(4)},
		{"trim('  a ')", "a"}, {"replace(name, 'o', '0')", "Z0ë O'Hara"}, {"join(split('a,b,c', ','), '-')", "a-b-c"},
		{"name contains 'Hara'", true}, {"name startsWith 'Z'", true}, {"name endsWith 'x'", false}, {"name matches '^Z.*a$'", true},
		{"not (name contains 'x')", true}, {"name not in ['a', 'b']", true}, {"status in ['draft', 'new']", true},
		{"status == 'draft' ? 'open' : 'closed'", "open"},
		{"name | lower()", "zoë o'hara"},
		// Moments.
		{"day < '2026-03-01'", true}, {"at > day", true}, {"at >= '2026-02-28 10:00:00.5'", true}, {"ts == '2026-02-28T10:00:00.000Z'", true},
		{"ever > ts", true}, {"year(day)", int64(2026)}, {"month(ts)", int64(2)}, {"day(at)", int64(28)}, {"year(ever)", nil},
		{"day in ['2026-02-28', '2025-01-01']", true}, {"ts", "2026-02-28T10:00:00Z"},
		// JSON.
		{"meta.age", "30"}, {"int(meta.age) + 1", int64(31)}, {"meta.age + 1", "31"}, {"meta.price", "1.10"}, {"meta.tags[1]", `"b"`},
		{"string(meta.tags[-1])", "b"}, {"meta.tags[7]", nil}, {"meta.no.such.thing", nil}, {"meta.deep.x == nil", true},
		{"'a' in meta.tags", true}, {"filter(meta.tags, {# != 'a'})", `["b"]`}, {"map(meta.tags, {upper(#)})", `["A","B"]`},
		{"any(meta.tags, {# == 'b'})", true}, {"all(meta.tags, {# == 'b'})", false}, {"count(meta.tags, {true})", int64(2)},
		{"count(nothing == nil ? [] : [1], {true})", int64(0)}, {"keys(meta.deep)", `["x"]`}, {"meta", `{"age":30,"deep":{"x":null},"far":1e999999,"price":1.10,"tags":["a","b"]}`},
		// NULL.
		{"nothing", nil}, {"nothing == nil", true}, {"nothing != nil", false}, {"name == null", false}, {"none == 1", nil}, {"none != 1", nil},
		{"not (none == 1)", nil}, {"none + 1", nil}, {"nothing + 'x'", nil}, {"upper(nothing)", nil}, {"nothing ?? 'x'", "x"},
		{"none == 1 or yes", true}, {"none == 1 and yes", nil}, {"none == 1 and not yes", false}, {"yes and none == 1", nil},
		{"none in [1, 2]", nil}, {"1 in [none, 2]", nil}, {"2 in [none, 2]", true}, {"none == 1 ? 'a' : 'b'", "b"},
		// What decides on the left keeps the right from being computed.
		{"zero != 0 and n / zero > 1", false}, {"zero == 0 or n / zero > 1", true},
		{"yes and yes and yes and not yes or yes", true},
		{`$env["order-id"] + 1`, int64(4)},
		{"raw == raw", true}, {"name == '// no comment'", false}, {"'a/' + '/b'", "a//b"}, {"len(raw)", int64(3)},
		{"toJSON(meta.tags)", `["a","b"]`}, {"fromJSON('[1]')[0]", "1"},
		{"nan ?? total", "NaN"},
	} {
		p, err := compile(t, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, err := p.Run(valuesOf(p))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

// TestRun_Fails: what cannot be computed of a row is an error, and the next row is not harmed.
func TestRun_Fails(t *testing.T) {
	for text, want := range map[string]string{
		"n / zero": "division by zero", "total % 0": "division by zero", "int(name)": "the text is no number", "u + 1": "beyond the whole numbers of 64 bits",
		"meta.tags + 1": "a list is no number", "upper(meta.age)": "a text is wanted, not a number", "meta.age > 'x'": "a number cannot be compared with a text",
		"not meta.age": "not wants a truth value, not a number", "string(raw)": "the bytes are no text", "fromJSON(name)": "not JSON",
		"replace(" + strings.Repeat("replace(", 5) + "'aaaaaaaaaa'" + strings.Repeat(", 'a', 'aaaaaaaaaaaaaaaaaaaa')", 5) + ", 'a', name)": "a text of more than 16 MiB",
		"filter(meta.age, {# > 1})":                                 "a list is wanted, not a number",
		"count(wide, {count(wide, {count(wide, {true}) > 0}) > 0})": "lists of more than 1000000 members in all",
	} {
		p, err := compile(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for range 2 {
			if _, err := p.Run(valuesOf(p)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
	}
}

var placed = regexp.MustCompile(`^[0-9]+-[0-9]+ `)

// TestCompile_Refuses: what is wrong is said with its place before anything is run.
func TestCompile_Refuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"totl > 1", `0-4 unknown column "totl"`},
		{"total > 'x'", `6-7 a decimal cannot be compared with a text: put the number in quotes, or make one of the text by decimal(…)`},
		{"total > '12'", "6-7 a decimal cannot be compared with a text: leave the quotes out"},
		{"n // 2", "2-4 a comment is not part of the language: write int(a / b)"},
		{"n == 1 /* and more */", "a comment is not part of the language"},
		{"yes == 1", "4-6 a truth value cannot be compared with a whole number: compare the number with 0 or 1"},
		{"name + 1", "5-6 a text and a whole number cannot be joined: make a text of the other by string(…)"},
		{"n and yes", "0-1 and wants truth values, not a whole number: compare it with something"},
		{"day > 'yesterday'", `6-17 "yesterday" is no date or time: write it as '2026-02-28' or '2026-02-28T12:30:00'`},
		{"now()", "0-3 now is not part of the language: the same row has to give the same document"},
		{"uper(name)", "0-4 no function uper: known are "},
		{"round()", "0-5 round is written round(x, digits)"},
		{"let x = 1; x", "4-5 let is not part of the language"},
		{"1..5", "1-3 the operator .. is not part of the language"},
		{"status = 'x'", "write == for ="},
		{"status <> 'x'", "write != for <>"},
		{"status IS NULL", "write x == nil for IS NULL"},
		{"n == 1 AND yes", "write and, or and not in lower case"},
		{"name like 'a%'", "write x contains 'a'"},
		{"name matches '('", "not a regular expression"},
		{"none < nil", "a comparison with nil by < is never true"},
		{"status in ['a', 1]", "a text cannot be compared with a whole number"},
		{"(n", "cannot be read"},
		{"$env", `unknown column "$env"`},
		{"name.first", "a text has no members"},
		{"a + b + c", `unknown column "a"; unknown column "b"; unknown column "c"`},
		{"yes ? 1 : 'a'", "they have to be of one kind"},
		{strings.Repeat("1+", 1000) + "1", "longer than 2000"},
		{"at == ts", "a date and time cannot be compared with a moment"},
	} {
		_, err := compile(t, c.text)
		if err == nil {
			t.Errorf("%s: no error, want %q", c.text, c.want)
			continue
		}
		got := err.Error()
		if placed.MatchString(c.want) {
			one := expressions.Errors(err)[0]
			got = fmt.Sprintf("%d-%d %s", one.From, one.To, one.Error())
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}
