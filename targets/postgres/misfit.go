package postgres

import (
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/targets"
)

// misfit says why a column cannot hold a field's values; "" if it can.
func misfit(c column, have existing) string {
	switch {
	case have.generated && c.key:
		return "the key column is generated"
	case have.generated:
		return "" // the server computes it
	case have.always && !c.key:
		return "it is GENERATED ALWAYS AS IDENTITY, so that no update can set it"
	case !slices.Contains(accepted(c.field, c.key), have.typ):
		return fmt.Sprintf("it is %s, and %s wants %s", have.full, c.field.Native, c.want)
	case c.field.As != "":
		if have.full != c.want.String() {
			return fmt.Sprintf("it is %s, and the mapping asks for %s", have.full, c.want)
		}
		return ""
	case have.scale < digits(c.field) && have.full != c.field.Native:
		return fmt.Sprintf("it is %s, which would round %s", have.full, c.field.Native)
	case c.key:
		return misfitKey(c, have)
	}
	return ""
}

// misfitKey is for what would be the same value, but not the key's text: a scan would take the row for one that the source
// has not.
func misfitKey(c column, have existing) string {
	switch {
	case have.typ == "numeric" && have.scale != digits(c.field):
		return fmt.Sprintf("it is %s, which does not print %s as the source does: a key's scale has to be the same", have.full, c.field.Native)
	case have.length > 0 && have.length < c.field.Length:
		return fmt.Sprintf("it is %s, shorter than the source's %s", have.full, c.field.Native)
	case !have.sameAsByte:
		return "its collation takes different texts for one key"
	}
	return ""
}

// digits are the fractional digits that a field's values have at most.
func digits(field targets.Field) int {
	switch field.Kind {
	case targets.KindDecimal:
		if field.Precision == 0 {
			return anyScale
		}
		return field.Scale
	case targets.KindDateTime, targets.KindTimestamp, targets.KindTime:
		return min(field.Scale, microseconds)
	case targets.KindText:
		return microseconds // PostgreSQL's interval and time with time zone are texts of the source's
	}
	return 0
}

// microseconds are the fractional digits of PostgreSQL's times.
const microseconds = 6
