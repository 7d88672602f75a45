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
		table  string
		insert string
		pairs  [][2]string // an expression of the source, and one of the target that prints the same
	}{
		{servertest.Postgres,
			`CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN price AS numeric(8,2); CREATE TYPE pair AS (a int, b text);
			CREATE TABLE typed (id uuid, day timestamptz, b bool, i2 smallint, r real, f double precision, n numeric, p price, m money, t text, c char(5),
			y bytea, d date, ts timestamp, tz timestamptz, h time, hz timetz, iv interval, j json, jb jsonb, a int[], aa text[][], e mood, co pair,
			r4 int4range, tr tstzrange, ip inet, ci cidr, mac macaddr, bi bit(3), vb varbit, pt point, px polygon, tv tsvector, x xml, g int GENERATED ALWAYS AS (i2 * 2) STORED,
			PRIMARY KEY (id, day))`,
			`INSERT INTO typed VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-01-02 03:04:05.67+02', true, -32768, 0.1, 'NaN', 'NaN', 12.5, 3.5, 'tëxt', 'ab',
			'\x00ff', '0044-03-15 BC', 'infinity', '-infinity', '23:59:59.5', '12:00:00+02', '1 year 2 mons 3 days 04:05:06.7', '{"a": 1}', '{"n": 12345678901234567890.123}',
			'{1,NULL,3}', '{{a,b},{c,d}}', 'happy', '(1,x)', '[1,5)', '[2026-01-01 00:00:00+00,)', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '101', '1011', '(1,2)',
			'((0,0),(1,1),(1,0))', 'a fat cat', '<a>1</a>')`,
			same("id", "day", "b", "i2", "r", "f", "n", "p", "t", "y", "d", "ts", "tz", "h", "hz", "iv", "jb", "e", "r4", "tr", "ip", "ci", "mac", "bi", "vb", "pt", "px", "tv", "x", "g",
				"m::numeric=>m", "rtrim(c)=>c", "j::jsonb=>j", "to_jsonb(a)=>a", "to_jsonb(aa)=>aa", "to_jsonb(co)=>co")},
		{servertest.MySQL,
			`CREATE TABLE typed (id BINARY(2), k BIGINT UNSIGNED, i TINYINT, u8 BIGINT UNSIGNED, f FLOAT, d DECIMAL(20,4), y YEAR, bi BIT(9), b BLOB, t TEXT, da DATE, dt DATETIME(3),
			ts TIMESTAMP(6) NULL, tm TIME(2), e ENUM('x','y'), s SET('p','q'), j JSON, n TEXT, PRIMARY KEY (id, k))`,
			`INSERT INTO typed VALUES (x'00ff', 18446744073709551615, -128, 18446744073709551615, 0.1, -1.5, 2026, 257, x'0001', 'tëxt', '2024-02-29', '2026-01-02 03:04:05.670',
			'2026-01-02 03:04:05.000001', '-100:00:00.5', 'y', 'p,q', '{"a": [1, null]}', NULL)`,
			append(same("k", "i", "u8", "d", "y", "t", "e", "s"), [][2]string{
				{"LOWER(HEX(id))", "encode(id, 'hex')"}, {"CAST(bi AS UNSIGNED)", "bi"}, {"LOWER(HEX(b))", "encode(b, 'hex')"}, {"da", "da"}, {"dt", "to_char(dt, 'YYYY-MM-DD HH24:MI:SS.MS')"},
				{"ts", "to_char(ts, 'YYYY-MM-DD HH24:MI:SS.US')"}, {"TIME_TO_SEC(tm) - 0.5", "round(extract(epoch FROM tm), 1)"}, {"j", "j"}, {"f", "f"}, {"n IS NULL", "(n IS NULL)::int"}}...)},
	} {
		t.Run(string(c.flavor), func(t *testing.T) {
			t.Parallel()
			db := servertest.OpenSQL(t, c.flavor).InSchema(t)
			to := servertest.OpenSQL(t, servertest.Postgres)
			db.Exec(t, c.table)
			db.Exec(t, c.insert)
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
