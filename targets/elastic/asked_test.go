package elastic

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestAsked_TableIsComplete(t *testing.T) { targettest.CheckAskedTable(t, Types()) }

// TestAsked_Golden shows what a new index gets for each type, and what a document shows: of types that the test server lacks, too.
func TestAsked_Golden(t *testing.T) {
	type shown struct {
		Property property        `json:"property"`
		Document json.RawMessage `json:"document"`
	}
	all := map[string]shown{}
	for _, typ := range Types() {
		for _, kind := range typ.Kinds {
			field, value := targettest.Options{Samples: map[string]any{"ip of Text": "2001:db8::1"}}.AskedField(typ, kind)
			if err := CheckFields([]targets.Field{field}); err != nil {
				t.Error(err)
			}
			dest := &targets.Destination{Name: "d", Fields: []targets.Field{field}}
			doc, err := newLayout(dest).appendDoc(nil, []any{value})
			if err != nil {
				t.Errorf("%s of %s: %v", typ.Name, kind, err)
			}
			all[fmt.Sprintf("%s of %s", typ.Name, kind)] = shown{propertyOf(field), doc}
		}
	}
	compareGolden(t, "testdata/asked.golden.json", all)
}

func TestAsked_Values(t *testing.T) {
	decimal := targets.Field{Kind: targets.KindDecimal, Precision: 30, Scale: 2}
	for _, c := range []struct {
		as    string
		field targets.Field
		value any
		want  string
	}{
		{"scaled_float", decimal, "-1234567890123456789012345678.50", `-1234567890123456789012345678.50`},
		{"double", decimal, "0.10", `0.10`},
		{"double", decimal, "NaN", `null`},
		{"double", decimal, "-Infinity", `null`},
		{"double", decimal, "1 OR 1", "error"},
		{"double", decimal, "true", "error"},
		{"double", decimal, nil, `null`},
		{"double", targets.Field{Kind: targets.KindFloat, Bits: 64}, math.Inf(1), `null`},
		{"keyword", decimal, "NaN", `"NaN"`},
		{"keyword", targets.Field{Kind: targets.KindDate}, "0000-00-00", `"0000-00-00"`},
		{"keyword", targets.Field{Kind: targets.KindTimestamp}, "infinity", `"infinity"`},
		{"date", targets.Field{Kind: targets.KindDate}, "0000-00-00", `null`},
		{"keyword", targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(math.MaxUint64), `"18446744073709551615"`},
		{"unsigned_long", targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(math.MaxUint64), `18446744073709551615`},
		{"long", targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(7), `7`},
		{"boolean", targets.Field{Kind: targets.KindInt, Bits: 8}, int64(-2), `true`},
		{"boolean", targets.Field{Kind: targets.KindUint, Bits: 1}, uint64(0), `false`},
		{"text", targets.Field{Kind: targets.KindJSON}, "{\n\"a\":1}", `"{\n\"a\":1}"`},
		{"text", targets.Field{Kind: targets.KindSet}, "a,b", `["a","b"]`},
		{"flattened", targets.Field{Kind: targets.KindJSON}, "{\n\"a\":1}", `{"a":1}`},
		{"geo_point", targets.Field{Kind: targets.KindGeometry}, `{"type":"Point","coordinates":[13.4,-52.5]}`, `[13.4,-52.5]`},
		{"geo_point", targets.Field{Kind: targets.KindGeometry}, `{"type":"Point","coordinates":[1e2,2,7]}`, `[100,2]`},
		{"geo_point", targets.Field{Kind: targets.KindGeometry}, `{"type":"LineString","coordinates":[[1,2],[3,4]]}`, "error"},
	} {
		c.field.Name, c.field.As = "f", c.as
		dest := &targets.Destination{Name: "d", Fields: []targets.Field{c.field}}
		got, err := newLayout(dest).appendDoc(nil, []any{c.value})
		if c.want == "error" {
			if err == nil {
				t.Errorf("%s of %v: %s, want an error", c.as, c.value, got)
			}
		} else if err != nil || string(got) != `{"f":`+c.want+`}` {
			t.Errorf("%s of %v: %s, %v; want %s", c.as, c.value, got, err, c.want)
		}
	}
}

func TestAsked_Unfit(t *testing.T) {
	for want, field := range map[string]targets.Field{
		`field f: there is no type "money"; decimal(12,2) can become keyword, byte, short, integer, long, double, float, scaled_float`: {
			As: "money", Native: "decimal(12,2)", Kind: targets.KindDecimal, Precision: 12, Scale: 2},
		"field f: datetime cannot become long; datetime can become keyword, text, date":        {As: "long", Native: "datetime", Kind: targets.KindDateTime},
		"field f: bigint cannot become integer: it has larger numbers":                         {As: "integer", Native: "bigint", Kind: targets.KindInt, Bits: 64},
		"field f: int unsigned cannot become integer: it has larger numbers":                   {As: "integer", Native: "int unsigned", Kind: targets.KindUint, Bits: 32},
		"field f: decimal(12,2) cannot become long: it has decimals":                           {As: "long", Native: "decimal(12,2)", Kind: targets.KindDecimal, Precision: 12, Scale: 2},
		"field f: decimal(19,0) cannot become long: it has more digits":                        {As: "long", Native: "decimal(19,0)", Kind: targets.KindDecimal, Precision: 19},
		"field f: double cannot become float: it has larger numbers; use double":               {As: "float", Native: "double", Kind: targets.KindFloat, Bits: 64},
		"field f: int cannot become scaled_float: say its scale, such as 100 for two decimals": {As: "scaled_float", Native: "int", Kind: targets.KindInt, Bits: 32},
		"field f: vector cannot become dense_vector: its column says no dimensions":            {As: "dense_vector", Native: "vector", Kind: targets.KindVector},
		"": {As: "long", Native: "bigint unsigned", Kind: targets.KindUint, Bits: 64},
	} {
		field.Name = "f"
		got := ""
		if err := CheckFields([]targets.Field{field}); err != nil {
			got = err.Error()
		}
		if want != got {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
