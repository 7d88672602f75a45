package mongo

import (
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestAsked_TableIsComplete(t *testing.T) { targettest.CheckAskedTable(t, Types()) }

func TestAsked_Values(t *testing.T) {
	price, _ := bson.ParseDecimal128("12.50")
	seven, _ := bson.ParseDecimal128("7")
	tenth, _ := bson.ParseDecimal128("0.1")
	for _, c := range []struct {
		as    string
		field targets.Field
		value any
		want  any // an error where it is "error"
	}{
		{"string", targets.Field{Kind: targets.KindDate}, "0000-00-00", "0000-00-00"},
		{"string", targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(math.MaxUint64), "18446744073709551615"},
		{"string", targets.Field{Kind: targets.KindFloat, Bits: 64}, 0.1, "0.1"},
		{"string", targets.Field{Kind: targets.KindFloat, Bits: 32}, float64(float32(0.1)), "0.1"},
		{"string", targets.Field{Kind: targets.KindBool}, true, "true"},
		{"string", targets.Field{Kind: targets.KindJSON}, `{"a" : 1}`, `{"a" : 1}`},
		{"string", targets.Field{Kind: targets.KindSet}, "a,b", "a,b"},
		{"string", targets.Field{Kind: targets.KindSet}, nil, nil},
		{"int", targets.Field{Kind: targets.KindDecimal, Precision: 9}, "123456789", int32(123456789)},
		{"long", targets.Field{Kind: targets.KindInt, Bits: 8}, int64(7), int64(7)},
		{"long", targets.Field{Kind: targets.KindUint, Bits: 64}, uint64(math.MaxUint64), "error"},
		{"long", targets.Field{Kind: targets.KindDecimal, Precision: 18}, "NaN", "error"},
		{"double", targets.Field{Kind: targets.KindDecimal, Precision: 12, Scale: 2}, "12.50", 12.5},
		{"double", targets.Field{Kind: targets.KindInt, Bits: 64}, int64(7), 7.0},
		{"decimal", targets.Field{Kind: targets.KindDecimal, Precision: 40}, "12.50", price},
		{"decimal", targets.Field{Kind: targets.KindDecimal, Precision: 40}, "1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"},
		{"decimal", targets.Field{Kind: targets.KindInt, Bits: 8}, int64(7), seven},
		{"decimal", targets.Field{Kind: targets.KindFloat, Bits: 32}, float64(float32(0.1)), tenth},
		{"bool", targets.Field{Kind: targets.KindInt, Bits: 8}, int64(2), true},
		{"bool", targets.Field{Kind: targets.KindUint, Bits: 1}, uint64(0), false},
		{"uuid", targets.Field{Kind: targets.KindBinary}, []byte("short"), "error"},
		{"uuid", targets.Field{Kind: targets.KindText}, "no uuid", "error"},
	} {
		c.field.As = c.as
		got, err := encode(c.field, c.value)
		if c.want == "error" {
			if err == nil {
				t.Errorf("%s of %v: %v, want an error", c.as, c.value, got)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s of %v: %v (%T), %v; want %v", c.as, c.value, got, got, err, c.want)
		}
	}
}

func TestAsked_Unfit(t *testing.T) {
	for want, field := range map[string]targets.Field{
		`field f: there is no type "keyword"; json can become string, object`: {As: "keyword", Native: "json", Kind: targets.KindJSON},
		"field f: json cannot become date; json can become string, object":    {As: "date", Native: "json", Kind: targets.KindJSON},
		"field f: bigint cannot become int: it has larger numbers":            {As: "int", Native: "bigint", Kind: targets.KindInt, Bits: 64},
		"field f: decimal(9,2) cannot become int: it has decimals":            {As: "int", Native: "decimal(9,2)", Kind: targets.KindDecimal, Precision: 9, Scale: 2},
		"field f: numeric cannot become long: it has more digits":             {As: "long", Native: "numeric", Kind: targets.KindDecimal},
	} {
		field.Name = "f"
		if err := CheckFields([]targets.Field{field}); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
