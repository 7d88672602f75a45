package e2e

import "github.com/meepo-replicate/meepo/internal/servertest"

// typedTable is a table called typed of nearly every type of a family, and a row of it.
type typedTable struct{ create, insert string }

var typedTables = map[servertest.Flavor]typedTable{
	servertest.Postgres: {
		`CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN price AS numeric(8,2); CREATE TYPE pair AS (a int, b text);
			CREATE TABLE typed (id uuid, day timestamptz, b bool, i2 smallint, r real, f double precision, n numeric, p price, m money, t text, c char(5),
			y bytea, d date, ts timestamp, tz timestamptz, h time, hz timetz, iv interval, j json, jb jsonb, a int[], aa text[][], e mood, co pair,
			r4 int4range, tr tstzrange, ip inet, ci cidr, mac macaddr, bi bit(3), vb varbit, pt point, px polygon, tv tsvector, x xml, g int GENERATED ALWAYS AS (i2 * 2) STORED,
			PRIMARY KEY (id, day))`,
		`INSERT INTO typed VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-01-02 03:04:05.67+02', true, -32768, 0.1, 'NaN', 'NaN', 12.5, 3.5, 'tëxt', 'ab',
			'\x00ff', '0044-03-15 BC', 'infinity', '-infinity', '23:59:59.5', '12:00:00+02', '1 year 2 mons 3 days 04:05:06.7', '{"a": 1}', '{"n": 12345678901234567890.123}',
			'{1,NULL,3}', '{{a,b},{c,d}}', 'happy', '(1,x)', '[1,5)', '[2026-01-01 00:00:00+00,)', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '101', '1011', '(1,2)',
			'((0,0),(1,1),(1,0))', 'a fat cat', '<a>1</a>')`,
	},
	servertest.MySQL: {
		`CREATE TABLE typed (id BINARY(2), k BIGINT UNSIGNED, i TINYINT, u8 BIGINT UNSIGNED, f FLOAT, d DECIMAL(20,4), y YEAR, bi BIT(9), b BLOB, t TEXT, da DATE, dt DATETIME(3),
			ts TIMESTAMP(6) NULL, tm TIME(2), e ENUM('x','y'), s SET('p','q'), j JSON, n TEXT, PRIMARY KEY (id, k))`,
		`INSERT INTO typed VALUES (x'00ff', 18446744073709551615, -128, 18446744073709551615, 0.1, -1.5, 2026, 257, x'0001', 'tëxt', '2024-02-29', '2026-01-02 03:04:05.670',
			'2026-01-02 03:04:05.000001', '-100:00:00.5', 'y', 'p,q', '{"a": [1, null]}', NULL)`,
	},
}
