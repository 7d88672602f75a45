//go:build bench

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestBench_Postgres copies and follows into PostgreSQL, beside its COPY of the same rows, prepared, by four connections
// into a table of the same definition.
func TestBench_Postgres(t *testing.T) {
	longest = 20 * time.Minute
	for _, flavor := range []servertest.Flavor{servertest.MySQL, servertest.Postgres} {
		t.Run(string(flavor), func(t *testing.T) {
			source, target := openSQLEnd(t, flavor), openPostgresEnd(t, flavor)
			p := plantBetween(t, source, target, 1000)
			source.goods.fill(1001, benchRows)
			for round := range 3 {
				target.db.Exec(t, "DROP SCHEMA IF EXISTS "+endSchema+" CASCADE")
				r := invocation{args: []string{"--once", "--fresh"}, dir: p.dir}.run(t)
				if code := r.wait(t); code != 0 {
					t.Fatalf("exit code %d: %s", code, r.stderr)
				}
				copied := logTime(t, r, "backfill done").Sub(logTime(t, r, "backfill begins"))
				limit := copyIn(t, target.db)
				t.Logf("round %d: COPY %.0f rows/s, copy %.0f rows/s (%.2f)", round+1, rate(benchRows, limit), rate(benchRows, copied), limit.Seconds()/copied.Seconds())
			}
			for id := 1; id <= benchRows; id += 1000 {
				source.db.Exec(t, fmt.Sprintf("UPDATE goods SET v = CONCAT(v, '!') WHERE id >= %d AND id < %d", id, id+1000))
			}
			begin := time.Now()
			r := p.start("", false)
			p.awaitCaughtUp(r)
			t.Logf("follow %.0f changes/s", rate(benchRows, time.Since(begin)))
			r.stop(t)
			sameMaps(t, source.rows(t, "goods"), target.docs(t, "goods"))
		})
	}
}

// copyIn measures COPY of the rows that are there.
func copyIn(t *testing.T, db *servertest.Database) time.Duration {
	t.Helper()
	ctx := context.Background()
	const parts = 4
	var group errgroup.Group
	db.Exec(t, "DROP TABLE IF EXISTS limited; CREATE TABLE limited (LIKE "+endSchema+".goods INCLUDING ALL)")
	bodies, conns := make([]bytes.Buffer, parts), make([]*pgx.Conn, parts)
	for i := range parts {
		conn, err := pgx.Connect(ctx, db.URL+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(ctx) }()
		conns[i] = conn
		if _, err := conn.PgConn().CopyTo(ctx, &bodies[i], fmt.Sprintf("COPY (SELECT * FROM %s.goods WHERE id %% %d = %d) TO STDOUT (FORMAT binary)", endSchema, parts, i)); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	for i := range parts {
		group.Go(func() error {
			_, err := conns[i].PgConn().CopyFrom(ctx, &bodies[i], "COPY limited FROM STDIN (FORMAT binary)")
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}
