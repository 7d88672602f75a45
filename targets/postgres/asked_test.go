package postgres

import (
	"testing"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestAsked_TableIsComplete(t *testing.T) { targettest.CheckAskedTable(t, Types()) }

func TestAsked_Names(t *testing.T) {
	for text, want := range map[string]string{
		"numeric(12,2)": "numeric(12,2)", "numeric (12 , 2)": "numeric(12,2)", "numeric(5)": "numeric(5,0)", "numeric": "numeric", "varchar(20)": "character varying(20)",
		"varchar": "character varying", "timestamp": "timestamp without time zone", "timestamp(3)": "timestamp(3) without time zone",
		"timestamptz(0)": "timestamp(0) with time zone", "time(2)": "time(2) without time zone", "double precision": "double precision", "real[]": "real[]",
	} {
		if got := parseAsked(text).column().String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestAsked_Unfit(t *testing.T) {
	money := targets.Field{Native: "decimal(12,2)", Kind: targets.KindDecimal, Precision: 12, Scale: 2}
	big := targets.Field{Native: "bigint unsigned", Kind: targets.KindUint, Bits: 64}
	words := targets.Field{Native: "varchar(20)", Kind: targets.KindText, Length: 20}
	key := func(field targets.Field) targets.Field { field.Key = true; return field }
	for _, c := range []struct {
		as    string
		field targets.Field
		want  string
	}{
		{"numeric(12,2)", money, ""},
		{"numeric(14,4)", money, ""},
		{"numeric(13)", money, "field f: decimal(12,2) cannot become numeric(13): it would round 2 fractional digits to 0"},
		{"numeric(12,4)", money, "field f: decimal(12,2) cannot become numeric(12,4): it has 10 digits before the point, and the type 8"},
		{"numeric(2,4)", money, "field f: decimal(12,2) cannot become numeric(2,4): a numeric has 1 to 1000 digits, of which no more than that are behind the point"},
		{"numeric(12,2)", targets.Field{Native: "double", Kind: targets.KindFloat, Bits: 64}, "field f: double cannot become numeric(12,2): it would round; numeric without digits keeps all"},
		{"numeric(19)", big, "field f: bigint unsigned cannot become numeric(19): it has 20 digits before the point, and the type 19"},
		{"numeric(20)", big, ""},
		{"bigint", big, ""},
		{"integer", big, "field f: bigint unsigned cannot become integer: it has larger numbers"},
		{"integer(4)", targets.Field{Native: "int", Kind: targets.KindInt, Bits: 32}, "field f: int cannot become integer(4): integer(4) has 1 numbers in brackets, at most 0 are possible"},
		{"timestamp(9)", targets.Field{Native: "datetime", Kind: targets.KindDateTime}, "field f: datetime cannot become timestamp(9): PostgreSQL's times have 6 fractional digits at most"},
		{"varchar(0)", words, "field f: varchar(20) cannot become varchar(0): a text of no characters"},
		{"text; DROP TABLE x", words, `field f: there is no type "text; DROP TABLE x"; varchar(20) can become text, varchar, uuid, interval, inet, cidr`},
		{"jsonb", words, "field f: varchar(20) cannot become jsonb; varchar(20) can become text, varchar, uuid, interval, inet, cidr"},
		{"varchar(20)", key(words), ""},
		{"varchar", key(words), ""},
		{"varchar(19)", key(words), "field f: a key column cannot become varchar(19): it is character varying(19), shorter than the source's varchar(20)"},
		{"uuid", key(words), "field f: a key column cannot become uuid: it is uuid, and varchar(20) wants text"},
		{"bigint", key(targets.Field{Native: "int", Kind: targets.KindInt, Bits: 32}), ""},
		{"text", key(targets.Field{Native: "int", Kind: targets.KindInt, Bits: 32}), "field f: a key column cannot become text: it is text, and int wants integer"},
		{"numeric(14,2)", key(money), ""},
		{"numeric(14,4)", key(money), "field f: a key column cannot become numeric(14,4): it is numeric(14,4), which does not print decimal(12,2) as the source does: a key's scale has to be the same"},
	} {
		c.field.Name, c.field.As = "f", c.as
		got := ""
		if err := CheckFields([]targets.Field{c.field}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
