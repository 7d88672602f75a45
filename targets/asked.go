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

// CheckAs says why a field cannot have the type that its mapping asks for under this name; nil if it can as far as its kind tells.
func CheckAs(field Field, name string, types []FieldType) error {
	at := slices.IndexFunc(types, func(t FieldType) bool { return t.Name == name })
	if at >= 0 && slices.Contains(types[at].Kinds, field.Kind) {
		return nil
	}
	var fit []string
	for _, t := range types {
		if slices.Contains(t.Kinds, field.Kind) {
			fit = append(fit, t.Name)
		}
	}
	problem := fmt.Sprintf("there is no type %q", field.As)
	if at >= 0 {
		problem = fmt.Sprintf("%s cannot become %s", field.Native, field.As)
	}
	return fmt.Errorf("field %s: %s; %s can become %s", field.Name, problem, field.Native, strings.Join(fit, ", "))
}
