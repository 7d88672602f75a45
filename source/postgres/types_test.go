package postgres

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// typeCases are the types, what is written and what is read. TYPES.md has a row for each.
var typeCases = []struct {
	typ, literal string
	kind         source.Kind
	want         source.Value
}{
	{"boolean", "true", source.KindBool, true},
	{"smallint", "-32768", source.KindInt, int64(-32768)}, {"integer", "2147483647", source.KindInt, int64(2147483647)},
	{"bigint", "-9223372036854775808", source.KindInt, int64(-9223372036854775808)}, {"oid", "4294967295", source.KindUint, uint64(4294967295)},
	{"real", "0.1", source.KindFloat, 0.10000000149011612}, {"double precision", "-1e300", source.KindFloat, -1e300},
	{"numeric(12,2)", "-0012.5", source.KindDecimal, "-12.50"}, {"numeric", "1.10", source.KindDecimal, "1.10"}, {"numeric", "'NaN'", source.KindDecimal, "NaN"},
	{"numeric", "123456789012345678901234567890.123456789", source.KindDecimal, "123456789012345678901234567890.123456789"},
	{"money", "1234.5", source.KindDecimal, "1234.50"},
	{"text", "'a''b'", source.KindText, "a'b"}, {"character varying(5)", "'ä '", source.KindText, "ä "}, {"character(5)", "'ab'", source.KindText, "ab"},
	{"name", "'n'", source.KindText, "n"}, {`"char"`, "'c'", source.KindText, "c"},
	{"bytea", `'\x00ff'`, source.KindBinary, []byte{0, 255}}, {"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", source.KindUUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{"date", "'2024-02-29'", source.KindDate, "2024-02-29"}, {"date", "'-infinity'", source.KindDate, "-infinity"}, {"date", "'0044-03-15 BC'", source.KindDate, "0044-03-15 BC"},
	{"timestamp without time zone", "'2024-02-29 12:00:00.5'", source.KindDateTime, "2024-02-29T12:00:00.5"},
	{"timestamp(0) without time zone", "'12024-02-29 12:00:00'", source.KindDateTime, "12024-02-29T12:00:00"},
	{"timestamp with time zone", "'2024-02-29 12:00:00+02'", source.KindTimestamp, "2024-02-29T10:00:00Z"},
	{"timestamp with time zone", "'infinity'", source.KindTimestamp, "infinity"},
	{"timestamp with time zone", "'0044-03-15 12:00+00 BC'", source.KindTimestamp, "0044-03-15T12:00:00Z BC"},
	{"time without time zone", "'24:00:00'", source.KindTime, "24:00:00"}, {"time with time zone", "'12:00+02'", source.KindText, "12:00:00+02"},
	{"interval", "'1 year 2 mons 3 days 04:05:06.7'", source.KindText, "P1Y2M3DT4H5M6.7S"},
	{"json", `'{"a": 1, "a": 2}'`, source.KindJSON, `{"a": 1, "a": 2}`}, {"jsonb", `'{"n": 12345678901234567890.10}'`, source.KindJSON, `{"n": 12345678901234567890.10}`},
	{"integer[]", "'{{1,NULL},{3,4}}'", source.KindJSON, `[[1,null],[3,4]]`}, {"text[]", `'[0:1]={a,"b\"c"}'`, source.KindJSON, `["a","b\"c"]`}, {"text[]", "'{}'", source.KindJSON, "[]"},
	{"mood", "'sad'", source.KindEnum, "sad"}, {"pair", "(1, 'a b')", source.KindJSON, `{"a":1,"b":"a b"}`}, {"positive", "7", source.KindInt, int64(7)},
	{"int4range", "'[1,5]'", source.KindText, "[1,6)"}, {"tstzrange", "'(,2024-01-01 00:00+00)'", source.KindText, `(,"2024-01-01 00:00:00+00")`},
	{"int4multirange", "'{[1,2],[5,6)}'", source.KindText, "{[1,3),[5,6)}"},
	{"inet", "'10.0.0.1'", source.KindText, "10.0.0.1"}, {"cidr", "'10.0.0.0/8'", source.KindText, "10.0.0.0/8"}, {"macaddr", "'08:00:2b:01:02:03'", source.KindText, "08:00:2b:01:02:03"},
	{"macaddr8", "'08:00:2b:01:02:03:04:05'", source.KindText, "08:00:2b:01:02:03:04:05"},
	{"bit(4)", "B'0101'", source.KindText, "0101"}, {"bit varying", "B'01'", source.KindText, "01"},
	{"point", "'(1,2)'", source.KindText, "(1,2)"}, {"line", "'{1,2,3}'", source.KindText, "{1,2,3}"}, {"lseg", "'[(1,2),(3,4)]'", source.KindText, "[(1,2),(3,4)]"},
	{"box", "'(3,4),(1,2)'", source.KindText, "(3,4),(1,2)"}, {"path", "'((1,2),(3,4))'", source.KindText, "((1,2),(3,4))"}, {"polygon", "'((1,2),(3,4),(5,6))'", source.KindText, "((1,2),(3,4),(5,6))"},
	{"circle", "'<(1,2),3>'", source.KindText, "<(1,2),3>"},
	{"tsvector", "'a b'", source.KindText, "'a' 'b'"}, {"tsquery", "'a & b'", source.KindText, "'a' & 'b'"}, {"pg_lsn", "'0/16B3748'", source.KindText, "0/16B3748"},
	{"xid8", "'7'", source.KindText, "7"}, {"xml", "'<a/>'", source.KindText, "<a/>"}, {"jsonpath", "'$.a'", source.KindText, `$."a"`}, {"regclass", "'pg_class'", source.KindText, "pg_class"},
}

func TestTypes(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
		table := source.Table{Schema: "public", Name: "a"}
		for _, c := range typeCases {
			t.Run(c.typ+" "+c.literal, func(t *testing.T) {
				d.Exec(t, "DROP TABLE IF EXISTS a; CREATE TABLE a (id int PRIMARY KEY, v "+c.typ+"); INSERT INTO a VALUES (1, "+c.literal+"), (2, NULL)")
				sel := everything(t, s, table)
				if got := sel.Columns[1].Type; got.Kind != c.kind || strings.TrimPrefix(got.Native, "public.") != c.typ || got.Unknown {
					t.Errorf("%+v, want kind %d", got, c.kind)
				}
				checkNamed(t, sel.Columns[1].Type, c.typ)
				ranges, err := s.Split(t.Context(), "", sel, 1)
				if err != nil {
					t.Fatal(err)
				}
				rows, _, err := s.ScanRows(t.Context(), "", sel, ranges[0], 10)
				if err != nil || len(rows) != 2 {
					t.Fatal(rows, err)
				}
				if diff := cmp.Diff([]source.Value{int64(1), c.want}, rows[0].Values); diff != "" {
					t.Error(diff)
				}
				if rows[1].Values[1] != nil {
					t.Errorf("NULL is %v", rows[1].Values[1])
				}
			})
		}
	})
}

// checkNamed: without a server a type is known by its name as the catalog describes it, except for what users make.
func checkNamed(t *testing.T, want source.Type, name string) {
	t.Helper()
	switch name {
	case "mood":
		name = "enum('sad','happy')"
	case "pair", "positive":
		return
	}
	got, err := TypeNamed(name)
	got.Native = want.Native
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("by the name %q: %v, %s", name, err, diff)
	}
}

// TestTypeNamed_Spellings: types that CREATE TABLE takes in other words, or without their sizes, are what the catalog makes of them.
func TestTypeNamed_Spellings(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for _, spelling := range []string{
			"int", "INT8", "serial", "bigserial", "float", "float(10)", "float(30)", "float8", "real", "double precision[]", "bool", "decimal", "decimal(5)", "numeric(5,-2)", "numeric( 6 , 2 )",
			"varchar", "VARCHAR (7)", "char", "char(3)", "bpchar", "character varying(3)[]", "int[3][4]", "bit", "bit(3)", "bit varying(5)", "varbit", "timestamp(3)", "timestamp (3) with time zone",
			"timestamptz(0)", "time(2)", "time(1) with time zone", "timetz", "interval", "interval(3)", "interval day to second", "daterange", "int8multirange", "json", "jsonb", "oid", "name",
		} {
			d.Exec(t, "DROP TABLE IF EXISTS spelled; CREATE TABLE spelled (id int PRIMARY KEY, v "+spelling+")")
			want := everything(t, s, source.Table{Schema: "public", Name: "spelled"}).Columns[1].Type
			got, err := TypeNamed(spelling)
			got.Native = want.Native
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v, %s", spelling, err, diff)
			}
		}
	})
}

// TestTypeNamed_Unknown: a name that is no type is an error.
func TestTypeNamed_Unknown(t *testing.T) {
	for _, name := range []string{"", "mood", "varchar(5", "int4; drop table x", "decimal(2"} {
		if got, err := TypeNamed(name); err == nil {
			t.Errorf("%q is %+v", name, got)
		}
	}
	if got, err := TypeNamed("VARCHAR (20)"); err != nil || got.Length != 20 {
		t.Errorf("%+v, %v", got, err)
	}
}

var (
	sizes = regexp.MustCompile(`\(\d+(,\d+)?\)`)
	made  = map[string]string{"mood": "enum", "pair": "composite", "positive": "domain", "text[]": "array", "integer[]": "array"}
)

// TestTypes_Documented: TYPES.md has a row for each type that is tested, and a test for each row.
func TestTypes_Documented(t *testing.T) {
	file, err := os.Open("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	documented := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) < 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				documented[name] = true
			}
		}
	}
	tested := map[string]bool{"geometry": true, "geography": true, "vector": true, "hstore": true, "citext": true, "ltree": true} // TestTypes_Extensions
	for _, c := range typeCases {
		name := sizes.ReplaceAllString(c.typ, "")
		if special, ok := made[name]; ok {
			name = special
		}
		tested[name] = true
	}
	if diff := cmp.Diff(tested, documented); diff != "" {
		t.Errorf("tested and documented: %s", diff)
	}
}

// TestTypes_Extensions: types of extensions, where the server has them.
func TestTypes_Extensions(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for _, c := range []struct {
			extension, typ, literal string
			kind                    source.Kind
			want                    source.Value
		}{
			{"hstore", "hstore", `'a=>1, b=>NULL'`, source.KindJSON, `{"a": "1", "b": null}`}, {"citext", "citext", "'A'", source.KindText, "A"},
			{"ltree", "ltree", "'a.b'", source.KindText, "a.b"}, {"postgis", "geometry", "'POINT(1 2)'", source.KindGeometry, `{"type":"Point","coordinates":[1,2]}`},
			{"vector", "vector(2)", "'[1,2]'", source.KindVector, "[1,2]"},
		} {
			if d.QueryString(t, "SELECT count(*) FROM pg_available_extensions WHERE name = '"+c.extension+"'") == "0" {
				t.Logf("this server has no extension %s: %s is not tested", c.extension, c.typ)
				continue
			}
			d.Exec(t, "CREATE EXTENSION "+c.extension+"; CREATE TABLE "+c.extension+"_t (id int PRIMARY KEY, v "+c.typ+"); INSERT INTO "+c.extension+"_t VALUES (1, "+c.literal+")")
			sel := everything(t, s, source.Table{Schema: "public", Name: c.extension + "_t"})
			key, _ := source.NewKey(int64(1))
			rows, err := s.ReadRows(t.Context(), "", sel, []source.Key{key})
			if err != nil || rows[0].Err != nil || rows[0].Values[1] != c.want || sel.Columns[1].Type.Kind != c.kind {
				t.Errorf("%s: %+v, %v", c.typ, rows, err)
			}
		}
	})
}
