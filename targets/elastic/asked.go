package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/meepo-replicate/meepo/targets"
)

// encodeFunc appends the value of a field, which is not nil, as JSON.
type encodeFunc func(dst []byte, field *targets.Field, value any) ([]byte, error)

var (
	wholeKinds  = []targets.Kind{targets.KindInt, targets.KindUint, targets.KindDecimal}
	numberKinds = append(slices.Clone(wholeKinds), targets.KindFloat)
	wordKinds   = []targets.Kind{targets.KindText, targets.KindEnum, targets.KindSet}
	timeKinds   = []targets.Kind{targets.KindDate, targets.KindDateTime, targets.KindTimestamp}
	shownKinds  = slices.Concat(wordKinds, timeKinds, []targets.Kind{targets.KindTime, targets.KindUUID, targets.KindInet, targets.KindJSON})
)

// askedTypes are all that a mapping may ask for. Where a type is not part of Elasticsearch's core, its use says so.
var askedTypes = targets.AskedTypes{
	{Name: "keyword", Kinds: slices.Concat(shownKinds, numberKinds, []targets.Kind{targets.KindBool, targets.KindBinary}),
		Use: "found, sorted and grouped as a whole; zero and infinite dates stay", Loses: "values of more than 8191 characters are not found",
		Spares: func(field targets.Field) bool { return keywordOptions(field) == nil }},
	{Name: "text", Kinds: shownKinds, Use: "found by words", Loses: "not sorted, not grouped, not found as a whole"},
	{Name: "wildcard", Kinds: wordKinds, Use: "found by parts of it; not in the core", Loses: "not found by words"},
	integerType("byte", 8), integerType("short", 16), integerType("integer", 32), integerType("long", 64),
	{Name: "double", Kinds: numberKinds, Use: "a number for ranges and sums; the document keeps all digits", Loses: "search has about 15 digits; NaN and infinities are null"},
	{Name: "float", Kinds: numberKinds, Use: "a number for ranges and sums; the document keeps all digits", Loses: "search has about 7 digits; NaN and infinities are null", Fits: fitsFloat},
	{Name: "scaled_float", Kinds: numberKinds, Scaled: true, Use: "a number as a whole number of 1/scale: 100 is cents; the document keeps all digits; not in the core",
		Loses: "search rounds to 1/scale; NaN and infinities are null", Fits: fitsScaled},
	{Name: "unsigned_long", Kinds: []targets.Kind{targets.KindUint}, Use: "BIGINT UNSIGNED as a number; not in the core"},
	{Name: "date", Kinds: timeKinds, Use: "as without it", Loses: "search has milliseconds; zero, impossible and infinite dates are null"},
	{Name: "boolean", Kinds: []targets.Kind{targets.KindBool, targets.KindInt, targets.KindUint}, Use: "true and false, as of TINYINT(1)", Loses: "all numbers but 0 are true", Spares: targets.SparesBool},
	{Name: "ip", Kinds: []targets.Kind{targets.KindInet, targets.KindText}, Use: "an address, found by networks", Loses: "a row whose text is no address becomes a dead letter"},
	{Name: "object", Kinds: []targets.Kind{targets.KindJSON}, Use: "members are fields of the types that the first values have",
		Loses: "a row whose JSON is no object, or has members of other types, becomes a dead letter"},
	{Name: "nested", Kinds: []targets.Kind{targets.KindJSON}, Use: "an array of objects, each found by its own members",
		Loses: "a row whose JSON is neither that nor an object, or has members of other types, becomes a dead letter"},
	{Name: "flattened", Kinds: []targets.Kind{targets.KindJSON}, Use: "an object whose members are found as keywords; not in every core",
		Loses: "numbers and dates sort as text; a row whose JSON is no object becomes a dead letter"},
	{Name: "geo_point", Kinds: []targets.Kind{targets.KindGeometry}, Use: "a point, found by distance; the document shows [longitude, latitude]",
		Loses: "a row with another geometry, or outside the degrees, becomes a dead letter"},
	{Name: "geo_shape", Kinds: []targets.Kind{targets.KindGeometry}, Use: "a geometry, found by what it meets; not in the core",
		Loses: "a row whose geometry is outside the degrees, or crosses itself, becomes a dead letter"},
	{Name: "dense_vector", Kinds: []targets.Kind{targets.KindVector}, Use: "a vector, found by distance",
		Loses: "a row whose vector is shorter than the column's dimensions, or zero where the server compares by cosine, becomes a dead letter", Fits: fitsVector},
	{Name: "binary", Kinds: []targets.Kind{targets.KindBinary}, Use: "as without it", Loses: "not found by its value"},
}

// Types are the field types that a mapping may ask for.
func Types() []targets.FieldType { return askedTypes.Types() }

// askedOptions are further parameters of properties of asked types.
var askedOptions = map[string]func(targets.Field) property{
	"keyword": keywordOptions, "scaled_float": scaledOptions, "date": dateOptions, "object": dynamicOptions, "nested": dynamicOptions,
	"flattened": flattenedOptions, "dense_vector": vectorOptions,
}

// askedEncode has those of asked types of which documents show values otherwise than without them.
var askedEncode = map[string]encodeFunc{
	"keyword": encodeShown, "text": encodeShown, "byte": encodeNumber, "short": encodeNumber, "integer": encodeNumber, "long": encodeNumber,
	"double": encodeNumber, "float": encodeNumber, "scaled_float": encodeNumber, "unsigned_long": encodeNumber, "boolean": encodeBoolean,
	"geo_point": encodePoint,
}

// askedProperty is the property of a field that asks for a type.
func askedProperty(field targets.Field) property {
	p := property{"type": field.As}
	if options := askedOptions[field.As]; options != nil {
		maps.Copy(p, options(field))
	}
	return p
}

// integerType is one of the types of integers.
func integerType(name string, bits int) targets.AskedType {
	a := targets.AskedType{Name: name, Kinds: wholeKinds, Use: fmt.Sprintf("an integer of %d bits", bits), Fits: targets.FitsInteger(bits)}
	if bits == 64 {
		a.Loses, a.Spares = "a row with more than 9223372036854775807 becomes a dead letter", targets.SparesSmall
	}
	return a
}

func keywordOptions(field targets.Field) property {
	switch field.Kind {
	case targets.KindText, targets.KindEnum, targets.KindSet, targets.KindJSON, targets.KindBinary, targets.KindDecimal:
		return property{"ignore_above": longKeyword}
	}
	return nil
}

func scaledOptions(field targets.Field) property { return property{"scaling_factor": field.Scale} }

func fitsScaled(field targets.Field) string {
	if field.Scale < 1 {
		return "say its scale, such as 100 for two decimals"
	}
	return ""
}

func fitsFloat(field targets.Field) string {
	if field.Kind == targets.KindFloat && field.Bits != 32 || field.Kind == targets.KindDecimal && (field.Precision == 0 || field.Precision-field.Scale > 38) {
		return "it has larger numbers; use double"
	}
	return ""
}

func dateOptions(field targets.Field) property {
	if field.Kind == targets.KindDate {
		return property{"format": dayFormat}
	}
	return property{"format": dateFormat}
}

// dynamicOptions let members of JSON become fields, which nothing outside may.
func dynamicOptions(targets.Field) property { return property{"dynamic": true} }

// flattenedOptions leave room for the path of a member, which is part of the keyword.
func flattenedOptions(targets.Field) property { return property{"ignore_above": longKeyword / 2} }

// maxDimensions is what Elasticsearch 8.11 and later take; earlier ones say that they take fewer.
const maxDimensions = 4096

func vectorOptions(field targets.Field) property { return property{"dims": field.Length} }

func fitsVector(field targets.Field) string {
	switch {
	case field.Length < 1:
		return "its column says no dimensions"
	case field.Length > maxDimensions:
		return fmt.Sprintf("it has %d dimensions, at most %d are possible", field.Length, maxDimensions)
	}
	return ""
}

// encodeShown shows all texts as they are, dates that do not exist and JSON among them.
func encodeShown(dst []byte, field *targets.Field, value any) ([]byte, error) {
	text, ok := value.(string)
	if !ok || field.Kind == targets.KindSet {
		return appendValue(dst, field, value)
	}
	return appendString(dst, text), nil
}

// encodeNumber shows decimals and large integers as numbers with all their digits.
func encodeNumber(dst []byte, field *targets.Field, value any) ([]byte, error) {
	switch v := value.(type) {
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case string:
		if v == "NaN" || v == "Infinity" || v == "-Infinity" {
			return append(dst, "null"...), nil
		}
		if !json.Valid([]byte(v)) || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
			return dst, errors.New("a text that is no number")
		}
		return append(dst, v...), nil
	}
	return appendValue(dst, field, value)
}

func encodeBoolean(dst []byte, field *targets.Field, value any) ([]byte, error) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendBool(dst, v != 0), nil
	case uint64:
		return strconv.AppendBool(dst, v != 0), nil
	}
	return appendValue(dst, field, value)
}

// encodePoint shows a point as an array, which servers of all versions take.
func encodePoint(dst []byte, field *targets.Field, value any) ([]byte, error) {
	text, ok := value.(string)
	if !ok {
		return appendValue(dst, field, value)
	}
	var geometry struct {
		Type        string    `json:"type"`
		Coordinates []float64 `json:"coordinates"`
	}
	if err := json.Unmarshal([]byte(text), &geometry); err != nil || geometry.Type != "Point" || len(geometry.Coordinates) < 2 {
		return dst, errors.New("the geometry is no point")
	}
	dst = append(dst, '[')
	for i, degrees := range geometry.Coordinates[:2] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, degrees, 'f', -1, 64)
	}
	return append(dst, ']'), nil
}
