package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// keyCase is a key type with values that are different keys to the server.
type keyCase struct {
	name   string
	key    string   // column definitions, the key is all of them
	values []string // each the SQL of one row
	only   func(f servertest.Flavor) bool
}

func onlyMariaDB(f servertest.Flavor) bool { return f == servertest.MariaDB }
func onlyMySQL(f servertest.Flavor) bool   { return f != servertest.MariaDB }

func keyCases() []keyCase {
	cases := []keyCase{
		{name: "decimal", key: "k DECIMAL(30,4)", values: list("0", "-0.0001", "1.1", "1.1001", "99999999999999999999999999.9999", "-99999999999999999999999999.9998", "-99999999999999999999999999.9999", "12345678901234567890.1234", "12345678901234567890.1235")},
		{name: "decimal whole", key: "k DECIMAL(65,0)", values: list("0", "7", "-7", strings.Repeat("9", 65), "-"+strings.Repeat("9", 65), strings.Repeat("9", 64)+"8")},
		{name: "decimal unsigned zerofill", key: "k DECIMAL(10,2) UNSIGNED ZEROFILL", values: list("0", "0.01", "42", "99999999.99")},
		{name: "int zerofill", key: "k INT(8) UNSIGNED ZEROFILL", values: list("0", "42", "4294967295")},
		{name: "varchar ci", key: "k VARCHAR(50)", values: list("''", "'a'", "'B'", "'c'", "'ss'", "'日本'", "'😀'", "'a,b'", "'x|y'", `'q\'uote'`, `'back\\slash'`, `'line\nend'`, `'nul\0byte'`)},
		{name: "varchar bin", key: "k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", values: list("''", "'a'", "'A'", "'á'", "'Á'", "'ß'", "'ss'", "'😀'", "'z'")},
		{name: "varchar accents", key: "k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", values: list("'b'", "'d'", "'ä'", "'ö'", "'ß'", "'z'", "'ab'", "'a b'")},
		{name: "varchar uca1400", only: onlyMariaDB, key: "k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_as_cs", values: list("''", "'a'", "'A'", "'á'", "'ß'", "'😀'", "'z'")},
		{name: "varchar uca1400 utf16", only: onlyMariaDB, key: "k VARCHAR(50) CHARACTER SET utf16 COLLATE utf16_uca1400_ai_ci", values: list("''", "'a'", "'B'", "'日本'", "'😀'")},
		{name: "varchar 0900", only: onlyMySQL, key: "k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs", values: list("''", "'a'", "'A'", "'á'", "'a '", "'ß'", "'😀'", "'z'")},
		{name: "char", key: "k CHAR(20)", values: list("''", "'a'", "' a'", "'bb'", "'é'", "'trailing   '", "'😀'")},
		{name: "char bin", key: "k CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", values: list("''", "'a'", "'A'", "'a b'", "'é'")},
		{name: "varchar trailing space", key: "k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", values: list("'a '", "'b  '", "'c'")},
		{name: "binary", key: "k BINARY(4)", values: list("X'00000000'", "X'00000001'", "X'01000000'", "X'FFFFFFFF'", "X'61620000'", "X'20202020'", "X'E4F6FCDF'", "X'C3280000'")},
		{name: "binary 16", key: "k BINARY(16)", values: list("X'00112233445566778899AABBCCDDEE00'", "X'00112233445566778899AABBCCDD0000'", "X'F0112233445566778899AABBCCDDEEFF'")},
		{name: "varbinary", key: "k VARBINARY(20)", values: list("''", "X'00'", "X'0000'", "X'61'", "X'6100'", "X'20'", "X'FF00FF'", "X'80'", "X'C328'")},
		{name: "date", key: "k DATE", values: list("'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'0001-01-01'", "'1969-12-31'")},
		{name: "datetime", key: "k DATETIME", values: list("'0000-00-00 00:00:00'", "'2024-00-10 01:02:03'", "'2024-02-29 23:59:59'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'1969-12-31 23:59:59'")},
		{name: "year", key: "k YEAR", values: list("'0000'", "1901", "1999", "2000", "2024", "2069", "2155")},
		{name: "enum", key: "k ENUM('z','a','it''s','M','ü')", values: list("'z'", "'a'", "'it''s'", "'M'", "'ü'")},
		{name: "enum latin1", key: "k ENUM('z','é','b','ü') CHARACTER SET latin1", values: list("'z'", "'é'", "'b'", "'ü'")},
		{name: "enum of 300", key: "k ENUM(" + numbered("m", 300) + ")", values: list("'m0'", "'m1'", "'m254'", "'m255'", "'m256'", "'m299'")},
		{name: "composite", key: "a INT, b VARCHAR(10), c BINARY(3)", values: list("1,'x',X'000000'", "1,'x',X'010000'", "1,'y',X'000000'", "2,'x',X'000000'", "-1,'x',X'FF0000'", "2,'',X'000001'")},
		{name: "composite enum", key: "a INT UNSIGNED, e ENUM('z','a','m'), d DATE", values: list("1,'z','2024-01-01'", "1,'a','2024-01-01'", "1,'a','2024-01-02'", "1,'m','2023-01-01'", "4294967295,'m','2023-01-01'", "2,'z','0000-00-00'")},
		{name: "composite in other order", key: "a INT, b INT, PRIMARY KEY (b, a)", values: list("1,1", "1,2", "2,1", "2,2", "3,0")},
		{name: "stored generated", only: onlyMySQL, key: "n INT, k INT GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (k)", values: list("1, DEFAULT", "2, DEFAULT", "-3, DEFAULT")},
		{name: "uuid", key: "k UUID", only: onlyMariaDB, values: list("'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
			"'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'", "'f47ac10b-58cc-4372-a567-0e02b2c3d479'",
			"'01890a5d-ac96-774b-bcce-b302099a8057'", "'01890a5d-ac96-674b-bcce-b302099a8000'", "'f47ac10b-58cc-4372-0567-0e02b2c30000'",
			"'f47ac10b-58cc-0372-a567-0e02b2c3d479'", "'f47ac10b-58cc-f372-a567-0e02b2c3d479'")},
	}
	return slices.Concat(cases, integerCases(), fractionCases(), charsetCases())
}

func list(values ...string) []string { return values }

func numbered(prefix string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("'%s%d'", prefix, i)
	}
	return strings.Join(parts, ",")
}

func integerCases() []keyCase {
	var cases []keyCase
	for name, bits := range intBits {
		least, greatest := -(int64(1) << (bits - 1)), uint64(1)<<(bits-1)-1
		unsigned := greatest*2 + 1
		cases = append(cases,
			keyCase{name: name, key: "k " + name, values: list(fmt.Sprint(least), fmt.Sprint(least+1), "-1", "0", "1", fmt.Sprint(greatest-1), fmt.Sprint(greatest))},
			keyCase{name: name + " unsigned", key: "k " + name + " unsigned", values: list("0", "1", fmt.Sprint(greatest), fmt.Sprint(greatest+1), fmt.Sprint(unsigned-1), fmt.Sprint(unsigned))})
	}
	return cases
}

func fractionCases() []keyCase {
	var cases []keyCase
	for f := range 7 {
		fraction := ""
		if f > 0 {
			fraction = "." + strings.Repeat("0", f-1) + "1"
		}
		for _, typ := range []string{"datetime", "timestamp"} {
			values := []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01" + fraction + "'", "'2024-02-29 12:00:00'", "'2038-01-19 03:14:06'", "'2024-10-27 01:30:00'"}
			if f > 0 {
				values = append(values, "'2024-02-29 12:00:00"+fraction+"'", "'2024-02-29 12:00:00.9'")
			}
			cases = append(cases, keyCase{name: fmt.Sprintf("%s(%d)", typ, f), key: fmt.Sprintf("k %s(%d) NOT NULL DEFAULT '2000-01-01'", typ, f), values: values})
		}
	}
	return cases
}

func charsetCases() []keyCase {
	var cases []keyCase
	for charset, text := range map[string]string{
		"latin1": "'ä€œ™'", "latin2": "'łśź'", "cp1250": "'ěšč€'", "cp1251": "'привет'", "koi8r": "'привет'", "greek": "'αβγ'", "hebrew": "'שלום'",
		"ascii": "'~'", "ucs2": "'日本ä'", "utf16": "'日😀'", "utf16le": "'日😀'", "utf32": "'日😀'", "utf8mb3": "'日本ä'", "cp850": "'äßÇ'", "macroman": "'äß∞'", "latin5": "'ığş'", "latin7": "'ąčė'",
	} {
		for _, typ := range []string{"CHAR(12)", "VARCHAR(12)"} {
			cases = append(cases, keyCase{name: typ + " " + charset, key: "k " + typ + " CHARACTER SET " + charset, values: list("''", "'a'", "'b c'", "' d'", "'z'", text)})
		}
	}
	return cases
}

// create makes the case's table with its rows, and says whether the flavor has such a type.
func (c keyCase) create(t testing.TB, d *servertest.Database, rows []string) source.Table {
	t.Helper()
	table := source.Table{Schema: d.Name, Name: "k_" + strings.NewReplacer(" ", "_", "(", "_", ")", "").Replace(c.name)}
	key := c.key
	if !strings.Contains(key, "PRIMARY KEY") {
		var names []string
		for _, part := range strings.Split(key, ", ") {
			names = append(names, strings.Fields(part)[0])
		}
		key += ", PRIMARY KEY (" + strings.Join(names, ", ") + ")"
	}
	d.Exec(t, "CREATE TABLE "+quoteTable(table)+" ("+key+", v INT DEFAULT 0)")
	c.insert(t, d, table, rows)
	return table
}

func (c keyCase) insert(t testing.TB, d *servertest.Database, table source.Table, rows []string) {
	t.Helper()
	for _, row := range rows {
		if _, err := c.exec(t, d, "INSERT INTO "+quoteTable(table)+" VALUES ("+row+", 0)"); err != nil {
			t.Fatalf("insert %s: %v", row, err)
		}
	}
}

// exec runs a statement in a session that takes zero and partial dates.
func (c keyCase) exec(t testing.TB, d *servertest.Database, query string) (int64, error) {
	t.Helper()
	conn, err := d.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SET SESSION sql_mode = 'STRICT_ALL_TABLES'"); err != nil {
		t.Fatal(err)
	}
	result, err := conn.ExecContext(t.Context(), query)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func TestScanAndRead_EveryKeyType(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for _, c := range keyCases() {
			if c.only != nil && !c.only(d.Flavor) {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				table := c.create(t, d, c.values)
				sel := everything(t, s, "", table)
				for _, n := range []int{1, 3} {
					ranges, err := s.Split(t.Context(), "", sel, n)
					if err != nil {
						t.Fatal(err)
					}
					all := scanAll(t, s, "", sel, ranges, 1)
					if len(all) != len(c.values) {
						t.Fatalf("%d rows scanned in %d ranges, want %d: %v", len(all), len(ranges), len(c.values), texts(all))
					}
					readBack(t, s, sel, all)
				}
			})
		}
	})
}

// readBack reads every scanned row by its key and wants the same.
func readBack(t *testing.T, s *Source, sel source.Selection, all map[source.Key]source.Row) {
	t.Helper()
	var keys []source.Key
	for key := range all {
		keys = append(keys, key)
	}
	rows, err := s.ReadRows(t.Context(), "", sel, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if diff := cmp.Diff(all[keys[i]], row); diff != "" {
			t.Errorf("key %s: scanned and read differ: %s", keys[i].Text(), diff)
		}
	}
}

func texts(rows map[source.Key]source.Row) []string {
	var out []string
	for key := range rows {
		out = append(out, key.Text())
	}
	slices.Sort(out)
	return out
}
