package mongo

import (
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// bsonType is the name that the $type operator has for a type.
type bsonType string

// The types that values of rows become.
const (
	typeInt     bsonType = "int"
	typeLong    bsonType = "long"
	typeDouble  bsonType = "double"
	typeDecimal bsonType = "decimal"
	typeString  bsonType = "string"
	typeBool    bsonType = "bool"
	typeBinary  bsonType = "binData"
	typeDate    bsonType = "date"
	typeArray   bsonType = "array"
	typeAny     bsonType = "any" // of JSON: as the text says
	typeObject  bsonType = "object"
)

// maxDigits is how many digits a Decimal128 keeps.
const maxDigits = 34

// typeOf is the type of a field's values, in the key or outside. Single values may be others: see TYPES.md.
func typeOf(field targets.Field, key bool) bsonType {
	if !key && askedTypes.Of(field) != nil {
		return askedBSON[field.As]
	}
	switch field.Kind {
	case targets.KindInt:
		return intFor(field.Bits)
	case targets.KindUint:
		return intFor(field.Bits + 1)
	case targets.KindFloat:
		return typeDouble
	case targets.KindDecimal:
		if field.Precision > maxDigits || key && field.Precision == 0 {
			return typeString
		}
		return typeDecimal
	case targets.KindBool:
		return typeBool
	case targets.KindBinary, targets.KindUUID:
		return typeBinary
	case targets.KindDate:
		return typeDate
	case targets.KindDateTime, targets.KindTimestamp:
		if key && (field.Scale > 3 || fromPostgres(field)) {
			return typeString // a date keeps milliseconds: it would take two keys for one, or print them otherwise
		}
		return typeDate
	case targets.KindSet, targets.KindVector:
		if !key {
			return typeArray
		}
	case targets.KindJSON:
		if !key {
			return typeAny
		}
	case targets.KindGeometry:
		if !key {
			return typeObject
		}
	}
	return typeString
}

func intFor(bits int) bsonType {
	if bits <= 32 {
		return typeInt
	}
	return typeLong
}

// fromPostgres tells the types of times of the two families: PostgreSQL's name the zone.
func fromPostgres(field targets.Field) bool { return strings.Contains(field.Native, " time zone") }

// sort is what queries tell apart: numbers of all types are one.
func (b bsonType) sort() string {
	switch b {
	case typeInt, typeLong, typeDouble, typeDecimal:
		return "number"
	}
	return string(b)
}

// lossy says what a document does not keep of a field's values, "" if it keeps all.
func lossy(field targets.Field, key bool) string {
	if key {
		return ""
	}
	if a := askedTypes.Of(field); a != nil {
		return a.Loss(field)
	}
	switch field.Kind {
	case targets.KindDecimal:
		switch {
		case field.Precision > maxDigits:
			return fmt.Sprintf("%s has more than %d digits and is kept as text: it sorts as text", field.Native, maxDigits)
		case field.Precision == 0:
			return fmt.Sprintf("values of more than %d digits are kept as text", maxDigits)
		}
	case targets.KindDate:
		return "zero, partial, impossible and infinite dates become null"
	case targets.KindDateTime, targets.KindTimestamp:
		if field.Scale > 3 {
			return "dates have milliseconds: microseconds are cut off; zero, impossible and infinite times become null"
		}
		return "zero, impossible and infinite times become null"
	case targets.KindJSON:
		return field.Native + " is kept as a document: all but the last of several members of one name, and digits beyond a decimal's 34, are not kept"
	}
	return ""
}
