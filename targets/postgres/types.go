package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// typeName is a column's type without its modifiers, as the server prints it.
type typeName = string

// native are types of PostgreSQL that a source reads as text, and that the target has as well. What they print is what
// they read.
var native = []typeName{
	"interval", "time with time zone", "xml", "bit varying", "inet", "cidr", "macaddr", "macaddr8",
	"point", "line", "lseg", "box", "path", "polygon", "circle", "tsvector", "tsquery", "pg_lsn", "xid8", "jsonpath",
	"int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
}

// columnType is a column's type: its name, and its modifiers, such as "(12,2)".
type columnType struct {
	name      typeName
	modifiers string
}

func (c columnType) String() string {
	if before, after, ok := strings.Cut(c.name, " "); ok && c.modifiers != "" && strings.HasPrefix(c.name, "time") {
		return before + c.modifiers + " " + after // timestamp(3) with time zone
	}
	return c.name + c.modifiers
}

// characters is how many a varchar has at most; 0: it is none, or has no limit.
func (c columnType) characters() int {
	if c.name != "character varying" {
		return 0
	}
	n, err := strconv.Atoi(strings.Trim(c.modifiers, "()"))
	if err != nil {
		return 0
	}
	return n
}

// typeOf is the type of a new column for a field. See TYPES.md.
func typeOf(field targets.Field, key bool) columnType {
	if askedType(field) != nil {
		return parseAsked(field.As).column()
	}
	switch field.Kind {
	case targets.KindInt:
		return columnType{name: intFor(field.Bits)}
	case targets.KindUint:
		if field.Bits == 64 {
			return columnType{"numeric", "(20,0)"}
		}
		return columnType{name: intFor(field.Bits + 1)}
	case targets.KindFloat:
		if field.Bits == 32 {
			return columnType{name: "real"}
		}
		return columnType{name: "double precision"}
	case targets.KindDecimal:
		return decimalType(field, key)
	case targets.KindBool:
		return columnType{name: "boolean"}
	case targets.KindBinary:
		return columnType{name: "bytea"}
	case targets.KindDate:
		return columnType{name: "date"}
	case targets.KindDateTime:
		return columnType{"timestamp without time zone", fmt.Sprintf("(%d)", min(field.Scale, 6))}
	case targets.KindTimestamp:
		return columnType{"timestamp with time zone", fmt.Sprintf("(%d)", min(field.Scale, 6))}
	case targets.KindTime:
		return timeType(field, key)
	case targets.KindJSON, targets.KindGeometry:
		return columnType{name: "jsonb"}
	case targets.KindUUID:
		return columnType{name: "uuid"}
	case targets.KindInet:
		if !key {
			return columnType{name: "inet"}
		}
	case targets.KindVector:
		return columnType{name: "double precision[]"}
	case targets.KindText:
		name := withoutModifiers(field.Native)
		if name == "bit" {
			name = "bit varying" // a bit without a length is one bit
		}
		if !key && slices.Contains(native, name) {
			return columnType{name: name}
		}
	}
	return columnType{name: "text"}
}

func intFor(bits int) typeName {
	switch {
	case bits <= 16:
		return "smallint"
	case bits <= 32:
		return "integer"
	}
	return "bigint"
}

// decimalType: without a precision 1.1 and 1.10 are two texts, and so two keys, of one number.
func decimalType(field targets.Field, key bool) columnType {
	switch {
	case field.Precision > 0 && field.Scale >= 0 && field.Scale <= field.Precision:
		return columnType{"numeric", fmt.Sprintf("(%d,%d)", field.Precision, field.Scale)}
	case key:
		return columnType{name: "text"}
	}
	return columnType{name: "numeric"}
}

// timeType: MySQL's TIME is a duration of up to 838 hours.
func timeType(field targets.Field, key bool) columnType {
	switch {
	case key:
		return columnType{name: "text"}
	case fromPostgres(field):
		return columnType{name: "time without time zone"}
	}
	return columnType{name: "interval"}
}

// fromPostgres tells the types of times of the two families: PostgreSQL's name the zone.
func fromPostgres(field targets.Field) bool { return strings.Contains(field.Native, " time zone") }

// withoutModifiers is a type's name as it stands in native: "bit varying" of "bit varying(5)".
func withoutModifiers(name string) typeName {
	before, rest, ok := strings.Cut(name, "(")
	if !ok {
		return name
	}
	_, after, _ := strings.Cut(rest, ")")
	return before + after
}

// accepted are the types that an existing column may have instead, the wanted one first.
func accepted(field targets.Field, key bool) []typeName {
	first := typeOf(field, key).name
	types := []typeName{first}
	if field.As != "" {
		return types
	}
	if key && first != "text" && !strings.HasPrefix(first, "small") && first != "integer" {
		return types // another type could take two keys for one, or print them otherwise
	}
	switch first {
	case "smallint":
		types = append(types, "integer", "bigint")
	case "integer":
		types = append(types, "bigint")
	case "text":
		types = append(types, "character varying")
	case "jsonb":
		types = append(types, "json")
	case "real":
		types = append(types, "double precision")
	}
	if key {
		return types
	}
	switch first {
	case "smallint", "integer", "bigint":
		types = append(types, "numeric")
	case "timestamp with time zone", "date", "inet", "uuid", "interval", "time without time zone", "timestamp without time zone":
		types = append(types, "text")
	case "double precision[]":
		types = append(types, "real[]")
	}
	return types
}

// lossy says what a new column does not keep of a field's values, "" if it keeps all.
func lossy(field targets.Field, key bool) string {
	if a := askedType(field); a != nil {
		return a.Loss(field)
	}
	switch field.Kind {
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		if !fromPostgres(field) {
			return "zero, partial and impossible dates (0000-00-00) become null"
		}
	case targets.KindGeometry:
		return field.Native + " is kept as GeoJSON in a jsonb"
	case targets.KindJSON:
		return field.Native + " is kept as jsonb: spaces, the order of members, and all but the last of several members of one name are not kept"
	case targets.KindTime:
		if !fromPostgres(field) && !key {
			return field.Native + " is an interval: it may be a duration of up to 838 hours"
		}
	}
	return ""
}
