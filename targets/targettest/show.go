package targettest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// CheckValue says whether a value is one that its field's kind allows: the right Go type and, for
// integers, within the field's bits. NULL always is.
func CheckValue(field targets.Field, value any) error {
	if value == nil {
		return nil
	}
	ok := false
	switch field.Kind {
	case targets.KindInt:
		var n int64
		n, ok = value.(int64)
		if low := int64(math.MinInt64) >> (64 - field.Bits); ok && (n < low || n > -(low+1)) {
			return fmt.Errorf("%d does not fit into %d bits", n, field.Bits)
		}
	case targets.KindUint:
		var n uint64
		n, ok = value.(uint64)
		if ok && field.Bits < 64 && n>>field.Bits != 0 {
			return fmt.Errorf("%d does not fit into %d bits", n, field.Bits)
		}
	case targets.KindFloat:
		_, ok = value.(float64)
	case targets.KindBool:
		_, ok = value.(bool)
	case targets.KindBinary:
		_, ok = value.([]byte)
	default:
		_, ok = value.(string)
	}
	if !ok {
		return fmt.Errorf("a %T is no value of kind %d", value, field.Kind)
	}
	return nil
}

// Show renders a value for the comparison of stored documents with what was written, as Memory
// stores it: numbers and booleans as such, binaries in base64, sets as arrays, JSON, GeoJSON and
// vectors as they are, everything else as text. A target that shows some kinds otherwise has an
// [Options].Show of its own that leaves the rest to this one.
func Show(field targets.Field, value any) any {
	switch v := value.(type) {
	case float64:
		if field.Bits == 32 {
			return float32(v) // in as few digits as a float32 needs
		}
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case string:
		switch field.Kind {
		case targets.KindSet:
			if v == "" {
				return []string{}
			}
			return strings.Split(v, ",")
		case targets.KindJSON, targets.KindGeometry, targets.KindVector:
			return json.RawMessage(v)
		}
	}
	return value
}

// body renders a stored document. Fields that were added after it was written are left out.
func (d *memoryDest) body(doc memoryDoc) ([]byte, error) {
	return json.Marshal(d.shown(doc, targets.Nest(d.fields)))
}

func (d *memoryDest) shown(doc memoryDoc, members []targets.Member) map[string]any {
	shown := make(map[string]any, len(members))
	for _, m := range members {
		if m.Field < 0 {
			if inside := d.shown(doc, m.Members); len(inside) > 0 {
				shown[m.Name] = inside
			}
		} else if value, ok := doc.fields[d.fields[m.Field].Name]; ok {
			shown[m.Name] = Show(d.fields[m.Field], value)
		}
	}
	return shown
}
