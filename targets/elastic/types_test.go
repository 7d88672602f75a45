package elastic

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

var golden = flag.Bool("golden", false, "write the golden files anew")

// typeCases has a field for each row of the table in TYPES.md, by its first two cells.
var typeCases = map[string]targets.Field{
	"Int, 8 bits":                  {Kind: targets.KindInt, Bits: 8},
	"Int, 16 bits, YEAR":           {Kind: targets.KindInt, Bits: 16},
	"Int, 24 bits":                 {Kind: targets.KindInt, Bits: 24},
	"Int, 32 bits":                 {Kind: targets.KindInt, Bits: 32},
	"Int, 64 bits":                 {Kind: targets.KindInt, Bits: 64},
	"Uint, BIT(1)":                 {Kind: targets.KindUint, Bits: 1},
	"Uint, 8 bits":                 {Kind: targets.KindUint, Bits: 8},
	"Uint, 16 bits":                {Kind: targets.KindUint, Bits: 16},
	"Uint, 24 bits":                {Kind: targets.KindUint, Bits: 24},
	"Uint, 32 bits":                {Kind: targets.KindUint, Bits: 32},
	"Uint, BIT(2) to BIT(63)":      {Kind: targets.KindUint, Bits: 63},
	"Uint, 64 bits":                {Kind: targets.KindUint, Bits: 64},
	"Float, 32 bits":               {Kind: targets.KindFloat, Bits: 32},
	"Float, 64 bits":               {Kind: targets.KindFloat, Bits: 64},
	"Decimal":                      {Kind: targets.KindDecimal, Precision: 12, Scale: 2},
	"Bool":                         {Kind: targets.KindBool},
	"Text, up to 8191 characters":  {Kind: targets.KindText, Length: 8191},
	"Text, longer, unknown length": {Kind: targets.KindText, Length: 8192},
	"Binary":                       {Kind: targets.KindBinary, Length: 16},
	"Date":                         {Kind: targets.KindDate},
	"DateTime":                     {Kind: targets.KindDateTime, Scale: 6},
	"Timestamp":                    {Kind: targets.KindTimestamp},
	"Time":                         {Kind: targets.KindTime},
	"Enum":                         {Kind: targets.KindEnum, Members: []string{"a"}},
	"Set":                          {Kind: targets.KindSet, Members: []string{"a"}},
	"JSON":                         {Kind: targets.KindJSON},
	"UUID":                         {Kind: targets.KindUUID},
	"Inet":                         {Kind: targets.KindInet},
	"Geometry":                     {Kind: targets.KindGeometry},
	"Vector":                       {Kind: targets.KindVector, Length: 3},
}

func TestTypes_TableIsComplete(t *testing.T) {
	targettest.CheckTypesTable(t, typeCases, func(name string) string { return propertyOf(typeCases[name])["type"].(string) })
}

func TestTypes_Golden(t *testing.T) {
	properties := map[string]property{}
	for name, field := range typeCases {
		properties[name] = propertyOf(field)
	}
	compareGolden(t, "testdata/mappings.golden.json", properties)
}

// compareGolden compares a value as JSON with a file.
func compareGolden(t *testing.T, file string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *golden {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(got)); diff != "" {
		t.Errorf("differs from %s (-golden writes it anew):\n%s", file, diff)
	}
}

// TestTypes_Fitting: what a new index gets always fits, and what rejects values does not.
func TestTypes_Fitting(t *testing.T) {
	for name, field := range typeCases {
		types := fitting(field)
		if own := propertyOf(field)["type"].(string); types[0] != own {
			t.Errorf("%s: %q fits first, want %q", name, types[0], own)
		}
	}
	for _, c := range []struct {
		field targets.Field
		kind  string
		want  bool
	}{
		{targets.Field{Kind: targets.KindInt, Bits: 32}, "long", true},
		{targets.Field{Kind: targets.KindInt, Bits: 32}, "short", false},
		{targets.Field{Kind: targets.KindInt, Bits: 32}, "unsigned_long", false},
		{targets.Field{Kind: targets.KindUint, Bits: 32}, "integer", false},
		{targets.Field{Kind: targets.KindUint, Bits: 64}, "long", false},
		{targets.Field{Kind: targets.KindUint, Bits: 64}, "unsigned_long", true},
		{targets.Field{Kind: targets.KindFloat, Bits: 64}, "float", false},
		{targets.Field{Kind: targets.KindDecimal}, "scaled_float", true},
		{targets.Field{Kind: targets.KindDecimal}, "long", false},
		{targets.Field{Kind: targets.KindText, Length: 10}, "long", false},
		{targets.Field{Kind: targets.KindText, Length: 10}, "keyword", true},
		{targets.Field{Kind: targets.KindDate}, "long", false},
		{targets.Field{Kind: targets.KindDateTime}, "date_nanos", true},
		{targets.Field{Kind: targets.KindJSON}, "text", false},
		{targets.Field{Kind: targets.KindJSON}, "flattened", true},
		{targets.Field{Kind: targets.KindBool}, "byte", false},
		{targets.Field{Kind: targets.KindVector}, "dense_vector", true},
	} {
		if got := slices.Contains(fitting(c.field), c.kind); got != c.want {
			t.Errorf("kind %d with %d bits: %s fits is %v, want %v", c.field.Kind, c.field.Bits, c.kind, got, c.want)
		}
	}
}

func TestLossy_NamesWhatTypesTableNames(t *testing.T) {
	for name, field := range typeCases {
		message := lossy(field)
		told := message != ""
		switch field.Kind {
		case targets.KindDate, targets.KindDateTime, targets.KindTimestamp, targets.KindDecimal, targets.KindTime, targets.KindJSON,
			targets.KindGeometry, targets.KindBinary, targets.KindVector:
			if !told {
				t.Errorf("%s: nothing is said of what is not kept", name)
			}
		case targets.KindUint:
			if told != (field.Bits == 64) {
				t.Errorf("%s: told is %v", name, told)
			}
		default:
			if told {
				t.Errorf("%s: %s", name, message)
			}
		}
	}
}
