package mongo

import (
	"fmt"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.LossTeller = (*Target)(nil)

// Losses lists what documents do not keep.
func (t *Target) Losses(dest *targets.Destination) []targets.Loss {
	var losses []targets.Loss
	for _, field := range dest.Fields {
		message := lossy(field, false)
		if message == "" {
			continue
		}
		loss := targets.Loss{Field: field, Type: string(typeOf(field, false)), Message: message}
		loss.Some, loss.Such = loses(field)
		if field.As == "" {
			loss.Change = otherwise(field)
		}
		losses = append(losses, loss)
	}
	return losses
}

// loses says which values of a field lose something; nil: nobody can tell by a value.
func loses(field targets.Field) (some func(value any) bool, such string) {
	const noDay = "a date that is none of the calendar"
	switch typ := typeOf(field, false); {
	case typ == typeDate && field.Kind != targets.KindDate && field.Scale > 3:
		return targets.Either(targets.NoDay, targets.FinerThanMillis), noDay + ", or more than milliseconds"
	case typ == typeDate:
		return targets.NoDay, noDay
	case field.Kind == targets.KindDecimal && typ == typeDouble:
		return targets.MoreDigits(15), "more than 15 digits"
	case field.Kind == targets.KindDecimal:
		return targets.MoreDigits(maxDigits), fmt.Sprintf("more than %d digits", maxDigits)
	}
	return nil, ""
}

// otherwise is what a mapping can say of a column instead.
func otherwise(field targets.Field) string {
	switch field.Kind {
	case targets.KindDecimal, targets.KindJSON:
		return "type: string"
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		if field.Scale > 3 {
			return "type: string"
		}
		return `zero_date: "1970-01-01"`
	}
	return ""
}
