package mappings

import (
	"strings"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// said compiles a mapping of shop.goods, written in flow style without its from, for a target with rules.
func said(tb testing.TB, rules Rules, what string) (*Plan, error) {
	tb.Helper()
	goods := sourcetest.Table("shop.goods", 1, sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Of("at", source.KindDateTime))
	goods.Columns[0].Type.Bits = 64
	file, err := Parse("mapping.yaml", []byte("version: 1\nmappings: [{from: shop.goods"+what+"}]"), nil)
	if err != nil {
		tb.Fatal(err)
	}
	compiled, err := Compile(file.Mappings, []source.Columns{goods}, rules)
	if err != nil {
		return nil, err
	}
	return compiled.Plans[0], nil
}

func document(tb testing.TB, plan *Plan, values ...source.Value) []any {
	tb.Helper()
	ops, err := plan.Ops(nil, source.Row{Key: sourcetest.Key(values[0]), Found: true, Values: values}, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return ops[0].Doc
}

// TestZone: wall clocks around the changes of the clocks, and what is no time.
func TestZone(t *testing.T) {
	plan, err := said(t, Rules{}, ", fields: {at: {zone: Europe/Vienna}}")
	if err != nil {
		t.Fatal(err)
	}
	if kind := plan.Destination().Fields[2].Kind; kind != targets.KindTimestamp {
		t.Errorf("kind %d", kind)
	}
	for wall, want := range map[string]string{
		"2026-01-15T12:00:00":        "2026-01-15T11:00:00Z",
		"2026-07-15T12:00:00":        "2026-07-15T10:00:00Z",
		"2026-03-29T01:59:59":        "2026-03-29T00:59:59Z",
		"2026-03-29T02:30:00":        "2026-03-29T01:30:00Z", // left out by the clock: by the offset of before
		"2026-03-29T03:00:00":        "2026-03-29T01:00:00Z",
		"2026-03-29T12:00:00":        "2026-03-29T10:00:00Z",
		"2026-10-25T02:30:00":        "2026-10-25T00:30:00Z", // shown twice: the first time
		"2026-10-25T03:00:00":        "2026-10-25T02:00:00Z",
		"2026-10-25T01:59:59.123456": "2026-10-24T23:59:59.123456Z",
		"1890-01-01T00:00:00.5":      "1889-12-31T22:54:39.5Z", // local mean time
		"0000-00-00T00:00:00":        "0000-00-00T00:00:00Z",
		"infinity":                   "infinity",
		"9999-12-31T23:59:59":        "9999-12-31T22:59:59Z",
		"0001-01-01T00:00:00":        "0001-01-01T00:00:00Z", // it would be in the year 0
		"12026-07-15T12:00:00":       "12026-07-15T12:00:00Z",
		"0044-03-15T00:00:00 BC":     "0044-03-15T00:00:00Z BC",
	} {
		if got := document(t, plan, int64(1), "v", wall)[2]; got != want {
			t.Errorf("%s in Vienna is %v, want %s", wall, got, want)
		}
	}
}

// TestZeroDate: what is a date of the calendar stays, PostgreSQL's years too.
func TestZeroDate(t *testing.T) {
	plan, err := said(t, Rules{}, `, fields: {at: {zero_date: "null"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"2026-02-28", "2024-02-29", "2000-02-29", "12000-02-29", "12026-07-15", "0044-03-15", "9999-12-31", "10000-01-01"} {
		for _, text := range []string{day + "T12:00:00", day + "T12:00:00 BC"} {
			if got := document(t, plan, int64(1), "v", text)[2]; got != text {
				t.Errorf("%s becomes %v", text, got)
			}
		}
	}
	for _, text := range []string{"0000-00-00T00:00:00", "2026-00-01T00:00:00", "2026-02-30T00:00:00", "2025-02-29T00:00:00", "infinity", "-infinity", "00000-01-01T00:00:00"} {
		if got := document(t, plan, int64(1), "v", text)[2]; got != nil {
			t.Errorf("%s stays %v", text, got)
		}
	}
}

// TestSingle: a FLOAT's number is the one that it shows, wherever the language touches it.
func TestSingle(t *testing.T) {
	single := sourcetest.Of("f", source.KindFloat)
	single.Type.Bits = 32
	goods := sourcetest.Table("shop.goods", 1, sourcetest.Int("id"), single)
	for what, want := range map[string]any{
		"f: {to: g}": float64(float32(0.1)), "f: {type: text}": "0.1", "f: {mask: last4}": "****", "g: {expr: f}": 0.1,
		"g: {expr: f == 0.1}": true, "g: {expr: string(f)}": "0.1",
	} {
		file, err := Parse("mapping.yaml", []byte("version: 1\nmappings: [{from: shop.goods, fields: {"+what+"}}]"), nil)
		if err != nil {
			t.Fatal(err)
		}
		doc := document(t, compile(t, file.Mappings, goods)[0], int64(1), float64(float32(0.1)))
		if got := doc[len(doc)-1]; got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
}

// TestMask: a hash depends on its key and on nothing else, and neither it nor a fingerprint shows the key.
func TestMask(t *testing.T) {
	hash := func(key string) (*Plan, any) {
		plan, err := said(t, Rules{}, `, fields: {v: {mask: hash, key: "`+key+`"}}`)
		if err != nil {
			t.Fatal(err)
		}
		return plan, document(t, plan, int64(1), "ann@example.com", nil)[1]
	}
	first, a := hash("the first key of the test's")
	again, b := hash("the first key of the test's")
	second, c := hash("the second key of the test's")
	if a != b || a == c || len(a.(string)) != 64 {
		t.Errorf("hashes %v, %v, %v", a, b, c)
	}
	if first.Fingerprint() != again.Fingerprint() || first.Fingerprint() == second.Fingerprint() {
		t.Error("the fingerprint does not change with the key alone")
	}
	if doc := document(t, first, int64(1), nil, nil); doc[1] != nil {
		t.Errorf("NULL becomes %v", doc[1])
	}
}

// TestFingerprint_Said: all that is said of documents is in the fingerprint, and nothing else.
func TestFingerprint_Said(t *testing.T) {
	rules := PickyRules
	seen := map[string]string{}
	for _, what := range []string{
		"", ", to: elsewhere", `, id: "x{id}"`, `, where: id > 1`, `, where: id > 2`, `, where: (id + 1) * 2 > 2`, `, where: id + 1 * 2 > 2`, ", exclude: [v]", ", columns: [v, id]",
		", fields: {v: {to: w}}", ", fields: {v: {type: keyword}}", ", fields: {v: {type: json}}", ", fields: {at: {zone: UTC}}",
		", fields: {at: {zone: Europe/Vienna}}", `, fields: {at: {zero_date: "null"}}`, ", fields: {v: {mask: redact}}",
		", fields: {v: {mask: last4}}", ", fields: {w: {value: x}}", ", fields: {w: {value: y}}", ", fields: {w: {expr: id + 1}}",
		", fields: {w: {expr: id + 2}}", ", on_delete: {mark: gone}", ", elastic: {routing: [id]}", ", elastic: {pipeline: clean}",
	} {
		plan, err := said(t, rules, what)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[plan.Fingerprint()]; ok {
			t.Errorf("%q and %q have one fingerprint", what, other)
		}
		seen[plan.Fingerprint()] = what
	}
	spaced, err := said(t, rules, `, fields: {w: {expr: "id  +  1"}}, where: id>1`)
	if err != nil {
		t.Fatal(err)
	}
	other, err := said(t, rules, ", fields: {w: {expr: id + 1}}, where: id > 1")
	if err != nil || spaced.Fingerprint() != other.Fingerprint() {
		t.Errorf("blanks change the fingerprint, %v", err)
	}
	for _, what := range []string{", name: goods", ", on_delete: delete", ", elastic: {settings: {number_of_shards: 3}}", ", mongo: {x: 1}"} {
		plan, err := said(t, rules, what)
		if err != nil {
			t.Fatal(err)
		}
		if seen[plan.Fingerprint()] != "" || plan.Fingerprint() == "" {
			t.Errorf("%q changes the fingerprint", what)
		}
	}
}

// TestKeyIsFields: a target whose key columns are columns of its tables keeps their types; a mapping that would
// change one is refused, unless the documents have an id of their own.
func TestKeyIsFields(t *testing.T) {
	rules := Rules{KeyIsFields: true}
	if _, err := said(t, rules, ", fields: {id: {type: text}}"); err == nil || !strings.Contains(err.Error(), `column "id" is part of the key, which this target keeps as it is`) {
		t.Errorf("%v", err)
	}
	if _, err := said(t, rules, ", fields: {id: {expr: id + 1}}"); err == nil || !strings.Contains(err.Error(), "which this target keeps as it is") {
		t.Errorf("computed: %v", err)
	}
	for _, what := range []string{`, id: "{id}", fields: {id: {type: text}}`, ", fields: {id: {to: nr}}"} {
		if _, err := said(t, rules, what); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := said(t, Rules{}, ", fields: {id: {type: text}}"); err != nil {
		t.Errorf("a target without this: %v", err)
	}
}

// TestPlan_Concurrent: a plan with everything in it may be used by many at once.
func TestPlan_Concurrent(t *testing.T) {
	plan, err := said(t, Rules{}, `, id: "{db}:{id}", where: len(v) > 1, fields: {up: {expr: upper(v)}, ref: {value: "{table}/{id}"}, v: {mask: last4}}`)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for worker := range int64(8) {
		all.Go(func() {
			for i := range int64(200) {
				text := strings.Repeat(string(rune('a'+worker)), int(i%7)+2)
				doc := document(t, plan, worker*1000+i, text, nil)
				if doc[3] != strings.ToUpper(text) {
					t.Errorf("%v of %s", doc, text)
				}
			}
		})
	}
	all.Wait()
}
