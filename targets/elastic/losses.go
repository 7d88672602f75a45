package elastic

import (
	"fmt"
	"math"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.LossTeller = (*Target)(nil)

// digitsOfDouble are those that a double always keeps.
const digitsOfDouble = 15

// Losses lists what the types of a new index do not keep.
func (t *Target) Losses(dest *targets.Destination) []targets.Loss {
	var losses []targets.Loss
	for _, field := range dest.Fields {
		loss := targets.Loss{Field: field, Type: typeShown(field), Message: lossy(field)}
		loss.Some, loss.Such = loses(field)
		if loss.Message == "" && loss.Some == nil {
			continue
		}
		if loss.Message == "" {
			loss.Rare = true
			loss.Message = rarely(field)
		}
		if field.As == "" {
			loss.Change = otherwise(field)
		}
		losses = append(losses, loss)
	}
	return losses
}

// typeShown is the type that a field becomes, with the one beside it.
func typeShown(field targets.Field) string {
	p := propertyOf(field)
	shown, _ := p["type"].(string)
	if beside, ok := p["fields"].(property); ok {
		if number, ok := beside["number"].(property); ok {
			shown += fmt.Sprintf(" + %v", number["type"])
		}
	}
	return shown
}

// loses says which values of a field lose something; nil: none, or nobody can tell by a value.
func loses(field targets.Field) (some func(value any) bool, such string) {
	const noDay = "a date that is none of the calendar"
	switch typ := propertyOf(field)["type"]; {
	case typ == "date" && field.Kind != targets.KindDate && field.Scale > 3:
		return targets.Either(targets.NoDay, targets.FinerThanMillis), noDay + ", or more than milliseconds"
	case typ == "date":
		return targets.NoDay, noDay
	case field.Kind == targets.KindUint && field.Bits == 64 && typ == "keyword":
		return func(value any) bool { n, ok := value.(uint64); return ok && n > math.MaxInt64 }, "more than 9223372036854775807, for which long has no room"
	case field.Kind == targets.KindDecimal && (typ == "double" || field.As == ""):
		return targets.MoreDigits(digitsOfDouble), fmt.Sprintf("more than %d digits, NaN or infinity", digitsOfDouble)
	case field.Kind == targets.KindFloat && (typ == "double" || typ == "float"):
		return targets.NoNumber, "NaN or infinity"
	case field.Kind == targets.KindText && field.As == "" && shortened(field):
		return targets.LongerThan(shortKeyword), fmt.Sprintf("more than %d characters", shortKeyword)
	case field.As == "keyword":
		return targets.LongerThan(longKeyword), fmt.Sprintf("more than %d characters", longKeyword)
	}
	return nil, ""
}

// shortened: the keyword beside the text has the short limit.
func shortened(field targets.Field) bool { return field.Length == 0 || field.Length > longKeyword }

// rarely is what is lost of values that are rare.
func rarely(field targets.Field) string {
	if field.Kind == targets.KindFloat {
		return "NaN and infinities become null"
	}
	return fmt.Sprintf("texts of more than %d characters are found by their words, not as a whole (.keyword), and not sorted", shortKeyword)
}

// otherwise is what a mapping can say of a column instead.
func otherwise(field targets.Field) string {
	switch field.Kind {
	case targets.KindDecimal:
		if field.Precision > 0 && field.Scale >= 0 && field.Scale <= digitsOfDouble {
			return "type: scaled_float, scale: 1" + strings.Repeat("0", field.Scale)
		}
		return "type: double"
	case targets.KindUint:
		return "type: unsigned_long"
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		return `zero_date: "1970-01-01"`
	case targets.KindJSON:
		return "type: flattened"
	case targets.KindGeometry:
		return "type: geo_shape"
	case targets.KindVector:
		return "type: dense_vector"
	case targets.KindBinary, targets.KindText:
		return "type: keyword"
	}
	return ""
}
