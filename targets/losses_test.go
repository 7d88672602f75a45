package targets

import (
	"math"
	"strings"
	"testing"
)

func TestLosses_Some(t *testing.T) {
	for name, c := range map[string]struct {
		some         func(any) bool
		holds, lacks []any
	}{
		"no day":    {NoDay, []any{"0000-00-00", "2024-02-30", "infinity"}, []any{"2024-02-29", "2024-02-29T10:00:00Z", int64(1)}},
		"finer":     {FinerThanMillis, []any{"2024-01-01T00:00:00.000001", "2024-01-01T00:00:00.1234Z"}, []any{"2024-01-01T00:00:00", "2024-01-01T00:00:00.123000Z", "2024-01-01T00:00:00.12"}},
		"digits":    {MoreDigits(3), []any{"1234", "-12.345", "0.1234", "NaN", "1000.5"}, []any{"123", "-0.00123", "12.300", "0", "-001", "1.50"}},
		"many zero": {MoreDigits(3), []any{"100000"}, []any{"100"}},
		"long":      {LongerThan(3), []any{"abcd", "üüüü"}, []any{"abc", "üüü", ""}},
		"no number": {NoNumber, []any{math.NaN(), math.Inf(-1)}, []any{1.5, "NaN"}},
		"either":    {Either(NoDay, FinerThanMillis), []any{"0000-00-00T00:00:00", "2024-01-01T00:00:00.000001"}, []any{"2024-01-01T00:00:00.001"}},
	} {
		for _, v := range c.holds {
			if !c.some(v) {
				t.Errorf("%s: %v is not seen", name, v)
			}
		}
		for _, v := range c.lacks {
			if c.some(v) {
				t.Errorf("%s: %v is none", name, v)
			}
		}
	}
}

// TestFindings_AddLosses: a rare loss is worth a word only where it was seen.
func TestFindings_AddLosses(t *testing.T) {
	var found Findings
	found.AddLosses("d", []Loss{{Field: Field{Name: "a"}, Message: "rounds"}, {Field: Field{Name: "b"}, Message: "cuts", Rare: true}})
	if len(found) != 1 || found[0].Subject != "d.a" || !found[0].Loss || found[0].Severity != Note || !strings.Contains(found[0].Message, "rounds") {
		t.Errorf("%+v", found)
	}
}
