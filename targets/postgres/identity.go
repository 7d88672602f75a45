package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Identifier = (*Target)(nil)

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

// noTable are the codes of a table, or a schema, that is not there.
var noTable = []string{"42P01", "3F000"}

// missing wraps the error of a table that is not there with targets.ErrReplaced.
func missing(err error) error {
	if hasCode(err, noTable...) {
		return fmt.Errorf("the table is not there: %w", targets.ErrReplaced)
	}
	return refused(err)
}
