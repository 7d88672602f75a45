package postgres

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// columnDef is a column as the catalog has it. Of a domain, what it is a domain over.
type columnDef struct {
	name      string
	native    string // as declared: format_type of the column
	typeOID   uint32 // as declared
	base      string // the base type's name
	namespace string // that the base type is in
	class     string // pg_type.typtype of the base: b base, c composite, e enum, r range, m multirange, p pseudo
	category  string // pg_type.typcategory of the base: A array
	mod       int32  // the type's modifier, -1: none
	notNull   bool
	generated bool
	labels    []string // of an enum
	keySeq    int      // place in the key, from 1; 0: not in it
	number    int      // pg_attribute.attnum, which no other column of the table ever has
}

// builtin are the types of pg_catalog that are known here.
var builtin = map[string]source.Type{
	"bool": {Kind: source.KindBool},
	"int2": {Kind: source.KindInt, Bits: 16}, "int4": {Kind: source.KindInt, Bits: 32}, "int8": {Kind: source.KindInt, Bits: 64},
	"oid":    {Kind: source.KindUint, Bits: 32},
	"float4": {Kind: source.KindFloat, Bits: 32}, "float8": {Kind: source.KindFloat, Bits: 64},
	"numeric": {Kind: source.KindDecimal}, "money": {Kind: source.KindDecimal, Precision: 19, Scale: 2},
	"text": {Kind: source.KindText}, "varchar": {Kind: source.KindText}, "bpchar": {Kind: source.KindText, Fixed: true},
	"name": {Kind: source.KindText, Length: 63}, "char": {Kind: source.KindText, Length: 1},
	"bytea": {Kind: source.KindBinary}, "uuid": {Kind: source.KindUUID},
	"date": {Kind: source.KindDate}, "timestamp": {Kind: source.KindDateTime, Scale: 6}, "timestamptz": {Kind: source.KindTimestamp, Scale: 6},
	"time": {Kind: source.KindTime, Scale: 6},
	"json": {Kind: source.KindJSON}, "jsonb": {Kind: source.KindJSON},
	// As text: their text is what one would search for.
	"timetz": {Kind: source.KindText}, "interval": {Kind: source.KindText}, "xml": {Kind: source.KindText},
	"bit": {Kind: source.KindText}, "varbit": {Kind: source.KindText},
	"inet": {Kind: source.KindText}, "cidr": {Kind: source.KindText}, "macaddr": {Kind: source.KindText}, "macaddr8": {Kind: source.KindText},
	"point": {Kind: source.KindText}, "line": {Kind: source.KindText}, "lseg": {Kind: source.KindText}, "box": {Kind: source.KindText},
	"path": {Kind: source.KindText}, "polygon": {Kind: source.KindText}, "circle": {Kind: source.KindText},
	"tsvector": {Kind: source.KindText}, "tsquery": {Kind: source.KindText}, "pg_lsn": {Kind: source.KindText}, "xid8": {Kind: source.KindText},
	"regclass": {Kind: source.KindText}, "jsonpath": {Kind: source.KindText},
}

// extensions are types of well-known extensions, by name, wherever they are installed.
var extensions = map[string]source.Type{
	"hstore": {Kind: source.KindJSON}, "citext": {Kind: source.KindText}, "ltree": {Kind: source.KindText},
	"geometry": {Kind: source.KindGeometry}, "geography": {Kind: source.KindGeometry}, "vector": {Kind: source.KindVector},
}

// columnOf translates a column of the catalog.
func columnOf(d columnDef, ordinal int) source.Column {
	c := source.Column{Name: d.name, Ordinal: ordinal, Number: d.number, Nullable: !d.notNull, Generated: d.generated, Type: typeOf(d)}
	name := quote(d.name)
	switch {
	case d.base == "money" && d.class == "b":
		c.Expr = name + "::numeric"
	case d.category == "A", d.class == "c":
		c.Expr = "to_json(" + name + ")"
	case d.base == "hstore":
		c.Expr = name + "::json"
	case d.base == "geography":
		c.Expr = quote(d.namespace) + ".ST_AsGeoJSON(" + name + ")"
	case d.base == "geometry":
		in := quote(d.namespace) + "."
		c.Expr = "CASE WHEN " + in + "ST_SRID(" + name + ") IN (0, 4326) THEN " + in + "ST_AsGeoJSON(" + name + ") ELSE " +
			in + "ST_AsGeoJSON(" + in + "ST_Transform(" + name + ", 4326)) END"
	}
	return c
}

func typeOf(d columnDef) source.Type {
	t, known := builtin[d.base]
	switch {
	case d.category == "A", d.class == "c":
		t, known = source.Type{Kind: source.KindJSON}, true
	case d.class == "e":
		t, known = source.Type{Kind: source.KindEnum, Members: d.labels}, true
	case d.class == "r", d.class == "m":
		t, known = source.Type{Kind: source.KindText}, true
	case d.namespace != "pg_catalog":
		t, known = extensions[d.base]
	}
	t.Native = d.native
	if !known {
		t.Kind, t.Unknown = source.KindText, true
		return t
	}
	if d.mod < 0 || d.category == "A" {
		return t
	}
	// How the modifiers are made of sizes: numerictypmodin, and anychar_typmodin with VARHDRSZ, in the server's source.
	switch d.base {
	case "numeric":
		t.Precision = int((d.mod-4)>>16) & 0xffff
		t.Scale = int(((d.mod-4)&0x7ff)^1024) - 1024
	case "varchar", "bpchar":
		t.Length = int(d.mod - 4)
	case "time", "timestamp", "timestamptz":
		t.Scale = int(d.mod)
	case "vector":
		t.Length = int(d.mod)
	}
	return t
}

// refuseKey says why a column cannot be part of a key; empty: it can. In the list are the types of which the
// log and a SELECT print the same text for the same value, and whose texts find the row again.
func refuseKey(d columnDef) string {
	if d.class == "e" {
		return ""
	}
	if d.namespace == "pg_catalog" && d.class == "b" && d.category != "A" {
		switch d.base {
		case "bool", "int2", "int4", "int8", "numeric", "text", "varchar", "bpchar", "bytea", "uuid", "date", "timestamp", "timestamptz":
			return ""
		}
	}
	return "this type cannot be a key here: want an integer, numeric, boolean, uuid, text, varchar, char, bytea, date, timestamp or enum"
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteTable(t source.Table) string { return quote(t.Schema) + "." + quote(t.Name) }

// quoteLiteral doubles quotes, for what stands between two.
func quoteLiteral(text string) string { return strings.ReplaceAll(text, "'", "''") }
