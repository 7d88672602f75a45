package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// The log has no rows of a table that a transaction wrote before the table was published, and a copy has none that are
// not committed. So a copy begins when the transactions have ended that may have run at that time: those that run now.

// Await waits for them, once for each time that a table is published, by us or by somebody else.
func (s *Source) Await(ctx context.Context, table source.Table) error {
	published, err := s.publishedSince(ctx, table)
	if err == nil && published != s.awaitedSince(table) {
		if err = s.awaitEnd(ctx, "the copy of "+table.String()); err == nil {
			s.awaiting.Lock()
			defer s.awaiting.Unlock()
			s.awaited[table] = published
		}
	}
	if err != nil {
		return fmt.Errorf("wait for transactions of before a copy: %s: %w", table, s.hinted(err))
	}
	return nil
}

func (s *Source) awaitedSince(table source.Table) string {
	s.awaiting.Lock()
	defer s.awaiting.Unlock()
	return s.awaited[table]
}

// publishedSince is a text that is another one whenever the table, or another one of its name, is published anew.
func (s *Source) publishedSince(ctx context.Context, table source.Table) (string, error) {
	var since string
	err := s.pool.QueryRow(ctx, "SELECT c.oid::text || "+s.membership()+" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
		table.Schema, table.Name).Scan(&since)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil // there is nothing to copy
	}
	return since, err
}

// awaitEnd waits until all transactions of the database that run now have ended. What begins later sees all that is
// there now: a publication, a slot.
func (s *Source) awaitEnd(ctx context.Context, why string) error {
	first, err := s.currentSnapshot(ctx)
	if err != nil {
		return err
	}
	left, looked := first.running, false
	what := func() slog.Attr { return slog.Any("transactions", left) }
	err = s.untilSeen(ctx, source.Backoff{Limit: 100 * time.Millisecond}, "waiting for transactions to end that began before "+why, what, func() (bool, error) {
		now, err := s.currentSnapshot(ctx)
		if err != nil {
			return false, err
		}
		left = slices.DeleteFunc(left, now.ended)
		if len(left) > 0 && !looked {
			looked = true
			left, err = s.ofDatabase(ctx, left)
		}
		return len(left) == 0, err
	})
	if err != nil {
		return err
	}
	return s.standby.raise(ctx)
}

// sqlElsewhere lists those of transactions that run, or are prepared, in another database of the server.
const sqlElsewhere = `SELECT x FROM unnest($1::text[]) AS x
WHERE EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_database d ON d.oid = a.datid
 WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock' AND l.transactionid = x::xid8::xid AND d.datname <> current_database())
OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.transaction = x::xid8::xid AND p.database <> current_database())`

// ofDatabase leaves out the transactions of which the server says that they are none of this database.
func (s *Source) ofDatabase(ctx context.Context, running []uint64) ([]uint64, error) {
	texts := make([]string, len(running))
	for i, xid := range running {
		texts[i] = strconv.FormatUint(xid, 10)
	}
	rows, err := s.pool.Query(ctx, sqlElsewhere, texts)
	if err != nil {
		return nil, err
	}
	elsewhere, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(running, func(xid uint64) bool { return slices.Contains(elsewhere, strconv.FormatUint(xid, 10)) }), nil
}
