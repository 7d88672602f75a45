package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"

	"github.com/meepo-replicate/meepo/source"
)

// session is one connection whose next statements are behind a fence. It speaks to the driver
// itself, below database/sql: rows then cost no reflection and no second copy (bench_test.go has
// both ways side by side).
type session struct {
	conn   *sql.Conn
	server server // that conn leads to
	lock   bool   // the fence is that every SELECT of rows locks what it reads, see fence.go
}

// lockWait is how long a read waits behind an ALTER TABLE, in seconds; the servers' own default is
// a day or a year.
const lockWait = "30"

// query runs a prepared statement, so that values come in the binary protocol, and calls each for
// every row. The row is only valid during the call.
func (q *session) query(ctx context.Context, text string, args []any, each func(row []sqldriver.Value) error) error {
	return q.conn.Raw(func(conn any) (err error) {
		prepared, err := conn.(sqldriver.ConnPrepareContext).PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, prepared.Close()) }()
		named := make([]sqldriver.NamedValue, len(args))
		for i, arg := range args {
			named[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: arg}
		}
		rows, err := prepared.(sqldriver.StmtQueryContext).QueryContext(ctx, named)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		row := make([]sqldriver.Value, len(rows.Columns()))
		for {
			switch err := rows.Next(row); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			if err := each(row); err != nil {
				return err
			}
		}
	})
}

// discard lets the connection not be used again.
func (q *session) discard() error {
	if err := q.conn.Raw(func(any) error { return errDiscard }); !errors.Is(err, errDiscard) {
		return err
	}
	return nil
}

// settle waits until no change of the table's definition is under way, where the fence is a lock:
// there is no other sign that a DDL statement of the log is visible. Elsewhere it does nothing.
func (q *session) settle(ctx context.Context, table source.Table) error {
	if !q.lock {
		return nil
	}
	// Opening the table takes the metadata lock that DDL holds to its end. The wait is short and
	// repeated, so that we do not stand in the queue in front of others for long.
	if _, err := q.conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = 1"); err != nil {
		return err
	}
	if err := q.opened(ctx, table); err != nil {
		return err
	}
	_, err := q.conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = "+lockWait)
	return err
}

// opened waits until the table can be opened, or is known not to exist.
func (q *session) opened(ctx context.Context, table source.Table) error {
	pause := source.Backoff{}
	for {
		_, err := q.conn.ExecContext(ctx, "SELECT 1 FROM "+quoteTable(table)+" LIMIT 0")
		switch {
		case isErrno(err, errNoTable, errUnknownDatabase):
			return nil // what was asked for is settled, and the catalog will say the same
		case !isErrno(err, errLockTimeout):
			return err
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}
