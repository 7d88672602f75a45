package demo_test

import (
	"encoding/json"
	"testing"

	"github.com/meepo-replicate/meepo/internal/demo"
)

func TestPlain_SameValueSameSpelling(t *testing.T) {
	for _, same := range []struct {
		kind   demo.Kind
		values []any
	}{
		{demo.Text, []any{"a'b", "a'b"}},
		{demo.Number, []any{"2", "2.00", json.Number("2.0"), 2, int64(2), 2.0, "2e0"}},
		{demo.Number, []any{"17999999999999999999", uint64(17999999999999999999)}},
		{demo.Bool, []any{"1", "true", true, json.Number("1"), int64(1)}},
		{demo.Moment, []any{"2026-11-01", "2026-11-01T00:00:00.000Z"}},
		{demo.Moment, []any{"2026-11-01 10:00:00.120000", "2026-11-01T10:00:00.12Z", "2026-11-01 10:00:00.12+00"}},
		{demo.Moment, []any{"2026-11-01 10:00:00", "2026-11-01T10:00:00.000000"}},
		{demo.Duration, []any{"35:12:05", "1 day 11:12:05", "PT35H12M5S", "P1DT11H12M5S", "35:12:05.000000"}},
		{demo.Duration, []any{"-00:08:14", "PT-8M-14S"}},
		{demo.Set, []any{"b,a", "{a,b}", []any{"a", "b"}, `["a","b"]`, `{"a",b}`}},
		{demo.Set, []any{"", "{}", []any{}, "[]"}},
		{demo.JSON, []any{`{"b": [1, 2.5], "a": "é"}`, map[string]any{"a": "é", "b": []any{json.Number("1"), json.Number("2.5")}}}},
		{demo.Bytes, []any{[]byte{0xfb, 0xff}, `\xFBFF`, "+/8="}},
		{demo.UUID, []any{"00010203-0405-4607-8809-0a0b0c0d0e0f", "AAECAwQFRgeICQoLDA0ODw==", []byte{0, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15}}},
		{demo.Point, []any{"(13.4,-52.5)", "POINT(13.4 -52.5)", `{"type": "Point", "coordinates": [13.4, -52.5]}`,
			map[string]any{"type": "Point", "coordinates": []any{json.Number("13.4"), json.Number("-52.50")}}}},
	} {
		want, err := same.kind.Plain(same.values[0])
		if err != nil || want == "" {
			t.Errorf("%v is %q: %v", same.values[0], want, err)
		}
		for _, value := range same.values[1:] {
			if got, err := same.kind.Plain(value); got != want || err != nil {
				t.Errorf("%v is %q, and %v is %q: %v", same.values[0], want, value, got, err)
			}
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for plain, want := range map[string]string{
		"": "", "2026-11-01 10:00:00": "2026-11-01 10:00:00", "2026-11-01 10:00:00.123999": "2026-11-01 10:00:00.123",
		"2026-11-01 10:00:00.120": "2026-11-01 10:00:00.12", "2026-11-01 10:00:00.000999": "2026-11-01 10:00:00",
	} {
		if got := demo.Milliseconds(plain); got != want {
			t.Errorf("%q to the millisecond is %q, want %q", plain, got, want)
		}
	}
}

func TestPlain_OtherValueOtherSpelling(t *testing.T) {
	for kind, values := range map[demo.Kind][2]any{
		demo.Text:     {"", nil},
		demo.Number:   {"0.10", "0.100000000000000000001"},
		demo.Bool:     {true, "0"},
		demo.Moment:   {"2026-11-01 10:00:00", "2026-11-01 10:00:00.000001"},
		demo.Duration: {"01:00:00", "-01:00:00"},
		demo.Set:      {"", nil},
		demo.JSON:     {"null", nil},
		demo.Bytes:    {[]byte{}, nil},
		demo.UUID:     {"00010203-0405-4607-8809-0a0b0c0d0e0f", "00010203-0405-4607-8809-0a0b0c0d0e0e"},
		demo.Point:    {"(1,2)", "(2,1)"},
	} {
		one, err1 := kind.Plain(values[0])
		other, err2 := kind.Plain(values[1])
		if one == other || err1 != nil || err2 != nil {
			t.Errorf("%v and %v are both %q: %v, %v", values[0], values[1], one, err1, err2)
		}
	}
}

func TestPlain_RefusesWhatIsNoValueOfTheKind(t *testing.T) {
	for kind, value := range map[demo.Kind]any{
		demo.Text: 1, demo.Number: "x", demo.Bool: "2", demo.Moment: "01.11.2026", demo.Duration: "soon", demo.Set: 1,
		demo.JSON: "{", demo.Bytes: "#", demo.UUID: 1, demo.Point: "(1)",
	} {
		if plain, err := kind.Plain(value); err == nil {
			t.Errorf("%v is %q", value, plain)
		}
	}
}
