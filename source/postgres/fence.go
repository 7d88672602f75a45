package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/source"
)

// The log reaches its readers before the commit is visible to others: a committing transaction writes its
// record, waits for synchronous standbys, and only then leaves the list of those that run. So a read says
// in the same statement whether its own snapshot takes the transactions for ended; pg_xact_status would
// say so too early.

// sqlSeen is whether the statement's snapshot sees the transactions of the parameter $1.
const sqlSeen = `SELECT coalesce(bool_and(pg_visible_in_snapshot(x::xid8, pg_current_snapshot())), true) AS seen FROM unnest($1::text[]) AS x`

// waitSaid is after how long it is said that a read waits.
const waitSaid = 5 * time.Second

// reader reads with a connection, and reports whether it has seen the transactions.
type reader = func(ctx context.Context, conn *pgxpool.Conn, xids []string) (seen bool, err error)

// fenced is the one place where reads get their connection: it calls read, again and again until it reports
// that its snapshot has seen the fence's transactions.
func (s *Source) fenced(ctx context.Context, text source.Fence, read reader) error {
	want, err := parseFence(text)
	if err != nil {
		return err
	}
	xids := make([]string, len(want.xids)) // not nil, which would be NULL
	for i, xid := range want.xids {
		xids[i] = strconv.FormatUint(xid, 10)
	}
	why := "a read waits for transactions to end: they run, wait for a standby, or are prepared"
	what := func() slog.Attr { return slog.Any("transactions", xids) }
	return s.untilSeen(ctx, source.Backoff{}, why, what, func() (bool, error) { return s.once(ctx, want, xids, read) })
}

// untilSeen calls once again and again until it reports that it has seen what it waits for, which is said when it takes long.
func (s *Source) untilSeen(ctx context.Context, pause source.Backoff, why string, what func() slog.Attr, once func() (bool, error)) error {
	began, said := time.Now(), false
	for {
		seen, err := once()
		if seen || err != nil {
			return err
		}
		if waited := time.Since(began); waited > waitSaid && !said {
			said = true
			s.log.WarnContext(ctx, why, what())
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

func (s *Source) once(ctx context.Context, want fence, xids []string, read reader) (bool, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, s.hinted(err)
	}
	defer conn.Release()
	if here := serverOf(conn); want.system != "" && here.system != want.system {
		return false, positionLost(fmt.Errorf("the fence is of the cluster %s, this is %s", want.system, here.system))
	}
	return readOnce(ctx, conn, xids, read)
}

// readOnce reads a second time if the table was altered since the statement was prepared.
func readOnce(ctx context.Context, conn *pgxpool.Conn, xids []string, read reader) (bool, error) {
	seen, err := read(ctx, conn, xids)
	if isOutdated(err) {
		return read(ctx, conn, xids)
	}
	return seen, err
}

// inSnapshot calls read with a transaction whose one snapshot has seen the fence. It is for the catalog;
// rows are read by single statements, whose snapshot is taken after the table's lock: a table that is
// rewritten in between would be empty to an older one.
func (s *Source) inSnapshot(ctx context.Context, text source.Fence, read func(ctx context.Context, tx pgx.Tx) error) error {
	err := s.fenced(ctx, text, func(ctx context.Context, conn *pgxpool.Conn, xids []string) (seen bool, err error) {
		err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			if err := tx.QueryRow(ctx, sqlSeen, xids).Scan(&seen); err != nil || !seen {
				return err
			}
			return read(ctx, tx)
		})
		return seen, err
	})
	if err != nil {
		return err
	}
	return s.standby.raise(ctx) // rows are read by what was found here
}

// unseen collects the transactions that the log has told of and that a read may not see yet.
type unseen struct {
	xids []uint64
	at   snapshot // that was looked at last

	looked time.Time // when
}

// snapshotAge is how old a snapshot may be by which the log's 32 bits of an xid are made whole: far less than it
// takes to begin 2^31 transactions.
const snapshotAge = time.Minute

// add notes a transaction that the log has.
func (u *unseen) add(xid uint32) uint64 {
	full := u.at.widen(xid)
	if !slices.Contains(u.xids, full) {
		u.xids = append(u.xids, full)
	}
	return full
}

// prune forgets those that have ended by now. Snapshots that are taken from here on see them. As many as wait
// for a synchronous standby stay, so at most one for each connection of the server.
func (u *unseen) prune(now snapshot) {
	u.at, u.looked = now, time.Now()
	u.xids = slices.DeleteFunc(u.xids, now.ended)
	slices.Sort(u.xids)
}

func (s *Source) currentSnapshot(ctx context.Context) (snapshot, error) {
	var text string
	if err := s.pool.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&text); err != nil {
		return snapshot{}, err
	}
	return parseSnapshot(text)
}
