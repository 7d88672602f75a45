package postgres

import (
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.LossTeller = (*Target)(nil)

// Losses lists what new columns do not keep.
func (t *Target) Losses(dest *targets.Destination) []targets.Loss {
	var losses []targets.Loss
	for _, field := range dest.Fields {
		loss := targets.Loss{Field: field, Type: typeOf(field, field.Key).String(), Message: lossy(field, field.Key)}
		switch {
		case loss.Message != "":
			loss.Some, loss.Such = loses(field)
			if loss.Some != nil && field.As == "" {
				loss.Change = `zero_date: "1970-01-01"`
			}
		case field.Kind == targets.KindText && !field.Key:
			loss.Rare, loss.Message = true, "NUL, which PostgreSQL has in no text, becomes U+FFFD"
			loss.Some, loss.Such = hasNUL, "NUL"
		default:
			continue
		}
		losses = append(losses, loss)
	}
	return losses
}

// loses says which values of a field lose something; nil: nobody can tell by a value.
func loses(field targets.Field) (some func(value any) bool, such string) {
	switch field.Kind {
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		return targets.NoDay, "a date that is none of the calendar"
	}
	return nil, ""
}

func hasNUL(value any) bool {
	text, _ := value.(string)
	return strings.ContainsRune(text, 0)
}
