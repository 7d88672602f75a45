package mongo_test

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// show is how ReadDocs shows a value: what it shows otherwise than others.
func show(field targets.Field, value any) any {
	text, isText := value.(string)
	big, isBig := value.(uint64)
	switch {
	case isBig && big > math.MaxInt64:
		return strconv.FormatUint(big, 10) // a decimal
	case field.Kind == targets.KindBinary && value != nil:
		return base64.StdEncoding.EncodeToString(value.([]byte))
	case !isText:
	case field.Kind == targets.KindDate:
		return text + "T00:00:00.000Z"
	case field.Kind == targets.KindDateTime, field.Kind == targets.KindTimestamp:
		whole, fraction, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
		return whole + "." + (fraction + "000")[:3] + "Z"
	}
	return targettest.Show(field, value)
}
