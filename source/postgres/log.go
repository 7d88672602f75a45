package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// Head returns the end of the log, and a fence of the transactions that run: each of them may have written its
// commit before that end. The first one makes sure of the slot that keeps the log from there on.
func (s *Source) Head(ctx context.Context) (source.Position, source.Fence, error) {
	if err := s.ensureSlot(ctx); err != nil {
		return "", "", fmt.Errorf("find head of the log: %w", s.hinted(err))
	}
	at, running, err := s.head(ctx)
	if err != nil {
		return "", "", fmt.Errorf("find head of the log: %w", s.hinted(err))
	}
	return at.text(), fence{system: at.system, lsn: at.lsn, xids: running}.text(), nil
}

// Present returns the end of the log, and a fence that a standby has to reach. Transactions that run are not waited for: nobody
// has seen them.
func (s *Source) Present(ctx context.Context) (source.Position, source.Fence, error) {
	at, _, err := s.head(ctx)
	if err != nil {
		return "", "", fmt.Errorf("look at the end of the log: %w", s.hinted(err))
	}
	return at.text(), fence{system: at.system, lsn: at.lsn}.text(), nil
}

// ReadPosition reads an LSN as pg_current_wal_lsn shows it.
func (s *Source) ReadPosition(ctx context.Context, text string) (source.Position, error) {
	if _, err := parsePosition(source.Position(text)); err == nil {
		return source.Position(text), nil
	}
	lsn, err := pglogrepl.ParseLSN(text)
	if err != nil {
		return "", &source.HintError{Err: fmt.Errorf("%q is no position of this server", text), Advice: "write an LSN, such as 0/16B3748, see pg_current_wal_lsn()"}
	}
	at, _, err := s.head(ctx)
	if err != nil {
		return "", fmt.Errorf("look at the end of the log: %w", s.hinted(err))
	}
	at.lsn = lsn
	return at.text(), nil
}

// sqlHead: what is flushed is what the log's readers get. The place comes first, the snapshot second.
const sqlHead = `SELECT pg_current_wal_flush_lsn()::text, substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8)`

func (s *Source) head(ctx context.Context) (position, []uint64, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return position{}, nil, err
	}
	defer conn.Release()
	at := position{system: serverOf(conn).system}
	var lsn, timeline string
	if err := conn.QueryRow(ctx, sqlHead).Scan(&lsn, &timeline); err != nil {
		return position{}, nil, err
	}
	line, err := strconv.ParseInt(timeline, 16, 32)
	if err != nil {
		return position{}, nil, err
	}
	at.timeline = int32(line)
	if at.lsn, err = pglogrepl.ParseLSN(lsn); err != nil {
		return position{}, nil, err
	}
	var text string
	if err := conn.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&text); err != nil {
		return position{}, nil, err
	}
	now, err := parseSnapshot(text)
	return at, now.running, err
}

// Reached reports whether have includes want.
func (s *Source) Reached(_ context.Context, have, want source.Position) (bool, error) {
	at, err := parsePosition(have)
	if err != nil {
		return false, err
	}
	goal, err := parsePosition(want)
	if err != nil {
		return false, err
	}
	if at.system != goal.system {
		return false, fmt.Errorf("%q and %q are of different clusters", have, want)
	}
	return at.lsn >= goal.lsn, nil
}

// Open starts to read the log after from. It returns when the server has begun to send.
func (s *Source) Open(ctx context.Context, from source.Position, subscriptions []source.Subscription) (source.Stream, error) {
	at, err := parsePosition(from)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	st := newStream(s, at, subscriptions)
	if err := st.connect(ctx); err != nil {
		return nil, fmt.Errorf("open log: %w", s.explained(err))
	}
	return st, nil
}
