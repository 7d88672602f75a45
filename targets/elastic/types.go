package elastic

import (
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/targets"
)

// property is a field of an index mapping, as JSON.
type property map[string]any

const (
	// dateFormat takes the canonical texts of source and target with 0 to 9 fractional digits, with
	// and without a zone.
	dateFormat = "strict_date_optional_time"
	dayFormat  = "strict_date"
	// longKeyword keeps a keyword below Lucene's 32766 bytes, whatever the characters.
	longKeyword = 8191
	// shortKeyword is what Elasticsearch itself puts beside a long text.
	shortKeyword = 256
)

// propertyOf returns the field type of a new index. TYPES.md is its description, and a test keeps
// the two equal.
func propertyOf(field targets.Field) property {
	if askedTypes.Of(field) != nil {
		return askedProperty(field)
	}
	switch field.Kind {
	case targets.KindInt:
		return property{"type": signedType(field.Bits)}
	case targets.KindUint:
		if field.Bits == 64 {
			return property{"type": "keyword"}
		}
		return property{"type": signedType(field.Bits + 1)}
	case targets.KindFloat:
		if field.Bits == 32 {
			return property{"type": "float"}
		}
		return property{"type": "double"}
	case targets.KindDecimal:
		return property{"type": "keyword", "fields": property{"number": property{"type": "double", "ignore_malformed": true}}} // 1e1000 has no double
	case targets.KindBool:
		return property{"type": "boolean"}
	case targets.KindBinary:
		return property{"type": "binary"}
	case targets.KindDate:
		return property{"type": "date", "format": dayFormat}
	case targets.KindDateTime, targets.KindTimestamp:
		return property{"type": "date", "format": dateFormat}
	case targets.KindTime, targets.KindUUID:
		return property{"type": "keyword"}
	case targets.KindEnum, targets.KindSet:
		return property{"type": "keyword", "ignore_above": longKeyword}
	case targets.KindInet:
		return property{"type": "ip"}
	case targets.KindJSON, targets.KindGeometry:
		return property{"type": "object", "enabled": false}
	case targets.KindVector:
		return property{"type": "float", "index": false, "doc_values": false}
	}
	limit := shortKeyword
	if field.Length > 0 && field.Length <= longKeyword {
		limit = longKeyword
	}
	return property{"type": "text", "fields": property{"keyword": property{"type": "keyword", "ignore_above": limit}}}
}

// signedType returns the smallest integer type of that many bits.
func signedType(bits int) string {
	switch {
	case bits <= 8:
		return "byte"
	case bits <= 16:
		return "short"
	case bits <= 32:
		return "integer"
	}
	return "long"
}

var (
	integers = []string{"byte", "short", "integer", "long"}
	floats   = []string{"float", "double"}
	textual  = []string{"text", "keyword", "wildcard", "match_only_text", "constant_keyword", "search_as_you_type"}
	anyJSON  = []string{"object", "nested", "flattened", "flat_object"}
)

// otherNames are what OpenSearch calls a type.
var otherNames = map[string][]string{"flattened": {"flat_object"}, "dense_vector": {"knn_vector"}}

// fitting returns the field types that an index made by somebody else may have for a field: those
// that take every value of it. The first is the one that a new index gets.
func fitting(field targets.Field) []string {
	first := propertyOf(field)["type"].(string)
	if field.As != "" {
		return append([]string{first}, otherNames[first]...)
	}
	var more []string
	switch field.Kind {
	case targets.KindInt, targets.KindUint:
		if at := slices.Index(integers, first); at >= 0 {
			more = append(more, integers[at:]...)
			more = append(more, "float", "double", "scaled_float", "keyword")
		}
		if field.Kind == targets.KindUint {
			more = append(more, "unsigned_long", "text", "wildcard")
		}
		if field.Kind == targets.KindUint && field.Bits == 1 {
			more = append(more, "boolean")
		}
	case targets.KindFloat:
		more = floats[slices.Index(floats, first):]
	case targets.KindDecimal:
		more = append(slices.Clone(textual), "double", "float", "scaled_float")
	case targets.KindBinary:
		more = []string{"keyword", "text"}
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		more = append(slices.Clone(textual), "date_nanos")
	case targets.KindInet:
		more = append(slices.Clone(textual), "ip_range")
	case targets.KindJSON:
		more = anyJSON
	case targets.KindGeometry:
		more = append(slices.Clone(anyJSON), "geo_shape", "geo_point")
	case targets.KindVector:
		more = []string{"double", "half_float", "dense_vector", "knn_vector", "object"}
	case targets.KindBool:
		more = []string{"keyword"}
	default:
		more = slices.Clone(textual)
	}
	types := []string{first}
	for _, name := range more {
		if !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	return types
}

// lossy says what a new index does not keep of a field's values, "" if it keeps all.
func lossy(field targets.Field) string {
	if a := askedTypes.Of(field); a != nil {
		return a.Loss(field)
	}
	switch field.Kind {
	case targets.KindDate:
		return "zero, partial and impossible dates (0000-00-00) become null"
	case targets.KindDateTime, targets.KindTimestamp:
		if field.Scale > 3 {
			return fmt.Sprintf("%s: the document keeps all %d fractional digits, search and sorting use milliseconds; zero dates become null", field.Native, field.Scale)
		}
		return "zero, partial and impossible dates become null"
	case targets.KindUint:
		if field.Bits == 64 {
			return field.Native + " is a keyword, shown as a string: ranges and sorting go by text"
		}
	case targets.KindDecimal:
		return field.Native + " is a keyword with all digits, shown as a string; .number beside it is a double for ranges, sorting and sums"
	case targets.KindTime:
		return field.Native + " is a keyword: a duration of up to 838 hours is no time of day, sorting goes by text"
	case targets.KindJSON:
		return "JSON is kept in the document and not searchable: rows may differ in shape, and one field has one type"
	case targets.KindGeometry:
		return "geometry is kept in the document as GeoJSON and not searchable"
	case targets.KindBinary:
		return field.Native + " is kept in the document in base64 and not searchable"
	case targets.KindVector:
		return field.Native + " is kept in the document and not searchable by distance"
	}
	return ""
}
