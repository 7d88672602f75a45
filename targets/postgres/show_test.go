package postgres_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// show is how the server makes JSON of the values: what it shows otherwise than others.
func show(field targets.Field, value any) any {
	text, _ := value.(string)
	switch field.Kind {
	case targets.KindDecimal:
		if value != nil {
			return json.Number(text)
		}
	case targets.KindBinary:
		if b, ok := value.([]byte); ok {
			return `\x` + hex.EncodeToString(b)
		}
	case targets.KindDateTime:
		if value != nil {
			return trimmed(text)
		}
	case targets.KindTimestamp:
		if value != nil {
			return trimmed(strings.TrimSuffix(text, "Z")) + "+00:00"
		}
	case targets.KindTime:
		if value != nil {
			return duration(text)
		}
	case targets.KindSet:
		if value != nil {
			return text
		}
	case targets.KindText:
		if value != nil {
			return strings.ReplaceAll(text, "\x00", "\ufffd")
		}
	case targets.KindJSON:
		if value != nil {
			return json.RawMessage(strings.ReplaceAll(text, `\u0000`, "\ufffd"))
		}
	}
	return targettest.Show(field, value)
}

// trimmed is a time without zeros at the end of its fraction.
func trimmed(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// duration is a time of MySQL's as an interval is printed.
func duration(text string) string {
	sign := ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = "-", rest
	}
	var h, m int
	var s float64
	if _, err := fmt.Sscanf(text, "%d:%d:%g", &h, &m, &s); err != nil {
		return err.Error()
	}
	out := "PT"
	for _, part := range []struct {
		n    float64
		unit string
	}{{float64(h), "H"}, {float64(m), "M"}, {s, "S"}} {
		if part.n != 0 {
			out += sign + trimmed(fmt.Sprintf("%f", part.n)) + part.unit
		}
	}
	return out
}
