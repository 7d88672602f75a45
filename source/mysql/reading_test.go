package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func TestTables_ByPattern(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE Orders (id INT PRIMARY KEY); CREATE TABLE order_lines (id INT); CREATE TABLE other (id INT); CREATE VIEW order_view AS SELECT * FROM Orders")
		for pattern, want := range map[string][]string{"*": {"Orders", "order_lines", "other"}, "order*": {"order_lines"}, "orders": nil, "Orders": {"Orders"}, "order_view": nil} {
			tables, err := s.Tables(t.Context(), "", []source.Pattern{{Schema: d.Name, Name: pattern}, {Schema: d.Name + "x", Name: "*"}})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, table := range tables {
				names = append(names, table.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("%s: %v, want %v", pattern, names, want)
			}
		}
		system, err := s.Tables(t.Context(), "", []source.Pattern{{Schema: "mysql", Name: "*"}, {Schema: "performance_schema", Name: "*"}})
		if err != nil || len(system) != 0 {
			t.Errorf("system tables: %v %v", system, err)
		}
	})
}

func TestColumns_FlagsAndKey(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE f (a INT, `odd``name` VARCHAR(10) NOT NULL, b INT NOT NULL, g INT GENERATED ALWAYS AS (b * 2) VIRTUAL, h INT GENERATED ALWAYS AS (b * 3) STORED, i INT INVISIBLE, PRIMARY KEY (b, `odd``name`))")
		d.Exec(t, "INSERT INTO f (a, `odd``name`, b, i) VALUES (1, 'x', 5, 7)")
		sel := everything(t, s, "", tableIn(d, "f"))
		var flags []string
		for _, c := range sel.Columns {
			flags = append(flags, fmt.Sprintf("%d %s %v %v %v", c.Ordinal, c.Name, c.Nullable, c.Generated, c.Invisible))
		}
		want := []string{"1 a true false false", "2 odd`name false false false", "3 b false false false", "4 g true true false", "5 h true true false", "6 i true false true"}
		if diff := cmp.Diff(want, flags); diff != "" {
			t.Errorf("columns: %s", diff)
		}
		if sel.Key[0].Name != "b" || sel.Key[1].Name != "odd`name" {
			t.Errorf("key %v", sel.Key)
		}
		for _, row := range scanAll(t, s, "", sel, []source.Range{"{}"}, 5) {
			if diff := cmp.Diff([]source.Value{int64(1), "x", int64(5), int64(10), int64(15), int64(7)}, row.Values); diff != "" {
				t.Error(diff)
			}
		}
		odd := tableIn(d, "odd[*`name")
		d.Exec(t, "CREATE TABLE "+quoteTable(odd)+" (id INT PRIMARY KEY); INSERT INTO "+quoteTable(odd)+" VALUES (1)")
		if rows, err := s.ReadRows(t.Context(), "", everything(t, s, "", odd), keysOf(t, 1)); err != nil || !rows[0].Found {
			t.Errorf("%s: %v %v", odd, rows, err)
		}
		for _, missing := range []string{"nothing", "F", "f "} {
			if _, err := s.Columns(t.Context(), "", tableIn(d, missing)); !errors.Is(err, source.ErrNoTable) {
				t.Errorf("%q: %v", missing, err)
			}
		}
	})
}

func TestColumns_GeneratedInvisiblePrimaryKey(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQL)
	s := openTest(t, d)
	conn, err := d.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{"SET SESSION sql_generate_invisible_primary_key = ON", "CREATE TABLE g (v INT)", "INSERT INTO g (v) VALUES (1), (2)"} {
		if _, err := conn.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	sel := everything(t, s, "", tableIn(d, "g"))
	if all := scanAll(t, s, "", sel, []source.Range{"{}"}, 1); len(all) != 2 || sel.Key[0].Name != "my_row_id" {
		t.Errorf("%v by %v", texts(all), sel.Key)
	}
}

func TestRead_StaleDefinition(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE s (id INT PRIMARY KEY, gone INT, turns INT); INSERT INTO s VALUES (1, 2, 3)")
		sel := everything(t, s, "", tableIn(d, "s"))
		d.Exec(t, "ALTER TABLE s DROP COLUMN gone")
		expectStale(t, s, sel, "a dropped column")
		sel = everything(t, s, "", sel.Table)
		d.Exec(t, "ALTER TABLE s MODIFY turns VARCHAR(10)")
		expectStale(t, s, sel, "a column of another type")
		d.Exec(t, "DROP TABLE s")
		expectStale(t, s, sel, "a dropped table")
	})
}

func expectStale(t *testing.T, s *Source, sel source.Selection, what string) {
	t.Helper()
	if _, err := s.ReadRows(t.Context(), "", sel, keysOf(t, 1)); !errors.Is(err, source.ErrStale) {
		t.Errorf("%s: read: %v", what, err)
	}
	if _, _, err := s.ScanRows(t.Context(), "", sel, "{}", 10); !errors.Is(err, source.ErrStale) {
		t.Errorf("%s: scan: %v", what, err)
	}
}

func TestReadRows_MoreThanOneStatementHolds(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE n (a INT, b VARCHAR(10), v INT, PRIMARY KEY (a, b))")
		const n = 2500
		values := make([]string, n)
		var keys []source.Key
		for i := range n {
			values[i] = fmt.Sprintf("(%d,'k%d',%d)", i/7, i, i)
			key, err := source.NewKey(int64(i/7), fmt.Sprintf("k%d", i))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key, key)
		}
		d.Exec(t, "INSERT INTO n VALUES "+strings.Join(values, ","))
		_, fence, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sel := everything(t, s, fence, tableIn(d, "n"))
		rows, err := s.ReadRows(t.Context(), fence, sel, keys)
		if err != nil || len(rows) != 2*n {
			t.Fatalf("%d rows: %v", len(rows), err)
		}
		for i, row := range rows {
			if !row.Found || row.Key != keys[i] || row.Values[2] != int64(i/2) {
				t.Fatalf("row %d: %+v", i, row)
			}
		}
		ranges, err := s.Split(t.Context(), fence, sel, 5)
		if err != nil || len(ranges) < 2 {
			t.Errorf("%d ranges: %v", len(ranges), err)
		}
		if all := scanAll(t, s, fence, sel, ranges, 100); len(all) != n {
			t.Errorf("%d rows scanned in %d ranges", len(all), len(ranges))
		}
	})
}

func TestScanRows_Condition(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE w (id INT PRIMARY KEY, v INT); INSERT INTO w VALUES (1,1),(2,2),(3,1),(4,NULL),(5,1)")
		sel := everything(t, s, "", tableIn(d, "w"))
		sel.Where = "v = 1 OR id = 4"
		all := scanAll(t, s, "", sel, []source.Range{"{}"}, 2)
		if diff := cmp.Diff([]string{"1", "3", "4", "5"}, texts(all)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestSplit_EmptyAndWide: one range for an empty table, and bounds that do not overflow.
func TestSplit_EmptyAndWide(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE e (k BIGINT PRIMARY KEY); CREATE TABLE u (k BIGINT UNSIGNED PRIMARY KEY); CREATE TABLE x (k VARCHAR(9) PRIMARY KEY)")
		for _, name := range []string{"e", "u", "x"} {
			sel := everything(t, s, "", tableIn(d, name))
			if ranges, err := s.Split(t.Context(), "", sel, 4); err != nil || len(ranges) != 1 {
				t.Errorf("empty %s: %v %v", name, ranges, err)
			}
		}
		d.Exec(t, "INSERT INTO e VALUES (-9223372036854775808), (-1), (0), (9223372036854775807); INSERT INTO u VALUES (0), (1), (18446744073709551615)")
		for name, n := range map[string]int{"e": 4, "u": 3} {
			sel := everything(t, s, "", tableIn(d, name))
			for parts := range 9 {
				ranges, err := s.Split(t.Context(), "", sel, parts)
				if err != nil || len(ranges) > max(parts, 1) {
					t.Fatalf("%s in %d: %v %v", name, parts, ranges, err)
				}
				// Bounds cut by an older Split must take rows that came later, beyond them.
				if all := scanAll(t, s, "", sel, ranges, 1); len(all) != n {
					t.Errorf("%s in %d: %v", name, parts, texts(all))
				}
			}
		}
	})
}

// TestRead_OneBadRow: an expression that fails for one row's value is the error of that row, and
// the others come. ST_AsGeoJSON takes all that can be stored today, so a choosier function stands
// in for it.
func TestRead_OneBadRow(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID} {
		d := servertest.OpenSQL(t, f)
		s := openTest(t, d)
		d.Exec(t, "CREATE TABLE b (id INT PRIMARY KEY, g GEOMETRY)")
		for i := range 20 {
			srid := 4326
			if i == 7 {
				srid = 0
			}
			d.Exec(t, "INSERT INTO b VALUES (?, ST_GeomFromText('POINT(1 2)', ?))", i, srid)
		}
		_, fence, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sel := everything(t, s, fence, tableIn(d, "b"))
		sel.Columns = []source.Column{{Name: "g", Type: source.Type{Kind: source.KindFloat}, Expr: "ST_Longitude(`g`)"}}
		var scanned []source.Row
		for r := source.Range("{}"); r != ""; {
			var rows []source.Row
			if rows, r, err = s.ScanRows(t.Context(), fence, sel, r, 50); err != nil {
				t.Fatal(err)
			}
			scanned = append(scanned, rows...)
		}
		read, err := s.ReadRows(t.Context(), fence, sel, keysOf(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19))
		if err != nil {
			t.Fatal(err)
		}
		for _, rows := range [][]source.Row{scanned, read} {
			if len(rows) != 20 {
				t.Fatalf("%s: %d rows", f, len(rows))
			}
			for i, row := range rows {
				if (row.Err != nil) != (i == 7) || row.Found == (i == 7) || row.Key == "" {
					t.Errorf("%s: row %d: found %v: %v", f, i, row.Found, row.Err)
				}
			}
		}
	}
}

// TestRead_EnumWithoutMeaning: a row whose key is the invalid ENUM value ” has an error, and the
// scan goes past it.
func TestRead_EnumWithoutMeaning(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		c := keyCase{name: "bad enum", key: "k ENUM('b','a')", values: list("'a'", "'b'")}
		table := c.create(t, d, c.values)
		d.Exec(t, "INSERT IGNORE INTO "+quoteTable(table)+" VALUES ('no such', 1)")
		sel := everything(t, s, "", table)
		bad, good := 0, 0
		for r := source.Range("{}"); r != ""; {
			rows, rest, err := s.ScanRows(t.Context(), "", sel, r, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.Err != nil {
					bad++
				} else {
					good++
				}
			}
			r = rest
		}
		if bad != 1 || good != 2 {
			t.Errorf("%d bad, %d good", bad, good)
		}
	})
}

func TestRead_DeniedIsHinted(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE p (id INT PRIMARY KEY)")
		sel := everything(t, s, "", tableIn(d, "p"))
		denied := user(t, d, "n")
		if _, err := denied.ReadRows(t.Context(), "", sel, keysOf(t, 1)); err == nil || !strings.Contains(hintOf(err), "GRANT SELECT") {
			t.Errorf("%v: hint %q", err, hintOf(err))
		}
	})
}
