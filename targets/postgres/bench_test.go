package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
)

// BenchmarkWrite compares a Write of rows of ten columns, one statement of unnest(…) ON CONFLICT, with COPY into a temporary
// table and a merge from there, in one transaction; at several sizes, for rows that are new and for rows that are there:
//
//	scripts/servers/run.sh go test -run '^$' -bench Write ./targets/postgres
func BenchmarkWrite(b *testing.B) {
	d := servertest.OpenSQL(b, servertest.Postgres)
	target, err := postgres.Open(b.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", MaxBatchOps: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = target.Close(b.Context()) }()
	conn, err := pgx.Connect(b.Context(), d.URL+"?sslmode=disable")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	fields := []targets.Field{{Name: "name", Kind: targets.KindText, Native: "text"}, {Name: "email", Kind: targets.KindText, Native: "text"},
		{Name: "amount", Kind: targets.KindDecimal, Precision: 12, Scale: 2}, {Name: "rate", Kind: targets.KindFloat, Bits: 64}, {Name: "state", Kind: targets.KindEnum},
		{Name: "created", Kind: targets.KindDateTime, Scale: 6}, {Name: "updated", Kind: targets.KindTimestamp, Scale: 6}, {Name: "active", Kind: targets.KindInt, Bits: 8}, {Name: "note", Kind: targets.KindText, Native: "text"}}
	next := 0
	row := func(id int) []any {
		return []any{fmt.Sprintf("Customer Number %d", id), fmt.Sprintf("customer%d@example.com", id), "1234.50", 0.12345, "paid",
			"2026-01-02T03:04:05", "2026-01-02T03:04:05.678901Z", int64(1), "a note of some words"}
	}
	for _, kind := range []string{"new", "there"} {
		for _, size := range []int{1, 10, 100, 1000, 5000} {
			first := func() int { // of the ids of a batch
				if kind == "there" {
					return 0
				}
				next += size
				return next
			}
			for way, write := range map[string]func(dest *targets.Destination, from int) error{
				"unnest": func(dest *targets.Destination, from int) error {
					ops := make([]targets.Op, size)
					for i := range ops {
						ops[i] = upsert(dest, targets.ID(fmt.Sprint(from+i)), row(from+i)...)
					}
					return target.Write(b.Context(), ops)
				},
				"copy": func(dest *targets.Destination, from int) error {
					rows := make([][]any, size)
					for i := range rows {
						rows[i] = append([]any{fmt.Sprint(from + i)}, row(from+i)...)
					}
					return copyAndMerge(b.Context(), conn, dest, rows)
				},
			} {
				b.Run(fmt.Sprintf("%s/%d/%s", kind, size, way), func(b *testing.B) {
					dest := &targets.Destination{Name: "bench.t" + way, Key: intKey, Fields: fields}
					if err := target.Prepare(b.Context(), []*targets.Destination{dest}); err != nil {
						b.Fatal(err)
					}
					for b.Loop() {
						if err := write(dest, first()); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "rows/s")
				})
			}
		}
	}
}

// copyAndMerge is the other way to write many rows. Values travel as text, as most of the driver's do.
func copyAndMerge(ctx context.Context, conn *pgx.Conn, dest *targets.Destination, rows [][]any) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
	if _, err := tx.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS incoming (id text, name text, email text, amount text, rate float8, state text, created text,"+
		" updated text, active int8, note text) ON COMMIT DELETE ROWS"); err != nil {
		return err
	}
	columns := []string{"id", "name", "email", "amount", "rate", "state", "created", "updated", "active", "note"}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"incoming"}, columns, pgx.CopyFromRows(rows)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+dest.Name+" (id, name, email, amount, rate, state, created, updated, active, note)"+
		" SELECT id::bigint, name, email, amount::numeric, rate, state, created::timestamp, updated::timestamptz, active, note FROM incoming"+
		" ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, email = EXCLUDED.email, amount = EXCLUDED.amount, rate = EXCLUDED.rate, state = EXCLUDED.state,"+
		" created = EXCLUDED.created, updated = EXCLUDED.updated, active = EXCLUDED.active, note = EXCLUDED.note"); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
