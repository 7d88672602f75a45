package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

const benchRows = 20000

// benchTable has 10 columns of about 250 bytes in all.
func benchTable(b *testing.B, d *servertest.Database) {
	b.Helper()
	if _, err := d.DB.ExecContext(b.Context(), `CREATE TABLE bench (id INT PRIMARY KEY, a BIGINT, price DECIMAL(12,2), f DOUBLE, name VARCHAR(60), note TEXT,
		created DATETIME(6), changed TIMESTAMP NULL, state ENUM('new','paid','sent'), raw VARBINARY(40))`); err != nil {
		b.Fatal(err)
	}
	for start := 0; start < benchRows; start += 1000 {
		values := make([]string, 1000)
		for i := range values {
			n := start + i
			values[i] = fmt.Sprintf("(%d,%d,%d.25,%d.5,'name of row %d','%s','2024-02-29 12:00:00.123456','2024-03-01 00:00:00','paid',X'%020x')",
				n, n*7919, n, n, n, strings.Repeat("word ", 25), n)
		}
		if _, err := d.DB.ExecContext(b.Context(), "INSERT INTO bench VALUES "+strings.Join(values, ",")); err != nil {
			b.Fatal(err)
		}
	}
}

func eachBench(b *testing.B, run func(b *testing.B, s *Source, fence source.Fence, sel source.Selection)) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID, servertest.MariaDB} {
		d := servertest.OpenSQL(b, f)
		benchTable(b, d)
		cfg := configOf(b, d.ReplURL)
		cfg.Logger = nil
		s := openConfig(b, cfg)
		_, fence, err := s.Head(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		sel := everything(b, s, fence, source.Table{Schema: d.Name, Name: "bench"})
		b.Run(string(f), func(b *testing.B) { run(b, s, fence, sel) })
	}
}

func reportRows(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkReadRows(b *testing.B) {
	for _, n := range []int64{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *Source, fence source.Fence, sel source.Selection) {
				ids := make([]int64, n)
				for i, id := range rand.Perm(benchRows)[:n] {
					ids[i] = int64(id)
				}
				keys := keysOf(b, ids...)
				for b.Loop() {
					if _, err := s.ReadRows(b.Context(), fence, sel, keys); err != nil {
						b.Fatal(err)
					}
				}
				reportRows(b, b.N*len(keys))
			})
		})
	}
}

func BenchmarkScanRows(b *testing.B) {
	eachBench(b, func(b *testing.B, s *Source, fence source.Fence, sel source.Selection) {
		total := 0
		for b.Loop() {
			for r := source.Range("{}"); r != ""; {
				rows, rest, err := s.ScanRows(b.Context(), fence, sel, r, 5000)
				if err != nil {
					b.Fatal(err)
				}
				total += len(rows)
				r = rest
			}
		}
		reportRows(b, total)
	})
}

// BenchmarkDecode compares reading through database/sql into `any` with the driver's own rows, the
// same statement on one connection: this decided how session.query works.
func BenchmarkDecode(b *testing.B) {
	d := servertest.OpenSQL(b, servertest.MySQL)
	benchTable(b, d)
	s := openTest(b, d)
	sel := everything(b, s, "", source.Table{Schema: d.Name, Name: "bench"})
	p, err := planOf(sel)
	if err != nil {
		b.Fatal(err)
	}
	text := p.selectWhere("TRUE") + " ORDER BY id"
	conn, err := s.db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	b.Run("driver", func(b *testing.B) {
		q := &session{conn: conn}
		for b.Loop() {
			if err := q.query(b.Context(), text, nil, func(values []sqldriver.Value) error { _, err := p.row(values); return err }); err != nil {
				b.Fatal(err)
			}
		}
		reportRows(b, b.N*benchRows)
	})
	b.Run("database-sql", func(b *testing.B) {
		for b.Loop() {
			if err := scanAny(b.Context(), conn, text, p); err != nil {
				b.Fatal(err)
			}
		}
		reportRows(b, b.N*benchRows)
	})
}

func scanAny(ctx context.Context, conn *sql.Conn, text string, p *plan) error {
	stmt, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer stmt.Close()
	rows, err := stmt.QueryContext(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]sqldriver.Value, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if _, err := p.row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}
