package targets

import (
	"fmt"
	"slices"
	"strings"
)

var kindNames = [...]string{
	KindText: "Text", KindInt: "Int", KindUint: "Uint", KindFloat: "Float", KindDecimal: "Decimal", KindBool: "Bool", KindBinary: "Binary",
	KindDate: "Date", KindDateTime: "DateTime", KindTimestamp: "Timestamp", KindTime: "Time", KindEnum: "Enum", KindSet: "Set",
	KindJSON: "JSON", KindUUID: "UUID", KindInet: "Inet", KindGeometry: "Geometry", KindVector: "Vector",
}

// String returns the kind's name, as the TYPES.md of drivers have it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// AskedType is a type that a mapping may ask for, as its driver describes it.
type AskedType struct {
	Name  string
	Kinds []Kind
	Use   string // what it is for
	Loses string // what it does not keep; empty: nothing
	// Spares says of which fields it keeps all the same; nil: of none.
	Spares func(field Field) bool
	Scaled bool // see FieldType
	// Fits says why not all values of a field can have the type; nil: they can.
	Fits func(field Field) string
}

// AskedTypes are those of a driver.
type AskedTypes []AskedType

// Types are what the mapping language reads.
func (a AskedTypes) Types() []FieldType {
	types := make([]FieldType, len(a))
	for i, asked := range a {
		types[i] = FieldType{Name: asked.Name, Kinds: asked.Kinds, Doc: asked.Use, Scaled: asked.Scaled}
		if asked.Loses != "" {
			types[i].Doc += "; " + asked.Loses
		}
	}
	return types
}

// Of is the type that a field asks for; nil: none, or one that Check refuses.
func (a AskedTypes) Of(field Field) *AskedType {
	if field.As == "" {
		return nil
	}
	at := slices.IndexFunc(a, func(t AskedType) bool { return t.Name == field.As && slices.Contains(t.Kinds, field.Kind) })
	if at < 0 {
		return nil
	}
	return &a[at]
}

// Check says why a field cannot have the type that it asks for; nil if it can, or asks for none.
func (a AskedTypes) Check(field Field) error {
	if field.As == "" {
		return nil
	}
	if asked := a.Of(field); asked != nil {
		if asked.Fits == nil {
			return nil
		}
		if why := asked.Fits(field); why != "" {
			return fmt.Errorf("field %s: %s cannot become %s: %s", field.Name, field.Native, field.As, why)
		}
		return nil
	}
	problem := fmt.Sprintf("there is no type %q", field.As)
	var fit []string
	for _, t := range a {
		if slices.Contains(t.Kinds, field.Kind) {
			fit = append(fit, t.Name)
		}
		if t.Name == field.As {
			problem = fmt.Sprintf("%s cannot become %s", field.Native, field.As)
		}
	}
	return fmt.Errorf("field %s: %s; %s can become %s", field.Name, problem, field.Native, strings.Join(fit, ", "))
}

// Loss says what a field's type does not keep; empty: nothing.
func (t *AskedType) Loss(field Field) string {
	if t.Loses == "" || t.Spares != nil && t.Spares(field) {
		return ""
	}
	return fmt.Sprintf("%s is %s, as the mapping asks: %s", field.Native, t.Name, t.Loses)
}

// SparesSmall is AskedType.Spares of an integer of 64 bits.
func SparesSmall(field Field) bool { return field.Kind != KindUint || field.Bits < 64 }

// SparesBool is AskedType.Spares of a boolean.
func SparesBool(field Field) bool {
	return field.Kind == KindBool || field.Kind == KindUint && field.Bits == 1
}

// FitsInteger is AskedType.Fits of an integer with so many bits. BIGINT UNSIGNED is taken for 64.
func FitsInteger(bits int) func(Field) string {
	digits := map[int]int{8: 2, 16: 4, 32: 9, 64: 18}[bits]
	return func(field Field) string {
		switch {
		case field.Kind == KindInt && field.Bits > bits, field.Kind == KindUint && field.Bits >= bits && bits < 64:
			return "it has larger numbers"
		case field.Kind == KindDecimal && field.Scale > 0:
			return "it has decimals"
		case field.Kind == KindDecimal && (field.Precision == 0 || field.Precision > digits):
			return "it has more digits"
		}
		return ""
	}
}
