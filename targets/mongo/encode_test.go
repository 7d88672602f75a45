package mongo

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

func TestDate(t *testing.T) {
	for text, want := range map[string]string{
		"1970-01-01":                  "1970-01-01T00:00:00Z",
		"0001-01-01":                  "0001-01-01T00:00:00Z",
		"2024-02-29T23:59:59.999999":  "2024-02-29T23:59:59.999Z",
		"1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999Z",
		"9999-12-31T00:00:00Z":        "9999-12-31T00:00:00Z",
		"294276-12-31T00:00:00":       "+294276-12-31T00:00:00Z",
		"0001-01-01 BC":               "0000-01-01T00:00:00Z",
		"4713-01-01 BC":               "-4712-01-01T00:00:00Z",
		"0000-00-00":                  "",
		"2024-00-10":                  "",
		"2023-02-29":                  "",
		"infinity":                    "",
		"-infinity":                   "",
		"2024-02-29T24:00:00":         "",
	} {
		at, ok := date(text)
		got := ""
		if ok {
			got = time.UnixMilli(int64(at)).UTC().Format("2006-01-02T15:04:05.999Z")
			if y := time.UnixMilli(int64(at)).UTC().Year(); y > 9999 {
				got = "+" + got
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestFromJSON_Numbers(t *testing.T) {
	decimal := func(text string) bson.Decimal128 {
		d, err := bson.ParseDecimal128(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for text, want := range map[string]any{
		"0": int32(0), "-2147483648": int32(-2147483648), "2147483648": int64(2147483648), "-0": float64(0) * -1,
		"9223372036854775807": int64(9223372036854775807), "9223372036854775808": decimal("9223372036854775808"),
		"0.1": 0.1, "1e3": 1000.0, "0.10000000000000000555": decimal("0.10000000000000000555"),
		"1e400": decimal("1e400"), "12345678901234567890123456789012345": 12345678901234567890123456789012345.0, "1e99999": "1e99999",
	} {
		got, err := fromJSON(text, false)
		if err != nil || got != want {
			t.Errorf("%s: %v (%T), %v, want %v (%T)", text, got, got, err, want, want)
		}
	}
	got, err := fromJSON(`{"a":1,"b":2,"a":{"c":3}}`, false)
	if d, ok := got.(bson.D); err != nil || !ok || len(d) != 2 || d[0].Key != "a" || d[1].Value != int32(2) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "{", "1 2", `{"a":}`, "nul"} {
		if got, err := fromJSON(text, false); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

// FuzzKey: of every id that has an _id, that _id has the id; and two ids never have one _id, byte by byte. That a number has
// one text only is seen to where ids are made.
func FuzzKey(f *testing.F) {
	for _, text := range []string{"1", "-0", "007", "1.10", "NaN", "true", "00ff", "0000-00-00", "2024-01-01T00:00:00", "a|b"} {
		f.Add(text, "x", uint8(0))
	}
	kinds := []targets.Field{
		{Kind: targets.KindInt, Bits: 64}, {Kind: targets.KindUint, Bits: 64}, {Kind: targets.KindDecimal, Precision: 30, Scale: 10}, {Kind: targets.KindDecimal},
		{Kind: targets.KindBool}, {Kind: targets.KindText}, {Kind: targets.KindBinary}, {Kind: targets.KindUUID}, {Kind: targets.KindDate},
		{Kind: targets.KindDateTime}, {Kind: targets.KindDateTime, Scale: 3}, {Kind: targets.KindTimestamp, Scale: 2}, {Kind: targets.KindTime},
	}
	f.Fuzz(func(t *testing.T, one, other string, which uint8) {
		field := kinds[int(which)%len(kinds)]
		field.Name = "k"
		key := []targets.Field{field, {Name: "l", Kind: targets.KindText}}
		stored := func(id targets.ID) string {
			value, err := keyOf(key, id)
			if err != nil {
				return ""
			}
			raw, err := bson.Marshal(bson.D{{Key: "_id", Value: value}})
			if err != nil {
				return "" // NUL in a name cannot be: names are ours
			}
			if again, ok := idOf(key, bson.Raw(raw).Lookup("_id")); !ok || again != id {
				t.Errorf("%q is stored as %v, which is %q, %v", id, value, again, ok)
			}
			return string(raw)
		}
		a, b := targets.JoinID(one, "same"), targets.JoinID(other, "same")
		if a != b && stored(a) == stored(b) && stored(a) != "" {
			t.Errorf("%q and %q have one _id", a, b)
		}
	})
}
