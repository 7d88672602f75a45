package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMapping_ExcludedLater: a column that a mapping leaves out later is empty in every row of a PostgreSQL table, once it has been
// copied again, and rows that come later do not fill it.
func TestMapping_ExcludedLater(t *testing.T) {
	onPairs(t, []string{"mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		to, ok := target.(postgresEnd)
		if !ok {
			return // where documents are written whole, nothing of the old ones stays
		}
		p := plantBetween(t, source, target, 3)
		once := func() {
			t.Helper()
			if r := (invocation{args: []string{"--once"}, dir: p.dir}).run(t); r.wait(t) != 0 {
				t.Fatalf("run: %s", r.stderr)
			}
		}
		once()
		file := filepath.Join(p.dir, "meepo.yaml")
		write(t, file, strings.Replace(contents(t, file), "side}", "side, exclude: [v]}", 1))
		if r := (invocation{args: []string{"backfill", "side"}, dir: p.dir}).run(t); r.wait(t) != 0 {
			t.Fatalf("backfill: %s", r.stderr)
		}
		p.source.exec(t, "UPDATE side SET v = 'changed' WHERE id = 1", "INSERT INTO side VALUES (4, 'four')")
		once()
		got := to.db.QueryStrings(t, "SELECT id::text || ' ' || coalesce(v, 'NULL') FROM "+endSchema+".side ORDER BY id")
		if want := [][]string{{"1 NULL"}, {"2 NULL"}, {"3 NULL"}, {"4 NULL"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("rows %v, want %v", got, want)
		}
	})
}
