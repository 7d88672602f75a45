package postgres_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestAsked_Values: what stands in columns of types that a mapping asks for.
func TestAsked_Values(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	cases := []struct {
		as    string
		field targets.Field
		value any
		want  string // the column's JSON
	}{
		{"text", targets.Field{Kind: targets.KindDate, Native: "date"}, "0000-00-00", `"0000-00-00"`},
		{"text", targets.Field{Kind: targets.KindDateTime, Native: "datetime(2)", Scale: 2}, "2026-01-02T03:04:05.60", `"2026-01-02T03:04:05.60"`},
		{"text", targets.Field{Kind: targets.KindUint, Native: "bigint unsigned", Bits: 64}, uint64(math.MaxUint64), `"18446744073709551615"`},
		{"text", targets.Field{Kind: targets.KindFloat, Native: "float", Bits: 32}, float64(float32(0.1)), `"0.1"`},
		{"varchar(5)", targets.Field{Kind: targets.KindText, Native: "varchar(5)", Length: 5}, "a b  ", `"a b  "`},
		{"numeric", targets.Field{Kind: targets.KindFloat, Native: "double", Bits: 64}, 0.1, `0.1`},
		{"numeric(14,4)", targets.Field{Kind: targets.KindDecimal, Native: "decimal(12,2)", Precision: 12, Scale: 2}, "-12.50", `-12.5000`},
		{"double precision", targets.Field{Kind: targets.KindDecimal, Native: "decimal(12,2)", Precision: 12, Scale: 2}, "-12.50", `-12.5`},
		{"double precision", targets.Field{Kind: targets.KindFloat, Native: "double", Bits: 64}, math.Inf(-1), `"-Infinity"`},
		{"bigint", targets.Field{Kind: targets.KindDecimal, Native: "decimal(18,0)", Precision: 18}, "-999999999999999999", `-999999999999999999`},
		{"boolean", targets.Field{Kind: targets.KindInt, Native: "tinyint(1)", Bits: 8}, int64(-3), `true`},
		{"boolean", targets.Field{Kind: targets.KindUint, Native: "bit(1)", Bits: 1}, uint64(0), `false`},
		{"uuid", targets.Field{Kind: targets.KindBinary, Native: "binary(16)", Length: 16}, []byte("0123456789abcdef"), `"30313233-3435-3637-3839-616263646566"`},
		{"bytea", targets.Field{Kind: targets.KindBinary, Native: "blob"}, []byte{}, `"\\x"`},
		{"date", targets.Field{Kind: targets.KindTimestamp, Native: "timestamp"}, "2026-01-02T03:04:05Z", `"2026-01-02"`},
		{"date", targets.Field{Kind: targets.KindDateTime, Native: "datetime"}, "2026-00-02T03:04:05", ``},
		{"timestamptz", targets.Field{Kind: targets.KindDateTime, Native: "datetime"}, "2026-01-02T03:04:05", `"2026-01-02T03:04:05+00:00"`},
		{"timestamp(0)", targets.Field{Kind: targets.KindTimestamp, Native: "timestamp(3)", Scale: 3}, "2026-01-02T03:04:05.400Z", `"2026-01-02T03:04:05"`},
		{"json", targets.Field{Kind: targets.KindJSON, Native: "json"}, `{"b": 1,  "a":2}`, `{"b": 1,  "a":2}`},
		{"real[]", targets.Field{Kind: targets.KindVector, Native: "vector(2)", Length: 2}, "[1.5,2]", `[1.5,2]`},
	}
	dest := &targets.Destination{Name: "asked.a", Key: intKey}
	values := make([]any, len(cases))
	for i, c := range cases {
		c.field.Name, c.field.As, c.field.Nullable = string(rune('a'+i)), c.as, true
		dest.Fields, values[i] = append(dest.Fields, c.field), c.value
	}
	prepare(t, target, dest)
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", values...)}); err != nil {
		t.Fatal(err)
	}
	docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"1"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(docs[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if text := string(got[dest.Fields[i].Name]); text != c.want {
			t.Errorf("%s of %s: %s, want %s", c.as, c.field.Native, text, c.want)
		}
	}
}

// TestAsked_Table: a table has the types that are asked for, the key's among them, and one that exists has to.
func TestAsked_Table(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	key := targets.Field{Name: "id", Kind: targets.KindText, Native: "varchar(20)", Length: 20, Key: true}
	shown := key
	shown.As = "varchar(30)"
	dest := &targets.Destination{Name: "asked.b", Key: []targets.Field{key}, Fields: []targets.Field{
		shown, {Name: "total", Kind: targets.KindDecimal, Native: "decimal(12,2)", Precision: 12, Scale: 2, As: "numeric(14, 4)"},
	}}
	prepare(t, target, dest)
	const columns = "SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'asked.b'::regclass AND attnum > 0"
	if got, want := d.QueryString(t, columns), "character varying(30), numeric(14,4)"; got != want {
		t.Errorf("columns: %s, want %s", got, want)
	}
	ids := []targets.ID{"B", "a", "ä"}
	for _, id := range ids {
		if err := target.Write(t.Context(), []targets.Op{upsert(dest, id, string(id), "1.50")}); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := target.ScanIDs(t.Context(), dest.Name, "", 10); err != nil || !reflect.DeepEqual(got, ids) {
		t.Errorf("ids %q, %v; want %q, in the order of bytes", got, err, ids)
	}
	other := *dest
	other.Fields = slices.Clone(dest.Fields)
	other.Fields[1].As = "numeric"
	err := target.Prepare(t.Context(), []*targets.Destination{&other})
	if !errors.Is(err, targets.ErrMismatch) || !strings.Contains(err.Error(), "it is numeric(14,4), and the mapping asks for numeric") {
		t.Errorf("another type: %v", err)
	}
}
