package demo_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// kinds has each kind of server that a shop can stand on.
var kinds = []servertest.Flavor{servertest.MariaDB, servertest.MySQL, servertest.Postgres}

// open returns an empty shop in a database of the test's own.
func open(t *testing.T, flavor servertest.Flavor) (*demo.Shop, *servertest.Database) {
	t.Helper()
	database := servertest.OpenSQL(t, flavor).InSchema(t)
	shop, err := demo.Open(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shop.Close() })
	return shop, database
}

func fill(t *testing.T, shop *demo.Shop, seed uint64, rows int) {
	t.Helper()
	if err := shop.Fill(t.Context(), seed, rows); err != nil {
		t.Fatal(err)
	}
}

// query returns all rows of a query as texts, NULL as "NULL".
func query(t *testing.T, database *servertest.Database, text string) [][]string {
	t.Helper()
	rows, err := database.DB.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = "NULL"
			if v.Valid {
				row[i] = v.String
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// total counts the rows of all tables.
func total(t *testing.T, shop *demo.Shop) int {
	t.Helper()
	sum := 0
	for _, table := range demo.Tables() {
		n, err := shop.Count(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Errorf("%s is empty", table)
		}
		sum += n
	}
	return sum
}

// checksums returns a checksum per table, as the server computes it.
func checksums(t *testing.T, database *servertest.Database) map[string]string {
	t.Helper()
	sums := map[string]string{}
	if database.Flavor.IsPostgres() {
		for _, table := range demo.Tables() {
			sums[table] = query(t, database, "SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM "+table+" AS t")[0][0]
		}
		return sums
	}
	for _, row := range query(t, database, "CHECKSUM TABLE "+strings.Join(demo.Tables(), ", ")) {
		if row[1] == "NULL" {
			t.Errorf("%s has no checksum", row[0])
		}
		_, table, _ := strings.Cut(row[0], ".")
		sums[table] = row[1]
	}
	return sums
}

func TestFill_EveryServer(t *testing.T) {
	for _, flavor := range kinds {
		t.Run(string(flavor), func(t *testing.T) {
			shop, database := open(t, flavor)
			fill(t, shop, 1, 0)
			if got := total(t, shop); got != demo.Rows {
				t.Errorf("%d rows, want %d", got, demo.Rows)
			}
			checkTypes(t, database)
			// An order's total is that of its lines, each rounded to cents.
			wrong := query(t, database, `SELECT COUNT(*) FROM orders JOIN
				(SELECT order_id, SUM(ROUND(quantity*unit_price*(1-discount), 2)) AS sum FROM order_items GROUP BY order_id) AS of_order
				ON of_order.order_id = orders.id WHERE of_order.sum <> orders.total`)
			if wrong[0][0] != "0" {
				t.Errorf("%s orders have a total that is not that of their lines", wrong[0][0])
			}
		})
	}
}

func checkTypes(t *testing.T, database *servertest.Database) {
	t.Helper()
	types := query(t, database, "SELECT DISTINCT LOWER(DATA_TYPE) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '"+database.Name+"'")
	wanted := "tinyint smallint mediumint int bigint decimal float double bit year date time " +
		"datetime timestamp char varchar text binary varbinary enum set json point"
	switch {
	case database.Flavor.IsPostgres():
		types = query(t, database, "SELECT DISTINCT atttypid::regtype FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "+
			"WHERE relkind = 'r' AND attnum > 0 AND relnamespace = '"+database.Name+"'::regnamespace")
		wanted = "smallint integer bigint numeric real double|precision date time|without|time|zone timestamp|without|time|zone timestamp|with|time|zone " +
			"interval character character|varying text bytea uuid category order_status text[] json jsonb point boolean"
	case slices.ContainsFunc(types, func(row []string) bool { return row[0] == "longtext" }): // MariaDB's JSON
		types = append(types, []string{"json"})
	}
	for want := range strings.FieldsSeq(wanted) {
		want = strings.ReplaceAll(want, "|", " ")
		if !slices.ContainsFunc(types, func(row []string) bool { return row[0] == want }) {
			t.Errorf("no column is a %s", want)
		}
	}
}

func TestFillAndChange_SameSeedSameRows(t *testing.T) {
	for _, flavor := range kinds {
		t.Run(string(flavor), func(t *testing.T) {
			var filled, changed []map[string]string
			for _, seed := range []uint64{7, 7, 8} {
				shop, database := open(t, flavor)
				fill(t, shop, seed, 5000)
				filled = append(filled, checksums(t, database))
				if _, err := shop.Change(t.Context(), seed, 500, 0); err != nil {
					t.Fatal(err)
				}
				changed = append(changed, checksums(t, database))
			}
			for name, sums := range map[string][]map[string]string{"filled": filled, "changed": changed} {
				if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
					t.Errorf("%s twice with one seed: %s", name, diff)
				}
				for table, sum := range sums[2] {
					if sum == sums[0][table] {
						t.Errorf("%s: seeds 7 and 8 give the same %s", name, table)
					}
				}
			}
			for table := range filled[0] {
				if table != "stores" && filled[0][table] == changed[0][table] {
					t.Errorf("500 changes leave %s as it was", table)
				}
			}
		})
	}
}

// plainRows returns all rows of all tables in the spelling that all servers share, sorted.
func plainRows(t *testing.T, shop *demo.Shop) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, table := range demo.Tables() {
		err := shop.Each(t.Context(), table, func(row []demo.Cell) error {
			var line []string
			for _, cell := range row {
				plain, err := cell.Kind.Plain(cell.Value)
				if err != nil {
					return fmt.Errorf("%s.%s: %w", table, cell.Name, err)
				}
				line = append(line, plain)
			}
			all[table] = append(all[table], strings.Join(line, "\t"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all[table])
	}
	return all
}

func TestFill_SameRowsOnEveryServer(t *testing.T) {
	var filled, changed []map[string][]string
	for _, flavor := range kinds {
		shop, _ := open(t, flavor)
		fill(t, shop, 3, 2000)
		filled = append(filled, plainRows(t, shop))
		if _, err := shop.Change(t.Context(), 3, 300, 0); err != nil {
			t.Fatal(err)
		}
		changed = append(changed, plainRows(t, shop))
	}
	for i, flavor := range kinds[1:] {
		if diff := cmp.Diff(filled[0], filled[i+1]); diff != "" {
			t.Errorf("%s and %s differ:\n%.2000s", kinds[0], flavor, diff)
		}
	}
	// PostgreSQL counts a row that was set to what it was as changed, so the changes end elsewhere.
	if diff := cmp.Diff(changed[0], changed[1]); diff != "" {
		t.Errorf("%s and %s differ after the changes:\n%.2000s", kinds[0], kinds[1], diff)
	}
}

func TestChange_CountsWhatItDoes(t *testing.T) {
	for _, flavor := range append(servertest.Flavors(), servertest.PostgresFlavors()...) {
		t.Run(string(flavor), func(t *testing.T) {
			shop, database := open(t, flavor)
			fill(t, shop, 1, 5000)
			before := total(t, shop)
			done, err := shop.Change(t.Context(), 1, 1000, 0)
			if err != nil {
				t.Fatal(err)
			}
			if done.Total() != 1000 || done.Inserted == 0 || done.Updated == 0 || done.Deleted == 0 || done.Moved == 0 || done.Moved > 50 {
				t.Errorf("1000 changes: %v", done)
			}
			if got, want := total(t, shop), before+done.Inserted-done.Deleted; got != want {
				t.Errorf("%d rows after %v, want %d", got, done, want)
			}
			if n := query(t, database, "SELECT COUNT(*) FROM orders WHERE id = "+strconv.FormatInt(done.Order, 10))[0][0]; n != "1" {
				t.Errorf("the last order %d is there %s times", done.Order, n)
			}
			again, err := shop.Change(t.Context(), 1, 1, 0)
			if err != nil || again.Total() != 1 {
				t.Errorf("one more change: %v, %v", again, err)
			}
		})
	}
}

func TestRow_Keys(t *testing.T) {
	for _, flavor := range kinds {
		t.Run(string(flavor), func(t *testing.T) {
			shop, _ := open(t, flavor)
			fill(t, shop, 1, 1000)
			for table, key := range map[string][]any{"stores": {"S001"}, "order_items": {1, 1}, "products": {1}} {
				row, err := shop.Row(t.Context(), table, key...)
				if err != nil || len(row) < 6 {
					t.Errorf("%s %v: %v, %v", table, key, row, err)
					continue
				}
				if got, want := row[0].Value, fmt.Sprint(key[0]); got != want {
					t.Errorf("%s: asked for %s, got %s", table, want, got)
				}
			}
			if row, err := shop.Row(t.Context(), "products", 999_999); row != nil || err != nil {
				t.Errorf("a product that is not there: %v, %v", row, err)
			}
			for table, key := range map[string][]any{"order_items": {1}, "elsewhere": {1}} {
				if row, err := shop.Row(t.Context(), table, key...); err == nil {
					t.Errorf("%s %v is %v", table, key, row)
				}
			}
		})
	}
}

func TestOpen_RefusesWithoutPassword(t *testing.T) {
	for _, url := range []string{"", "mysql://app:secret@host", "mongodb://app:secret@host/shop", "mysql://app:secret@host:x y/shop"} {
		_, err := demo.Open(t.Context(), url)
		if err == nil {
			t.Fatalf("%q was opened", url)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the message holds the password: %v", url, err)
		}
	}
}
