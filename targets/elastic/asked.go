package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/meepo-replicate/meepo/targets"
)

// encodeFunc appends the value of a field, which is not nil, as JSON.
type encodeFunc func(dst []byte, field *targets.Field, value any) ([]byte, error)

// asked is a field type that a mapping may ask for.
type asked struct {
	name   string
	kinds  []targets.Kind
	use    string // what it is for
	loses  string // what it does not keep; empty: nothing
	scaled bool
	// options are further parameters of the property.
	options func(field targets.Field) property
	// fits says why values of a field cannot all have the type; nil: they can.
	fits func(field targets.Field) string
	// encode is nil where documents show values as they do without the type.
	encode encodeFunc
}

var (
	wholeKinds  = []targets.Kind{targets.KindInt, targets.KindUint, targets.KindDecimal}
	numberKinds = append(slices.Clone(wholeKinds), targets.KindFloat)
	wordKinds   = []targets.Kind{targets.KindText, targets.KindEnum, targets.KindSet}
	timeKinds   = []targets.Kind{targets.KindDate, targets.KindDateTime, targets.KindTimestamp}
	shownKinds  = slices.Concat(wordKinds, timeKinds, []targets.Kind{targets.KindTime, targets.KindUUID, targets.KindInet, targets.KindJSON})
)

// askedTypes are all that a mapping may ask for. Where a type is not part of Elasticsearch's core, its use says so.
var askedTypes = []asked{
	{name: "keyword", kinds: slices.Concat(shownKinds, numberKinds, []targets.Kind{targets.KindBool, targets.KindBinary}),
		use: "found, sorted and grouped as a whole; zero and infinite dates stay", loses: "values of more than 8191 characters are not found", options: keywordOptions, encode: encodeShown},
	{name: "text", kinds: shownKinds, use: "found by words", loses: "not sorted, not grouped, not found as a whole", encode: encodeShown},
	{name: "wildcard", kinds: wordKinds, use: "found by parts of it; not in the core", loses: "not found by words"},
	wholeType("byte", 8), wholeType("short", 16), wholeType("integer", 32), wholeType("long", 64),
	{name: "double", kinds: numberKinds, use: "a number for ranges and sums; the document keeps all digits", loses: "search has about 15 digits; NaN and infinities are null", encode: encodeNumber},
	{name: "float", kinds: numberKinds, use: "a number for ranges and sums; the document keeps all digits", loses: "search has about 7 digits; NaN and infinities are null", fits: fitsFloat, encode: encodeNumber},
	{name: "scaled_float", kinds: numberKinds, scaled: true, use: "a number as a whole number of 1/scale: 100 is cents; the document keeps all digits; not in the core",
		loses: "search rounds to 1/scale; NaN and infinities are null", options: scaledOptions, fits: fitsScaled, encode: encodeNumber},
	{name: "unsigned_long", kinds: []targets.Kind{targets.KindUint}, use: "BIGINT UNSIGNED as a number; not in the core", encode: encodeNumber},
	{name: "date", kinds: timeKinds, use: "as without it", loses: "search has milliseconds; zero, impossible and infinite dates are null", options: dateOptions},
	{name: "boolean", kinds: []targets.Kind{targets.KindBool, targets.KindInt, targets.KindUint}, use: "true and false, as of TINYINT(1)", loses: "all numbers but 0 are true", encode: encodeBoolean},
	{name: "ip", kinds: []targets.Kind{targets.KindInet, targets.KindText}, use: "an address, found by networks", loses: "a row whose text is no address becomes a dead letter"},
	{name: "object", kinds: []targets.Kind{targets.KindJSON}, use: "members are fields of the types that the first values have",
		loses: "a row whose JSON is no object, or has members of other types, becomes a dead letter", options: dynamicOptions},
	{name: "nested", kinds: []targets.Kind{targets.KindJSON}, use: "an array of objects, each found by its own members",
		loses: "a row whose JSON is neither that nor an object, or has members of other types, becomes a dead letter", options: dynamicOptions},
	{name: "flattened", kinds: []targets.Kind{targets.KindJSON}, use: "an object whose members are found as keywords; not in every core",
		loses:   "numbers and dates sort as text; a row whose JSON is no object becomes a dead letter",
		options: flattenedOptions},
	{name: "geo_point", kinds: []targets.Kind{targets.KindGeometry}, use: "a point, found by distance; the document shows [longitude, latitude]",
		loses: "a row with another geometry, or outside the degrees, becomes a dead letter", encode: encodePoint},
	{name: "geo_shape", kinds: []targets.Kind{targets.KindGeometry}, use: "a geometry, found by what it meets; not in the core",
		loses: "a row whose geometry is outside the degrees, or crosses itself, becomes a dead letter"},
	{name: "dense_vector", kinds: []targets.Kind{targets.KindVector}, use: "a vector, found by distance",
		loses:   "a row whose vector is shorter than the column's dimensions, or zero where the server compares by cosine, becomes a dead letter",
		options: vectorOptions, fits: fitsVector},
	{name: "binary", kinds: []targets.Kind{targets.KindBinary}, use: "as without it", loses: "not found by its value"},
}

// Types are the field types that a mapping may ask for.
func Types() []targets.FieldType {
	types := make([]targets.FieldType, len(askedTypes))
	for i, a := range askedTypes {
		types[i] = targets.FieldType{Name: a.name, Kinds: a.kinds, Doc: a.use, Scaled: a.scaled}
		if a.loses != "" {
			types[i].Doc += "; " + a.loses
		}
	}
	return types
}

// askedType is the type that a field asks for; nil: none, or one that checkAsked refuses.
func askedType(field targets.Field) *asked {
	if field.As == "" {
		return nil
	}
	at := slices.IndexFunc(askedTypes, func(a asked) bool { return a.name == field.As && slices.Contains(a.kinds, field.Kind) })
	if at < 0 {
		return nil
	}
	return &askedTypes[at]
}

// checkAsked says why a field cannot have the type that it asks for.
func checkAsked(field targets.Field) error {
	if field.As == "" {
		return nil
	}
	a := askedType(field)
	if a == nil {
		return targets.CheckAs(field, field.As, Types())
	}
	if a.fits == nil {
		return nil
	}
	if why := a.fits(field); why != "" {
		return fmt.Errorf("field %s: %s cannot become %s: %s", field.Name, field.Native, field.As, why)
	}
	return nil
}

func (a *asked) property(field targets.Field) property {
	p := property{"type": a.name}
	if a.options != nil {
		for name, value := range a.options(field) {
			p[name] = value
		}
	}
	return p
}

// wholeType is one of the types of integers.
func wholeType(name string, bits int) asked {
	a := asked{name: name, kinds: wholeKinds, use: fmt.Sprintf("an integer of %d bits", bits), encode: encodeNumber}
	if bits == 64 {
		a.loses = "a row with more than 9223372036854775807 becomes a dead letter"
	}
	digits := map[int]int{8: 2, 16: 4, 32: 9, 64: 18}[bits]
	a.fits = func(field targets.Field) string {
		switch {
		case field.Kind == targets.KindInt && field.Bits > bits, field.Kind == targets.KindUint && field.Bits >= bits && bits < 64:
			return "it has larger numbers"
		case field.Kind == targets.KindDecimal && field.Scale > 0:
			return "it has decimals"
		case field.Kind == targets.KindDecimal && (field.Precision == 0 || field.Precision > digits):
			return "it has more digits"
		}
		return ""
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
