package postgres

import (
	"testing"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// typeCase is a row of TYPES.md.
type typeCase struct {
	field targets.Field
	key   bool
	want  string
}

// typeCases has a case for each row of the table, by its first two cells.
var typeCases = map[string]typeCase{
	"Int, 8, 16 bits, YEAR":        {targets.Field{Kind: targets.KindInt, Bits: 8}, false, "smallint"},
	"Int, 24, 32 bits":             {targets.Field{Kind: targets.KindInt, Bits: 24}, true, "integer"},
	"Int, 64 bits":                 {targets.Field{Kind: targets.KindInt, Bits: 64}, false, "bigint"},
	"Uint, up to 15 bits":          {targets.Field{Kind: targets.KindUint, Bits: 15}, false, "smallint"},
	"Uint, 16, 24 bits":            {targets.Field{Kind: targets.KindUint, Bits: 16}, false, "integer"},
	"Uint, 32 to 63 bits":          {targets.Field{Kind: targets.KindUint, Bits: 63}, false, "bigint"},
	"Uint, 64 bits":                {targets.Field{Kind: targets.KindUint, Bits: 64}, true, "numeric(20,0)"},
	"Float, 32 bits":               {targets.Field{Kind: targets.KindFloat, Bits: 32}, false, "real"},
	"Float, 64 bits":               {targets.Field{Kind: targets.KindFloat, Bits: 64}, false, "double precision"},
	"Decimal, with a precision":    {targets.Field{Kind: targets.KindDecimal, Precision: 12, Scale: 2}, true, "numeric(12,2)"},
	"Decimal, without":             {targets.Field{Kind: targets.KindDecimal}, false, "numeric"},
	"Decimal, without, in the key": {targets.Field{Kind: targets.KindDecimal}, true, "text"},
	"Bool":                         {targets.Field{Kind: targets.KindBool}, true, "boolean"},
	"Text":                         {targets.Field{Kind: targets.KindText, Native: "varchar(20)"}, true, "text"},
	"Text, PostgreSQL's interval, ranges, inet, cidr, macaddr, bit, geometric types, tsvector, xml and the like": {
		targets.Field{Kind: targets.KindText, Native: "bit(3)"}, false, "bit varying"},
	"Binary":                      {targets.Field{Kind: targets.KindBinary}, true, "bytea"},
	"Date":                        {targets.Field{Kind: targets.KindDate}, true, "date"},
	"DateTime":                    {targets.Field{Kind: targets.KindDateTime, Scale: 6}, true, "timestamp(6) without time zone"},
	"Timestamp":                   {targets.Field{Kind: targets.KindTimestamp, Scale: 6}, true, "timestamp(6) with time zone"},
	"Time, MySQL's and MariaDB's": {targets.Field{Kind: targets.KindTime, Native: "time(6)", Scale: 6}, false, "interval"},
	"Time, PostgreSQL's":          {targets.Field{Kind: targets.KindTime, Native: "time without time zone", Scale: 6}, false, "time without time zone"},
	"Time, in the key":            {targets.Field{Kind: targets.KindTime, Native: "time(6)", Scale: 6}, true, "text"},
	"Enum":                        {targets.Field{Kind: targets.KindEnum}, true, "text"},
	"Set":                         {targets.Field{Kind: targets.KindSet}, false, "text"},
	"JSON":                        {targets.Field{Kind: targets.KindJSON}, false, "jsonb"},
	"UUID":                        {targets.Field{Kind: targets.KindUUID}, true, "uuid"},
	"Inet, MariaDB's":             {targets.Field{Kind: targets.KindInet}, false, "inet"},
	"Inet, in the key":            {targets.Field{Kind: targets.KindInet}, true, "text"},
	"Geometry":                    {targets.Field{Kind: targets.KindGeometry}, false, "jsonb"},
	"Vector":                      {targets.Field{Kind: targets.KindVector, Length: 3}, false, "double precision[]"},
}

func TestTypes_TableIsComplete(t *testing.T) {
	fields := map[string]targets.Field{}
	for name, c := range typeCases {
		fields[name] = c.field
		if got := typeOf(c.field, c.key).String(); got != c.want {
			t.Errorf("%s: the type is %s, want %s", name, got, c.want)
		}
		if types := accepted(c.field, c.key); types[0] != typeOf(c.field, c.key).name {
			t.Errorf("%s: accepts %q", name, types)
		}
	}
	targettest.CheckTypesTable(t, fields, func(name string) string {
		c := typeCases[name]
		return typeOf(c.field, c.key).String()
	})
}

// TestTypes_Native: what PostgreSQL prints of its own types, and the target has as well.
func TestTypes_Native(t *testing.T) {
	for printed, want := range map[string]string{
		"interval": "interval", "time(3) with time zone": "time with time zone", "bit varying(5)": "bit varying", "int4range": "int4range",
		"character varying(5)": "text", "citext": "text", "longtext": "text", "tsvector": "tsvector",
	} {
		if got := typeOf(targets.Field{Kind: targets.KindText, Native: printed}, false).String(); got != want {
			t.Errorf("%s: %s, want %s", printed, got, want)
		}
	}
}
