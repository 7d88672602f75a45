package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestPostgresTarget_Types copies a row of nearly every type, and compares what both servers print of it.
func TestPostgresTarget_Types(t *testing.T) {
	for _, c := range []struct {
		flavor servertest.Flavor
		table  typedTable
		pairs  [][2]string // an expression of the source, and one of the target that prints the same
	}{
		{servertest.Postgres,
			typedTables[servertest.Postgres],
			same("id", "day", "b", "i2", "r", "f", "n", "p", "t", "y", "d", "ts", "tz", "h", "hz", "iv", "jb", "e", "r4", "tr", "ip", "ci", "mac", "bi", "vb", "pt", "px", "tv", "x", "g",
				"m::numeric=>m", "rtrim(c)=>c", "j::jsonb=>j", "to_jsonb(a)=>a", "to_jsonb(aa)=>aa", "to_jsonb(co)=>co")},
		{servertest.MySQL,
			typedTables[servertest.MySQL],
			append(same("k", "i", "u8", "d", "y", "t", "e", "s"), [][2]string{
				{"LOWER(HEX(id))", "encode(id, 'hex')"}, {"CAST(bi AS UNSIGNED)", "bi"}, {"LOWER(HEX(b))", "encode(b, 'hex')"}, {"da", "da"}, {"dt", "to_char(dt, 'YYYY-MM-DD HH24:MI:SS.MS')"},
				{"ts", "to_char(ts, 'YYYY-MM-DD HH24:MI:SS.US')"}, {"TIME_TO_SEC(tm) - 0.5", "round(extract(epoch FROM tm), 1)"}, {"j", "j"}, {"f", "f"}, {"n IS NULL", "(n IS NULL)::int"}}...)},
	} {
		t.Run(string(c.flavor), func(t *testing.T) {
			t.Parallel()
			db := servertest.OpenSQL(t, c.flavor).InSchema(t)
			to := servertest.OpenSQL(t, servertest.Postgres)
			db.Exec(t, c.table.create)
			db.Exec(t, c.table.insert)
			dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: postgres, url: %q}\ntables: [%s.typed]\n", db.ReplURL, to.URL+"?sslmode=disable", db.Name))
			r := invocation{args: []string{"--once"}, dir: dir}.run(t)
			if code := r.wait(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, r.stderr)
			}
			if s := statusOf(t, dir, nil); s.Letters != 0 {
				t.Fatalf("dead letters: %+v", s.Newest)
			}
			for _, pair := range c.pairs {
				want := db.QueryString(t, "SELECT CONCAT("+pair[0]+", '') FROM typed")
				if got := to.QueryString(t, "SELECT concat("+pair[1]+", '') FROM "+db.Name+".typed"); got != want {
					t.Errorf("%s: the source prints %q, the target %q", pair[0], want, got)
				}
			}
		})
	}
}

// same are expressions that both sides print alike; "a=>b" has b in the target.
func same(names ...string) [][2]string {
	var pairs [][2]string
	for _, name := range names {
		from, to, ok := strings.Cut(name, "=>")
		if !ok {
			to = from
		}
		pairs = append(pairs, [2]string{from, to})
	}
	return pairs
}
