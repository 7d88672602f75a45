package cases_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/mysql"
	"github.com/meepo-replicate/meepo/source/postgres"
)

// runCase runs a case whose files are given.
func runCase(t *testing.T, files map[string]string) (cases.Result, error) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result, err := cases.Runner{
		Targets: map[string]mappings.Rules{"any": {}}, Source: "mysql",
		Sources: map[string]func(string) (source.Type, error){"mysql": mysql.TypeNamed, "postgres": postgres.TypeNamed},
		Load: func(folder, file string, _ func(string) (string, bool)) ([]mappings.Mapping, error) {
			data, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				return nil, err
			}
			parsed, err := mappings.Parse(file, data, nil)
			if err != nil {
				return nil, err
			}
			return parsed.Mappings, nil
		},
	}.Run(folder)
	return result, err
}

// messages are an error's lines without the folder, each "line:column: what, hint".
func messages(err error) []string {
	var list []string
	for _, e := range mappings.Errors(err) {
		place, _, _ := strings.Cut(strings.ReplaceAll(e.Error(), e.File+":", ""), "\n")
		list = append(list, place)
	}
	return list
}

func TestRun_MalformedCases(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{"1:1: the file is empty: begin with a line `version: 1`"}},
		{"targt: any\ntables: []\n", []string{`1:1: case.yaml has an unknown key "targt": did you mean "target"?`, "1:1: no target is named: write a line `target: any`, or use --target", "2:9: tables is an empty list"}},
		{"target: many\nsource: oracle\n", []string{
			"1:1: case.yaml has no `tables`: such as `tables: [{table: shop.orders, key: id, columns: {id: bigint}}]`",
			`1:9: target: there is no "many": known are any`, `2:9: source: there is no "oracle": known are mysql, postgres`}},
		{"target: any\nmappings: nowhere.yaml\nvariables: {A: 1}\ntables:\n  - {table: orders, columns: {id: int}}\n", []string{
			"3:16: variable A is a number, not a text: put it in quotes if it is one",
			`5:13: table "orders": want its database or schema, a dot and its name: such as shop.orders`}},
		{"target: any\ntables:\n  - {table: a.b, key: ID, columns: {id: int, total: decimal(12,2), x: hyperloop}, rows: [{ids: 1}]}\n", []string{
			`3:53: column total: the type decimal(12 has a ( without a ): put the type in quotes: "decimal(12,2)"`,
			`3:71: column x: "hyperloop" is no type of MySQL's or MariaDB's that is known here`}},
		{"target: any\ntables:\n  - {table: a.b, key: ID, columns: {id: int, n: int not null}, rows: [{ids: 1}, 2]}\n  - {table: a.b, columns: {x: int}}\n", []string{
			`3:23: key: no column "ID" in a.b`, `3:72: no column "ids" in a.b`, "3:71: the row has no value for n, which cannot be NULL",
			"3:81: a row is a number, not a map of keys and values",
			"4:13: table a.b stands here a second time"}},
	} {
		_, err := runCase(t, map[string]string{"case.yaml": test.text})
		slices.Sort(test.want)
		got := messages(err)
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %v\n%s", test.text, err, diff)
		}
	}
	_, err := runCase(t, map[string]string{"case.yaml": "target: any\nmappings: nowhere.yaml\ntables: [{table: a.b, key: id, columns: {id: int}}]\n"})
	if got := messages(err); len(got) != 1 || !strings.HasPrefix(got[0], "2:11: mappings: open ") {
		t.Errorf("%v", err)
	}
}

// TestRun_Values: what a row of a case says becomes what the source's driver would give, or is refused.
func TestRun_Values(t *testing.T) {
	for _, test := range []struct{ source, typ, value, want string }{
		{"mysql", "tinyint", "-128", "-128"}, {"mysql", "tinyint", "128", "a number, and a tinyint wants a whole number from -128 to 127"},
		{"mysql", "bigint unsigned", "18446744073709551615", "18446744073709551615"}, {"mysql", "int unsigned", "-1", "a whole number from 0 to 4294967295"},
		{"mysql", "bigint unsigned", "-1", "a whole number from 0 to 18446744073709551615"}, {"mysql", "int", "1.5", "a whole number"}, {"mysql", "int", "true", "a whole number"},
		{"mysql", "float", "0.1", "0.10000000149011612"}, {"mysql", "double", "text", "a number"},
		{"mysql", "decimal(5,2)", "12.5", `"12.50"`}, {"mysql", "decimal(5,2)", "-7", `"-7.00"`}, {"mysql", "decimal(5,2)", "1.005", "at most 2 digits behind"},
		{"mysql", "decimal(5,2)", "1234", "at most 3 digits before"}, {"mysql", "decimal", "7", `"7"`}, {"mysql", "decimal(5,2)", "1e2", "a decimal"},
		{"postgres", "numeric", "1.10", `"1.10"`}, {"postgres", "numeric", "NaN", `"NaN"`}, {"postgres", "boolean", "false", "false"}, {"postgres", "boolean", "0", "true or false"},
		{"mysql", "varchar(5)", "12", "put it in quotes"}, {"mysql", "varchar(5)", `""`, `""`}, {"mysql", "text", "|\n    a\n", `"a\n"`},
		{"mysql", "blob", "0x00ff", `"AP8="`}, {"postgres", "bytea", `'\x00ff'`, `"AP8="`}, {"mysql", "blob", "0x0", "two hexadecimal digits"}, {"mysql", "blob", "ab", `"YWI="`},
		{"mysql", "date", "0000-00-00", `"0000-00-00"`}, {"mysql", "date", "28.2.2026", "a date such as"},
		{"mysql", "datetime(6)", "2026-02-28 10:30:00.5", `"2026-02-28T10:30:00.5"`}, {"mysql", "datetime", "2026-02-28", "a date and time such as"},
		{"mysql", "timestamp", "2026-02-28 10:30:00", `"2026-02-28T10:30:00Z"`}, {"postgres", "timestamptz", "2026-02-28 10:30:00+00", `"2026-02-28T10:30:00Z"`},
		{"postgres", "timestamptz", "infinity", `"infinity"`}, {"postgres", "timestamptz", "2026-02-28 10:30:00+02", "a date and time in UTC"},
		{"mysql", "time", `"-838:59:59"`, `"-838:59:59"`}, {"postgres", "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
		{"mysql", "enum('a','b')", "a", `"a"`}, {"mysql", "enum('a','b')", "c", "one of its members"}, {"mysql", "set('a','b')", "'a,b'", `"a,b"`}, {"postgres", "enum('x')", "x", `"x"`},
		{"mysql", "json", `{b: 1.50, a: [x, true, null]}`, `{"b":1.50,"a":["x",true,null]}`}, {"mysql", "json", `'{"a": 1}'`, `{"a":1}`}, {"mysql", "json", "text", "has quotes of its own"},
		{"postgres", "integer[]", "[1, 2]", "[1,2]"}, {"mysql", "point", "{type: Point, coordinates: [16.4, 48.2]}", `{"type":"Point","coordinates":[16.4,48.2]}`},
		{"mysql", "int", "null", "null"}, {"mysql", "int not null", "null", "cannot be NULL"},
	} {
		text := "target: any\nsource: " + test.source + "\ntables:\n  - table: a.b\n    key: id\n    columns:\n      id: int\n      v: " + test.typ +
			"\n    rows:\n      - id: 1\n        v: " + strings.ReplaceAll(test.value, "\n", "\n      ") + "\n"
		result, err := runCase(t, map[string]string{"case.yaml": text})
		got := result.Got
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || err == nil && !strings.Contains(got, `"v": `+test.want+"}") {
			t.Errorf("%s %s: want %s:\n%s", test.typ, test.value, test.want, got)
		}
	}
}

// TestRun_Wanted: what is wanted is compared to the byte, and Update makes it so.
func TestRun_Wanted(t *testing.T) {
	files := map[string]string{
		"case.yaml":    "target: any\ntables: [{table: a.b, key: id, columns: {id: int}, rows: [{id: 7}]}]\n",
		"mapping.yaml": "version: 1\nmappings: [{from: a.b, to: c, id: \"x{id}\"}]\n",
		"want.txt":     "plan c/a.b (c): a.b to c\r\n  key id\r\n  field id, int\r\n  upsert x7 {\"id\": 7}\r\n  delete x8\r\n",
	}
	result, err := runCase(t, files)
	if err != nil || result.Fits() || !strings.HasSuffix(result.Diff(), "-  delete x8\n+  delete x7\n") {
		t.Fatalf("%v\n%s", err, result.Diff())
	}
	if err := result.Update(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(result.Folder, "want.txt"))
	if err != nil || string(want) != result.Got {
		t.Errorf("%s, %v", want, err)
	}
}

// TestKeys: every key says what it does, with an example.
func TestKeys(t *testing.T) {
	var check func(list []mappings.Key)
	check = func(list []mappings.Key) {
		for _, key := range list {
			if key.Doc == "" || key.Example == "" || !key.Needed && key.Default == "" && key.Name != "variables" {
				t.Errorf("%+v", key)
			}
			check(key.Keys)
		}
	}
	check(cases.Keys())
}
