package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	_ targets.Identifier = (*Target)(nil)
	_ targets.Lister     = (*Target)(nil)
)

// List names the tables, schema and all, that begin with a prefix.
func (t *Target) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	rows, err := t.pool.Query(ctx, "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"+
		" WHERE c.relkind IN ('r', 'p') AND starts_with(n.nspname || '.' || c.relname, $1)", prefix)
	if err != nil {
		return nil, fmt.Errorf("list tables %s…: %w", prefix, refused(err))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list tables %s…: %w", prefix, refused(err))
	}
	slices.Sort(names)
	return names, nil
}

// Identify names the table by the server, its database and its oid: a table that is made anew gets another. That a server
// went back to an earlier time is told by the marks.
func (t *Target) Identify(ctx context.Context, dest string) (string, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	var system, database, table string
	err := t.pool.QueryRow(ctx, "SELECT system_identifier::text, d.oid::text, c.oid::text FROM pg_control_system(), pg_database d, pg_class c"+
		" WHERE d.datname = current_database() AND c.oid = to_regclass($1)", quoteTable(dest)).Scan(&system, &database, &table)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("identify table %s: %w", dest, refused(err))
	}
	return system + "/" + database + "/" + table, nil
}

// Empty looks for one row. A table that is not there has none.
func (t *Target) Empty(ctx context.Context, dest string) (empty bool, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	err = t.pool.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+quoteTable(dest)+")").Scan(&empty)
	if hasCode(err, noTable...) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether %s is empty: %w", dest, refused(err))
	}
	return empty, nil
}

// countedAtMost is up to how many rows are counted; of more there is the server's estimate.
const countedAtMost = 100_000

// Count counts rows up to a bound, and takes the server's estimate for more.
func (t *Target) Count(ctx context.Context, dest string) (n int64, exact bool, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	err = t.pool.QueryRow(ctx, "SELECT count(*) FROM (SELECT FROM "+quoteTable(dest)+fmt.Sprintf(" LIMIT %d) AS counted", countedAtMost+1)).Scan(&n)
	if err == nil && n > countedAtMost {
		var estimate int64
		err = t.pool.QueryRow(ctx, "SELECT reltuples::int8 FROM pg_class WHERE oid = to_regclass($1)", quoteTable(dest)).Scan(&estimate)
		return max(n, estimate), false, refused(err)
	}
	if hasCode(err, noTable...) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("count %s: %w", dest, refused(err))
	}
	return n, true, nil
}

// noTable are the codes of a table, or a schema, that is not there.
var noTable = []string{"42P01", "3F000"}

// missing wraps the error of a table that is not there with targets.ErrReplaced.
func missing(err error) error {
	if hasCode(err, noTable...) {
		return fmt.Errorf("the table is not there: %w", targets.ErrReplaced)
	}
	return refused(err)
}
