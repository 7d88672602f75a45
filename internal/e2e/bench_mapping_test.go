//go:build bench

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestBench_Mapping copies a table without a mapping, with one that renames, and with one that computes, in turn, from
// MySQL to PostgreSQL, the pair in which mapping weighs most.
func TestBench_Mapping(t *testing.T) {
	longest = 20 * time.Minute
	source, target := openSQLEnd(t, servertest.MySQL), openPostgresEnd(t, servertest.MySQL)
	source.goods.fill(1, benchRows)
	from, _ := source.config()
	to, prefix := target.config()
	kinds := []struct{ name, mapping string }{
		{"none", fmt.Sprintf("tables: [%s.goods]", source.db.Name)},
		{"plain", fmt.Sprintf("mappings: [{from: %s.goods, to: %sgoods, fields: {v: {to: title}, d: {to: price}}}]", source.db.Name, prefix)},
		{"computed", fmt.Sprintf(`mappings: [{from: %s.goods, to: %sgoods, where: n >= 0 and v != nil, fields: {
  gross: {expr: d * 1.2}, at: {zone: Europe/Vienna}, note: {mask: hash, key: "a key of the test's own"}}}]`, source.db.Name, prefix)},
	}
	for round := range 3 {
		for _, kind := range kinds {
			target.db.Exec(t, "DROP SCHEMA IF EXISTS "+endSchema+" CASCADE; DROP SCHEMA IF EXISTS "+source.db.Name+" CASCADE")
			dir := in(t, fmt.Sprintf("version: 1\n%s\n%s\n%s\n", from, to, kind.mapping))
			r := invocation{args: []string{"--once", "--fresh"}, dir: dir}.run(t)
			if code := r.wait(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, r.stderr)
			}
			took := logTime(t, r, "backfill done").Sub(logTime(t, r, "backfill begins"))
			t.Logf("round %d, %-8s %8.0f rows/s", round+1, kind.name, rate(benchRows, took))
		}
	}
}
