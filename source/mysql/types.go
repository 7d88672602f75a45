package mysql

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

var intBits = map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

// plainKinds are the types of which the kind says everything but the sizes.
var plainKinds = map[string]source.Kind{
	"decimal": source.KindDecimal, "double": source.KindFloat, "float": source.KindFloat,
	"date": source.KindDate, "datetime": source.KindDateTime, "timestamp": source.KindTimestamp, "time": source.KindTime,
	"char": source.KindText, "varchar": source.KindText,
	"tinytext": source.KindText, "text": source.KindText, "mediumtext": source.KindText, "longtext": source.KindText,
	"binary": source.KindBinary, "varbinary": source.KindBinary,
	"tinyblob": source.KindBinary, "blob": source.KindBinary, "mediumblob": source.KindBinary, "longblob": source.KindBinary,
	"enum": source.KindEnum, "set": source.KindSet, "json": source.KindJSON,
	"uuid": source.KindUUID, "inet4": source.KindInet, "inet6": source.KindInet,
	"geometry": source.KindGeometry, "point": source.KindGeometry, "linestring": source.KindGeometry, "polygon": source.KindGeometry,
	"multipoint": source.KindGeometry, "multilinestring": source.KindGeometry, "multipolygon": source.KindGeometry,
	"geometrycollection": source.KindGeometry, "geomcollection": source.KindGeometry,
	"vector": source.KindVector,
}

// columnOf translates a column of the catalog.
func columnOf(d columnDef, ordinal int) source.Column {
	c := source.Column{
		Name: d.name, Ordinal: ordinal, Nullable: d.nullable,
		Generated: d.generated.String != "",
		Invisible: strings.Contains(d.extra, "INVISIBLE"),
	}
	c.Type = typeOf(d)
	switch {
	case c.Type.Unknown:
		// The server knows how to print it.
		c.Expr = "CAST(" + quote(d.name) + " AS CHAR CHARACTER SET utf8mb4)"
	case c.Type.Kind == source.KindGeometry:
		c.Expr = "ST_AsGeoJSON(" + quote(d.name) + ")"
	}
	return c
}

func typeOf(d columnDef) source.Type {
	t := source.Type{Native: d.native}
	if bits, ok := intBits[d.dataType]; ok {
		t.Kind, t.Bits = source.KindInt, bits
		if strings.Contains(strings.ToLower(d.native), "unsigned") {
			t.Kind = source.KindUint
		}
		return t
	}
	switch d.dataType {
	case "year":
		t.Kind, t.Bits = source.KindInt, 16
		return t
	case "bit":
		t.Kind, t.Bits = source.KindUint, int(d.precision.Int64)
		return t
	}
	kind, ok := plainKinds[d.dataType]
	if !ok {
		t.Kind, t.Unknown = source.KindText, true
		return t
	}
	t.Kind = kind
	switch kind {
	case source.KindDecimal:
		t.Precision, t.Scale = int(d.precision.Int64), int(d.scale.Int64)
	case source.KindFloat:
		t.Bits = 64
		if d.dataType == "float" {
			t.Bits = 32
		}
	case source.KindDateTime, source.KindTimestamp, source.KindTime:
		t.Scale = int(d.digits.Int64)
	case source.KindText, source.KindBinary:
		t.Length = int(d.length.Int64)
		t.Fixed = d.dataType == "char" || d.dataType == "binary"
		if d.jsonChecked {
			t.Kind, t.Length = source.KindJSON, 0
		}
	case source.KindEnum, source.KindSet:
		t.Members = membersOf(d.native)
	case source.KindVector:
		t.Length = vectorLength(d)
	}
	return t
}

// vectorLength is the number of dimensions in "vector(3)".
func vectorLength(d columnDef) int {
	_, rest, _ := strings.Cut(d.native, "(")
	n := 0
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// membersOf reads "enum('a','it”s')". The catalog doubles quotes and escapes nothing else.
func membersOf(native string) []string {
	var members []string
	var member strings.Builder
	inside := false
	for i := 0; i < len(native); i++ {
		switch {
		case native[i] != '\'':
			if inside {
				member.WriteByte(native[i])
			}
		case !inside:
			inside = true
		case i+1 < len(native) && native[i+1] == '\'':
			member.WriteByte('\'')
			i++
		default:
			inside = false
			members = append(members, member.String())
			member.Reset()
		}
	}
	return members
}
