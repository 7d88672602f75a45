package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// sqlNames are the names of SQL for types that the catalog calls otherwise.
var sqlNames = map[string]string{
	"boolean": "bool", "smallint": "int2", "integer": "int4", "int": "int4", "bigint": "int8",
	"smallserial": "int2", "serial": "int4", "bigserial": "int8",
	"real": "float4", "double precision": "float8", "decimal": "numeric",
	"character varying": "varchar", "character": "bpchar", "char": "bpchar", `"char"`: "char", "bit varying": "varbit",
	"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
	"time without time zone": "time", "time with time zone": "timetz",
}

// declared takes "character varying(5)", "timestamp(0) with time zone" and "integer[]" apart.
var declared = regexp.MustCompile(`^("?[a-z0-9_ ]+?"?)\s*(?:\(([^()]*)\))?( with(?:out)? time zone)?((?:\s*\[\d*\])*)$`)

// TypeNamed returns the type of a column that is declared so: as CREATE TABLE has it, or as the catalog prints it,
// such as "numeric(12,2)" or "text[]". An ENUM, which is a type of its own there, is written enum('sad','happy'). It is
// for those who have no server at hand.
func TypeNamed(native string) (source.Type, error) {
	text := strings.TrimSpace(native)
	if members, ok := strings.CutPrefix(strings.ToLower(text), "enum("); ok && strings.HasSuffix(members, ")") {
		return typeOf(columnDef{native: text, class: "e", labels: labelsOf(text), mod: -1}), nil
	}
	parts := declared.FindStringSubmatch(strings.ToLower(text))
	if parts == nil {
		return source.Type{}, unknownType(text)
	}
	base, sizes := catalogName(parts[1]+parts[3], parts[2])
	d := columnDef{native: text, base: base, namespace: "pg_catalog", class: "b", mod: modifier(base, sizes)}
	_, known := builtin[base]
	switch {
	case parts[4] != "":
		d.category = "A"
	case strings.HasSuffix(base, "range") && !known:
		d.class = "r"
	case !known:
		d.namespace = ""
	}
	t := typeOf(d)
	if t.Unknown {
		return t, unknownType(text)
	}
	return t, nil
}

func unknownType(text string) error {
	return &source.HintError{Err: fmt.Errorf("%q is no type of PostgreSQL's that is known here", text), Advice: "of a domain name the type below it, of an ENUM its members: enum('sad','happy')"}
}

// catalogName is what the catalog calls a type.
func catalogName(name, sizes string) (base, moreSizes string) {
	switch bits, err := strconv.Atoi(strings.TrimSpace(sizes)); {
	case (name == "char" || name == "character") && sizes == "":
		return "bpchar", "1"
	case name == "float" && err == nil && bits <= 24:
		return "float4", ""
	case name == "float":
		return "float8", ""
	case strings.HasPrefix(name, "interval "): // day to second
		return "interval", ""
	}
	if base, ok := sqlNames[name]; ok {
		return base, sizes
	}
	return name, sizes
}

// modifier makes of the sizes in parentheses what the catalog keeps, see typeOf.
func modifier(base, sizes string) int32 {
	var list [2]int64
	for i, text := range strings.SplitN(sizes, ",", 2) {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 16)
		if err != nil {
			return -1
		}
		list[i] = n
	}
	switch base {
	case "numeric":
		return int32(list[0]<<16|list[1]&0x7ff) + 4 //nolint:gosec // both were read as of 16 bits
	case "varchar", "bpchar":
		return int32(list[0]) + 4 //nolint:gosec // as above
	}
	return int32(list[0]) //nolint:gosec // as above
}

// labelsOf reads the members of enum('a','b'); quotes in them are doubled.
func labelsOf(text string) []string {
	var labels []string
	for _, one := range quotedLabel.FindAllString(text, -1) {
		labels = append(labels, strings.ReplaceAll(one[1:len(one)-1], "''", "'"))
	}
	return labels
}

var quotedLabel = regexp.MustCompile(`'(?:[^']|'')*'`)
