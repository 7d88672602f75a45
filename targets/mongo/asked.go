package mongo

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	wholeKinds  = []targets.Kind{targets.KindInt, targets.KindUint, targets.KindDecimal}
	numberKinds = append(slices.Clone(wholeKinds), targets.KindFloat)
)

// askedTypes are all that a mapping may ask for.
var askedTypes = targets.AskedTypes{
	{Name: "string", Use: "the text that the source has; zero and infinite dates stay", Kinds: []targets.Kind{
		targets.KindText, targets.KindInt, targets.KindUint, targets.KindFloat, targets.KindDecimal, targets.KindBool, targets.KindDate, targets.KindDateTime,
		targets.KindTimestamp, targets.KindTime, targets.KindEnum, targets.KindSet, targets.KindJSON, targets.KindUUID, targets.KindInet, targets.KindGeometry, targets.KindVector,
	}},
	{Name: "int", Kinds: wholeKinds, Use: "an integer of 32 bits", Fits: targets.FitsInteger(32)},
	{Name: "long", Kinds: wholeKinds, Use: "an integer of 64 bits",
		Loses: "a row with more than 9223372036854775807 becomes a dead letter", Spares: targets.SparesSmall, Fits: targets.FitsInteger(64)},
	{Name: "double", Kinds: numberKinds, Use: "a number", Loses: "about 15 digits are kept"},
	{Name: "decimal", Kinds: numberKinds, Use: "a number with its decimal digits", Loses: "a number of more than 34 digits is a string",
		Spares: func(field targets.Field) bool {
			return field.Kind != targets.KindDecimal || field.Precision > 0 && field.Precision <= maxDigits
		}},
	{Name: "bool", Kinds: []targets.Kind{targets.KindBool, targets.KindInt, targets.KindUint}, Use: "true and false, as of TINYINT(1)",
		Loses: "all numbers but 0 are true", Spares: targets.SparesBool},
	{Name: "date", Kinds: []targets.Kind{targets.KindDate, targets.KindDateTime, targets.KindTimestamp}, Use: "as without it",
		Loses: "microseconds are cut off; zero, impossible and infinite dates are null"},
	{Name: "object", Kinds: []targets.Kind{targets.KindJSON, targets.KindGeometry}, Use: "as without it"},
	{Name: "binary", Kinds: []targets.Kind{targets.KindBinary}, Use: "as without it"},
	{Name: "uuid", Kinds: []targets.Kind{targets.KindUUID, targets.KindBinary, targets.KindText}, Use: "a UUID, as of BINARY(16)",
		Loses: "a row with other than 16 bytes, or a text that is no UUID, becomes a dead letter"},
}

// Types are the types that a mapping may ask for. They are of fields; the _id keeps its own.
func Types() []targets.FieldType { return askedTypes.Types() }

// askedBSON are the types of asked types' values.
var askedBSON = map[string]bsonType{
	"string": typeString, "int": typeInt, "long": typeLong, "double": typeDouble, "decimal": typeDecimal, "bool": typeBool, "date": typeDate,
	"object": typeAny, "binary": typeBinary, "uuid": typeBinary,
}

// askedEncode makes stored values, of those that are not null, where they are otherwise than without the type.
var askedEncode = map[string]func(field targets.Field, value any) (any, error){
	"string": asString, "int": asInteger(typeInt), "long": asInteger(typeLong), "double": asDouble, "decimal": asDecimal, "bool": asBool, "uuid": asUUID,
}

func asString(field targets.Field, value any) (any, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case float64:
		return floatText(field, v), nil
	}
	return fmt.Sprint(value), nil // integers and booleans
}

// floatText is a float's shortest decimal text.
func floatText(field targets.Field, f float64) string {
	bits := 64
	if field.Bits == 32 {
		bits = 32
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

// asInteger is for the types of integers.
func asInteger(typ bsonType) func(targets.Field, any) (any, error) {
	return func(field targets.Field, value any) (any, error) {
		switch v := value.(type) {
		case int64:
			return integer(v, typ), nil
		case uint64:
			if v > math.MaxInt64 {
				return nil, errors.New("the number is beyond a long")
			}
			return integer(int64(v), typ), nil
		case string:
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, errors.New("a text that is no integer")
			}
			return integer(n, typ), nil
		}
		return nil, fmt.Errorf("a %T is no value of %s", value, field.Native)
	}
}

func asDouble(field targets.Field, value any) (any, error) {
	switch v := value.(type) {
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case float64:
		return float(v, field.Bits), nil
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, errors.New("a text that is no number")
		}
		return f, nil
	}
	return nil, fmt.Errorf("a %T is no value of %s", value, field.Native)
}

func asDecimal(field targets.Field, value any) (any, error) {
	text := fmt.Sprint(value) // integers and decimals
	if f, ok := value.(float64); ok {
		text = floatText(field, f)
	}
	if d, ok := decimal(text); ok {
		return d, nil
	}
	return text, nil
}

func asBool(field targets.Field, value any) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case uint64:
		return v != 0, nil
	}
	return nil, fmt.Errorf("a %T is no value of %s", value, field.Native)
}

func asUUID(_ targets.Field, value any) (any, error) {
	switch v := value.(type) {
	case []byte:
		if len(v) != 16 {
			return nil, errors.New("not the 16 bytes of a uuid")
		}
		return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: v}, nil
	case string:
		return uuid(v)
	}
	return nil, errors.New("not a uuid")
}
