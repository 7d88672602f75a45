package expressions

import (
	"github.com/meepo-replicate/meepo/source"
)

// Type is what an expression is known to yield before it is run.
type Type uint8

// The types. Each may be NULL.
const (
	Any       Type = iota // what a JSON value holds, known when it is read
	Null                  // nil itself
	Bool                  // bool
	Int                   // int; decimal.Decimal where it does not fit
	Decimal               // decimal.Decimal or int; NaN and infinities are float64
	Float                 // float64
	Text                  // string
	Date                  // string as of source.KindDate
	DateTime              // string as of source.KindDateTime
	Timestamp             // string as of source.KindTimestamp
	Bytes                 // []byte
	List                  // []any
)

var typeNames = [...]string{"a value known only when it is read", "nil", "a truth value", "a whole number", "a decimal",
	"a floating number", "a text", "a date", "a date and time", "a moment", "bytes", "a list"}

// String names the type for messages.
func (t Type) String() string { return typeNames[t] }

func (t Type) isNumber() bool { return t == Int || t == Decimal || t == Float }

func (t Type) isMoment() bool { return t == Date || t == DateTime || t == Timestamp }

// open reports whether nothing can be said against a use of the type before it is run.
func (t Type) open() bool { return t == Any || t == Null }

// typeOf is the type that a column of a kind has.
var typeOf = map[source.Kind]Type{
	source.KindText: Text, source.KindInt: Int, source.KindUint: Int, source.KindFloat: Float, source.KindDecimal: Decimal,
	source.KindBool: Bool, source.KindBinary: Bytes, source.KindDate: Date, source.KindDateTime: DateTime,
	source.KindTimestamp: Timestamp, source.KindTime: Text, source.KindEnum: Text, source.KindSet: Text,
	source.KindJSON: Any, source.KindUUID: Text, source.KindInet: Text, source.KindGeometry: Any, source.KindVector: Any,
}

// kindOf is the kind of the values that Run returns for a type.
var kindOf = map[Type]source.Kind{
	Any: source.KindJSON, List: source.KindJSON, Null: source.KindText, Bool: source.KindBool, Int: source.KindInt,
	Decimal: source.KindDecimal, Float: source.KindFloat, Text: source.KindText, Date: source.KindDate,
	DateTime: source.KindDateTime, Timestamp: source.KindTimestamp, Bytes: source.KindBinary,
}

// common is the type of a value that has one of two types; false: they do not go together.
func common(a, b Type) (Type, bool) {
	switch {
	case a == b:
		return a, true
	case a == Null:
		return b, true
	case b == Null:
		return a, true
	case a == Any || b == Any:
		return Any, true
	case a.isNumber() && b.isNumber():
		return max(a, b), true // Int, Decimal, Float: the wider stands behind
	}
	return Any, false
}

// comparable reports whether values of two types can be compared.
func comparable(a, b Type) bool {
	switch {
	case a.open() || b.open():
		return true
	case a.isNumber() || b.isNumber():
		return a.isNumber() && b.isNumber()
	case a.isMoment() && b.isMoment():
		return (a == DateTime) == (b == DateTime) || a == Date || b == Date // a wall clock and an instant are not of one kind
	}
	return a == b
}
