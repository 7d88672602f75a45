package mongo

import (
	"testing"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// typeCase is a row of TYPES.md.
type typeCase struct {
	field targets.Field
	key   bool
	want  bsonType
}

// typeCases has a case for each row of the table, by its first two cells.
var typeCases = map[string]typeCase{
	"Int, up to 32 bits, YEAR":     {targets.Field{Kind: targets.KindInt, Bits: 32}, true, "int"},
	"Int, 64 bits":                 {targets.Field{Kind: targets.KindInt, Bits: 64}, true, "long"},
	"Uint, up to 31 bits":          {targets.Field{Kind: targets.KindUint, Bits: 31}, false, "int"},
	"Uint, 32 to 64 bits":          {targets.Field{Kind: targets.KindUint, Bits: 32}, true, "long"},
	"Float, 32 bits":               {targets.Field{Kind: targets.KindFloat, Bits: 32}, false, "double"},
	"Float, 64 bits":               {targets.Field{Kind: targets.KindFloat, Bits: 64}, false, "double"},
	"Decimal, of up to 34 digits":  {targets.Field{Kind: targets.KindDecimal, Precision: 34}, true, "decimal"},
	"Decimal, of more digits":      {targets.Field{Kind: targets.KindDecimal, Precision: 35}, false, "string"},
	"Decimal, without a precision": {targets.Field{Kind: targets.KindDecimal}, false, "decimal"},
	"Decimal, without, in the key": {targets.Field{Kind: targets.KindDecimal}, true, "string"},
	"Bool":                         {targets.Field{Kind: targets.KindBool}, true, "bool"},
	"Text":                         {targets.Field{Kind: targets.KindText}, true, "string"},
	"Binary":                       {targets.Field{Kind: targets.KindBinary}, true, "binData"},
	"UUID":                         {targets.Field{Kind: targets.KindUUID}, true, "binData"},
	"Date":                         {targets.Field{Kind: targets.KindDate}, true, "date"},
	"DateTime":                     {targets.Field{Kind: targets.KindDateTime, Scale: 6}, false, "date"},
	"DateTime, in the key, with microseconds or PostgreSQL's": {targets.Field{Kind: targets.KindDateTime, Scale: 4}, true, "string"},
	"Timestamp": {targets.Field{Kind: targets.KindTimestamp, Scale: 3}, true, "date"},
	"Timestamp, in the key, with microseconds or PostgreSQL's": {targets.Field{Kind: targets.KindTimestamp, Native: "timestamp with time zone"}, true, "string"},
	"Time":            {targets.Field{Kind: targets.KindTime}, false, "string"},
	"Enum":            {targets.Field{Kind: targets.KindEnum}, true, "string"},
	"Set":             {targets.Field{Kind: targets.KindSet}, false, "array"},
	"Set, in the key": {targets.Field{Kind: targets.KindSet}, true, "string"},
	"JSON":            {targets.Field{Kind: targets.KindJSON}, false, "any"},
	"Inet":            {targets.Field{Kind: targets.KindInet}, true, "string"},
	"Geometry":        {targets.Field{Kind: targets.KindGeometry}, false, "object"},
	"Vector":          {targets.Field{Kind: targets.KindVector}, false, "array"},
}

func TestTypes_TableIsComplete(t *testing.T) {
	fields := map[string]targets.Field{}
	for name, c := range typeCases {
		fields[name] = c.field
		if got := typeOf(c.field, c.key); got != c.want {
			t.Errorf("%s: the type is %s, want %s", name, got, c.want)
		}
	}
	targettest.CheckTypesTable(t, fields, func(name string) string { return string(typeOf(typeCases[name].field, typeCases[name].key)) })
}
