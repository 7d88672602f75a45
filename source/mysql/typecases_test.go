package mysql

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// typeCase is a column with what is written into it and what must be read.
type typeCase struct {
	ddl    string
	typ    source.Type // Native is not compared
	values []sqlValue
	only   func(servertest.Flavor) bool
	prefix bool // can only be a key by a prefix
	noKey  bool // the server allows no key of it
}

type sqlValue struct {
	sql  string
	want source.Value
}

func intCase(ddl string, bits int, unsigned bool) typeCase {
	if unsigned {
		max := uint64(math.MaxUint64) >> (64 - bits)
		return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindUint, Bits: bits}, values: []sqlValue{
			{"0", uint64(0)}, {"1", uint64(1)}, {"~0 >> " + strconv.Itoa(64-bits), max}, {"(~0 >> " + strconv.Itoa(64-bits) + ") - 1", max - 1}}}
	}
	min, max := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindInt, Bits: bits}, values: []sqlValue{
		{"0", int64(0)}, {"-1", int64(-1)}, {strconv.FormatInt(min, 10), min}, {strconv.FormatInt(max, 10), max}}}
}

func textCase(ddl string, length int, prefix bool, values ...sqlValue) typeCase {
	values = append(values, sqlValue{"''", ""}, sqlValue{"'a'", "a"}, sqlValue{"'日本😀'", "日本😀"}, sqlValue{`'nul\0in'`, "nul\x00in"}, sqlValue{"'{\"a\": 1}'", `{"a": 1}`})
	return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindText, Length: length, Fixed: strings.HasPrefix(ddl, "CHAR")}, values: values, prefix: prefix}
}

func blobCase(ddl string, length int, prefix bool, values ...sqlValue) typeCase {
	values = append(values, sqlValue{"''", []byte{}}, sqlValue{"X'00'", []byte{0}}, sqlValue{"X'FF00FE00'", []byte{0xFF, 0, 0xFE, 0}})
	return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindBinary, Length: length}, values: values, prefix: prefix}
}

func geometryCase(ddl, wkt, want string) typeCase {
	return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindGeometry}, noKey: true, values: []sqlValue{{"ST_GeomFromText('" + wkt + "')", want}}}
}

func vectorCase(ddl, f, want string) typeCase {
	return typeCase{ddl: ddl, typ: source.Type{Kind: source.KindVector, Length: 3}, noKey: true, only: onlyMySQL, values: []sqlValue{{f, want}}}
}

// perServer is for types that the servers print differently.
func perServer(mysql, mariadb typeCase) []typeCase {
	mysql.only, mariadb.only = onlyMySQL, onlyMariaDB
	return []typeCase{mysql, mariadb}
}

var typeCases = map[string][]typeCase{
	"tinyint": {intCase("TINYINT", 8, false), intCase("BOOL", 8, false)}, "tinyint unsigned": {intCase("TINYINT UNSIGNED", 8, true)},
	"smallint": {intCase("SMALLINT", 16, false)}, "smallint unsigned": {intCase("SMALLINT UNSIGNED", 16, true)},
	"mediumint": {intCase("MEDIUMINT", 24, false)}, "mediumint unsigned": {intCase("MEDIUMINT UNSIGNED", 24, true)},
	"int": {intCase("INT", 32, false)}, "int unsigned": {intCase("INT UNSIGNED", 32, true), intCase("INT(10) UNSIGNED ZEROFILL", 32, true)},
	"bigint": {intCase("BIGINT", 64, false)}, "bigint unsigned": {intCase("BIGINT UNSIGNED", 64, true)},
	"decimal": {
		{ddl: "DECIMAL(12,2)", typ: source.Type{Kind: source.KindDecimal, Precision: 12, Scale: 2}, values: []sqlValue{
			{"0", "0.00"}, {"1.1", "1.10"}, {"-0.01", "-0.01"}, {"9999999999.99", "9999999999.99"}, {"-9999999999.99", "-9999999999.99"}}},
		{ddl: "DECIMAL(65,30)", typ: source.Type{Kind: source.KindDecimal, Precision: 65, Scale: 30}, values: []sqlValue{
			{"1", "1." + strings.Repeat("0", 30)}, {strings.Repeat("9", 35) + "." + strings.Repeat("9", 30), strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)}}},
		{ddl: "DECIMAL(10,0)", typ: source.Type{Kind: source.KindDecimal, Precision: 10}, values: []sqlValue{{"-0", "0"}, {"42", "42"}}},
		{ddl: "DECIMAL(10,2) UNSIGNED ZEROFILL", typ: source.Type{Kind: source.KindDecimal, Precision: 10, Scale: 2}, values: []sqlValue{{"0", "0.00"}, {"0.01", "0.01"}, {"42", "42.00"}}},
	},
	"float": {{ddl: "FLOAT", typ: source.Type{Kind: source.KindFloat, Bits: 32}, values: []sqlValue{
		{"0.1", float64(float32(0.1))}, {"16777216", 16777216.0}, {"-3.402823466e+38", -math.MaxFloat32}, {"1.17549435e-38", float64(float32(1.17549435e-38))}, {"123456.789", float64(float32(123456.789))}}}},
	"double": {{ddl: "DOUBLE", typ: source.Type{Kind: source.KindFloat, Bits: 64}, values: []sqlValue{
		{"0.1", 0.1}, {"-0.0e0", math.Copysign(0, 1)}, {"1.7976931348623157e308", math.MaxFloat64}, {"9007199254740993", 9007199254740992.0}, {"2.2250738585072014e-308", 2.2250738585072014e-308}}}},
	"bit": {
		{ddl: "BIT(1)", typ: source.Type{Kind: source.KindUint, Bits: 1}, values: []sqlValue{{"b'0'", uint64(0)}, {"b'1'", uint64(1)}}},
		{ddl: "BIT(12)", typ: source.Type{Kind: source.KindUint, Bits: 12}, values: []sqlValue{{"b'100000000001'", uint64(2049)}}},
		{ddl: "BIT(64)", typ: source.Type{Kind: source.KindUint, Bits: 64}, values: []sqlValue{{"~0", uint64(math.MaxUint64)}, {"0", uint64(0)}}},
	},
	"year": {{ddl: "YEAR", typ: source.Type{Kind: source.KindInt, Bits: 16}, values: []sqlValue{{"'0000'", int64(0)}, {"1901", int64(1901)}, {"2155", int64(2155)}}}},
	"date": {{ddl: "DATE", typ: source.Type{Kind: source.KindDate}, values: []sqlValue{
		{"'0000-00-00'", "0000-00-00"}, {"'2024-00-10'", "2024-00-10"}, {"'2024-02-29'", "2024-02-29"}, {"'0001-01-01'", "0001-01-01"}, {"'9999-12-31'", "9999-12-31"}}}},
	"datetime": {
		{ddl: "DATETIME", typ: source.Type{Kind: source.KindDateTime}, values: []sqlValue{
			{"'0000-00-00 00:00:00'", "0000-00-00T00:00:00"}, {"'2024-00-10 01:02:03'", "2024-00-10T01:02:03"}, {"'1000-01-01 00:00:00'", "1000-01-01T00:00:00"}, {"'9999-12-31 23:59:59'", "9999-12-31T23:59:59"}}},
		{ddl: "DATETIME(1)", typ: source.Type{Kind: source.KindDateTime, Scale: 1}, values: []sqlValue{{"'2024-02-29 01:02:03'", "2024-02-29T01:02:03.0"}, {"'2024-02-29 01:02:03.9'", "2024-02-29T01:02:03.9"}}},
		{ddl: "DATETIME(6)", typ: source.Type{Kind: source.KindDateTime, Scale: 6}, values: []sqlValue{{"'0000-00-00'", "0000-00-00T00:00:00.000000"}, {"'1969-12-31 23:59:59.999999'", "1969-12-31T23:59:59.999999"}, {"'2024-02-29'", "2024-02-29T00:00:00.000000"}}},
	},
	"timestamp": {
		{ddl: "TIMESTAMP NULL", typ: source.Type{Kind: source.KindTimestamp}, values: []sqlValue{
			{"'0000-00-00 00:00:00'", "0000-00-00T00:00:00Z"}, {"'1970-01-01 00:00:01'", "1970-01-01T00:00:01Z"}, {"'2038-01-19 03:14:07'", "2038-01-19T03:14:07Z"}}, noKey: true},
		{ddl: "TIMESTAMP(3) NULL", typ: source.Type{Kind: source.KindTimestamp, Scale: 3}, values: []sqlValue{{"'2024-02-29 01:02:03.07'", "2024-02-29T01:02:03.070Z"}}},
	},
	"time": {
		{ddl: "TIME", typ: source.Type{Kind: source.KindTime}, values: []sqlValue{{"'00:00:00'", "00:00:00"}, {"'-838:59:59'", "-838:59:59"}, {"'838:59:59'", "838:59:59"}, {"'23:59:59'", "23:59:59"}}},
		{ddl: "TIME(6)", typ: source.Type{Kind: source.KindTime, Scale: 6}, values: []sqlValue{{"'-00:00:00.000001'", "-00:00:00.000001"}, {"'100:00:00'", "100:00:00.000000"}}},
	},
	"char":     {textCase("CHAR(10)", 10, false, sqlValue{"'a  '", "a"}), textCase("CHAR(10) CHARACTER SET utf16", 10, false)},
	"varchar":  {textCase("VARCHAR(20)", 20, false, sqlValue{"'a  '", "a  "}), {ddl: "VARCHAR(20) CHARACTER SET gbk", typ: source.Type{Kind: source.KindText, Length: 20}, values: []sqlValue{{"'中文'", "中文"}}}},
	"tinytext": {textCase("TINYTEXT", 255, true)}, "text": {textCase("TEXT", 65535, true, sqlValue{"REPEAT('é', 30000)", strings.Repeat("é", 30000)})},
	"mediumtext": {textCase("MEDIUMTEXT", 16777215, true, sqlValue{"REPEAT('x', 1000000)", strings.Repeat("x", 1000000)})}, "longtext": {textCase("LONGTEXT", 4294967295, true)},
	"binary": {{ddl: "BINARY(4)", typ: source.Type{Kind: source.KindBinary, Length: 4, Fixed: true}, values: []sqlValue{
		{"X'00000000'", []byte{0, 0, 0, 0}}, {"'a'", []byte{'a', 0, 0, 0}}, {"X'FFFE0000'", []byte{0xFF, 0xFE, 0, 0}}}}},
	"varbinary": {blobCase("VARBINARY(20)", 20, false)},
	"tinyblob":  {blobCase("TINYBLOB", 255, true)}, "blob": {blobCase("BLOB", 65535, true)},
	"mediumblob": {blobCase("MEDIUMBLOB", 16777215, true, sqlValue{"REPEAT(X'00', 100000)", bytes.Repeat([]byte{0}, 100000)})}, "longblob": {blobCase("LONGBLOB", 4294967295, true)},
	"enum": {{ddl: "ENUM('z','it''s','M','a,b')", typ: source.Type{Kind: source.KindEnum, Members: []string{"z", "it's", "M", "a,b"}}, values: []sqlValue{
		{"'z'", "z"}, {"'it''s'", "it's"}, {"'a,b'", "a,b"}, {"'none of them'", ""}}}},
	"set": {{ddl: "SET('z','a','it''s')", typ: source.Type{Kind: source.KindSet, Members: []string{"z", "a", "it's"}}, values: []sqlValue{
		{"''", ""}, {"'a,z'", "z,a"}, {"'it''s'", "it's"}}}},
	"json": perServer(
		typeCase{ddl: "JSON", noKey: true, typ: source.Type{Kind: source.KindJSON}, values: []sqlValue{
			{`'{"b": 1, "a": [1.50, null, "é"]}'`, `{"a": [1.5, null, "é"], "b": 1}`}, {"'null'", "null"}, {"'18446744073709551615'", "18446744073709551615"}, {"CAST(1.10 AS JSON)", "1.10"}}},
		typeCase{ddl: "JSON", prefix: true, typ: source.Type{Kind: source.KindJSON}, values: []sqlValue{{`'{"b": 1, "a": 1.50}'`, `{"b": 1, "a": 1.50}`}}}),
	"geometry": append(perServer(
		typeCase{ddl: "GEOMETRY SRID 4326", noKey: true, typ: source.Type{Kind: source.KindGeometry}, values: []sqlValue{
			{"ST_GeomFromText('POINT(50.5 10)', 4326)", `{"type": "Point", "coordinates": [10.0, 50.5]}`}}},
		geometryCase("GEOMETRY", "POINT(10.5 50)", `{"type": "Point", "coordinates": [10.5, 50]}`)),
		perServer(geometryCase("GEOMETRY", "GEOMETRYCOLLECTION EMPTY", `{"type": "GeometryCollection", "geometries": []}`), geometryCase("GEOMETRY", "LINESTRING(0.5 0.25,1.5 1.5)", `{"type": "LineString", "coordinates": [[0.5, 0.25], [1.5, 1.5]]}`))...),
	"point":              {geometryCase("POINT", "POINT(0.5 -1.5)", `{"type": "Point", "coordinates": [0.5, -1.5]}`)},
	"linestring":         {geometryCase("LINESTRING", "LINESTRING(0.5 0.5,1.5 1.5)", `{"type": "LineString", "coordinates": [[0.5, 0.5], [1.5, 1.5]]}`)},
	"polygon":            {geometryCase("POLYGON", "POLYGON((0.5 0.5,1.5 1.5,1.5 0.5,0.5 1.5,0.5 0.5))", `{"type": "Polygon", "coordinates": [[[0.5, 0.5], [1.5, 1.5], [1.5, 0.5], [0.5, 1.5], [0.5, 0.5]]]}`)},
	"multipoint":         {geometryCase("MULTIPOINT", "MULTIPOINT(0.5 0.5,1.5 1.5)", `{"type": "MultiPoint", "coordinates": [[0.5, 0.5], [1.5, 1.5]]}`)},
	"multilinestring":    {geometryCase("MULTILINESTRING", "MULTILINESTRING((0.5 0.5,1.5 1.5))", `{"type": "MultiLineString", "coordinates": [[[0.5, 0.5], [1.5, 1.5]]]}`)},
	"multipolygon":       {geometryCase("MULTIPOLYGON", "MULTIPOLYGON(((0.5 0.5,1.5 0.5,0.5 1.5,0.5 0.5)))", `{"type": "MultiPolygon", "coordinates": [[[[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [0.5, 0.5]]]]}`)},
	"geometrycollection": {geometryCase("GEOMETRYCOLLECTION", "GEOMETRYCOLLECTION(POINT(0.5 0.5))", `{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0.5, 0.5]}]}`)},
	"vector":             {vectorCase("VECTOR(3)", "TO_VECTOR('[1,-0.123456789,3e10]')", "[1,-0.12345679,3e+10]")},
	"uuid":               {{ddl: "UUID", only: onlyMariaDB, typ: source.Type{Kind: source.KindUUID}, values: []sqlValue{{"'F47AC10B-58CC-4372-A567-0E02B2C3D479'", "f47ac10b-58cc-4372-a567-0e02b2c3d479"}}}},
	"inet4":              {{ddl: "INET4", only: onlyMariaDB, typ: source.Type{Kind: source.KindInet}, values: []sqlValue{{"'10.0.0.1'", "10.0.0.1"}, {"'0.0.0.0'", "0.0.0.0"}}}},
	"inet6":              {{ddl: "INET6", only: onlyMariaDB, typ: source.Type{Kind: source.KindInet}, values: []sqlValue{{"'2001:DB8::1'", "2001:db8::1"}, {"'::'", "::"}, {"'::ffff:1.2.3.4'", "::ffff:1.2.3.4"}}}},
}
