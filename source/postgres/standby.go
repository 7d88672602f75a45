package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/source"
)

// Rows can be read from a standby, to spare the primary; log, catalog and clock are the primary's. A standby shows a
// transaction once it has replayed its commit, so a read waits, in a statement before its own, until the standby has replayed
// the log up to the fence: the standby's list of running transactions would say too early that it is seen.
//
// What was learnt from the primary otherwise than by a fence, such as a table's columns, or that no transaction runs any more
// that began before it was published, has to be there on the standby, too: the floor is a place in the log behind all that.

// Standby is how a standby is reached.
type Standby struct {
	Addr     string // as Config.Addr
	User     string
	Password func(context.Context) (string, error)
	TLS      source.TLSConfig
}

// standby is the server that rows are read from.
type standby struct {
	src   *Source
	pool  *pgxpool.Pool
	floor atomic.Uint64 // an LSN
	line  atomic.Int32  // the primary's timeline
}

// onStandby is the configuration by which the standby is reached.
func (c Config) onStandby() Config {
	c.Addr, c.User, c.Password, c.TLS = c.Standby.Addr, c.Standby.User, c.Standby.Password, c.Standby.TLS.WithDefault(c.Standby.Addr)
	return c
}

// openStandby connects to the standby, and refuses one that is none of ours.
func (s *Source) openStandby(ctx context.Context) error {
	b := &standby{src: s}
	poolCfg, err := s.cfg.onStandby().pool(b.accept)
	if err != nil {
		return err
	}
	if b.pool, err = pgxpool.NewWithConfig(ctx, poolCfg); err != nil {
		return err
	}
	s.standby = b
	conn, err := b.pool.Acquire(ctx)
	if isCode(err, codeCannotConnect) {
		err = &source.HintError{Err: err, Advice: "a standby that starts lets readers in later, one with hot_standby = off never does"}
	}
	if err != nil {
		return s.hinted(err)
	}
	conn.Release()
	at, _, err := s.head(ctx)
	if err == nil {
		b.line.Store(at.timeline)
		err = b.raise(ctx)
	}
	return err
}

// accept looks at a server that a new connection leads to, and asks it for the timeline that it replays.
func (b *standby) accept(ctx context.Context, conn *pgx.Conn, info *server) error {
	switch want := b.src.server().system; {
	case info.system != want:
		return &source.HintError{Err: fmt.Errorf("the server to read rows from is of the cluster %s, the source of %s", info.system, want),
			Advice: "name a streaming standby of the source as source.read_url"}
	case !info.standby:
		return &source.HintError{Err: errors.New("the server to read rows from is no standby: it is not in recovery"),
			Advice: "name a streaming standby of the source as source.read_url, or leave it out"}
	}
	cfg := conn.Config().Config.Copy()
	cfg.RuntimeParams["replication"] = "database"
	delete(cfg.RuntimeParams, "statement_timeout")
	log, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	who, err := pglogrepl.IdentifySystem(ctx, log)
	info.timeline = who.Timeline
	return errors.Join(err, hangUp(log))
}

// raise has all later reads see what the primary shows now. Without a standby they do.
func (b *standby) raise(ctx context.Context) error {
	if b == nil {
		return nil
	}
	var text string
	var segment uint64
	if err := b.src.pool.QueryRow(ctx, sqlInserted).Scan(&text, &segment); err != nil {
		return err
	}
	lsn, err := pglogrepl.ParseLSN(text)
	if err != nil {
		return err
	}
	lsn = lastEnd(lsn, segment)
	for {
		before := b.floor.Load()
		if uint64(lsn) <= before || b.floor.CompareAndSwap(before, uint64(lsn)) {
			return nil
		}
	}
}

const sqlInserted = "SELECT pg_current_wal_insert_lsn()::text, pg_size_bytes(current_setting('wal_segment_size'))"

// The log's pages, and what stands at the beginning of each, and of the first one of a segment.
const (
	walPage          = 8192
	walHeader        = 24
	walSegmentHeader = 40
)

// lastEnd is where the last record ends, of a place at which the next one will be written: where a page or a segment has no
// record yet, the last one ended where that begins. So far a standby comes, and no further.
func lastEnd(lsn pglogrepl.LSN, segment uint64) pglogrepl.LSN {
	switch {
	case uint64(lsn)%segment == walSegmentHeader:
		return lsn - walSegmentHeader
	case lsn%walPage == walHeader:
		return lsn - walHeader
	}
	return lsn
}

const sqlReplayed = "SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)"

// errPromoted: what a standby of before writes is no part of our log.
var errPromoted = &source.HintError{Err: errors.New("the server to read rows from was promoted"), Advice: "name a streaming standby of the source as source.read_url, or leave it out"}

// fenced is Source.fenced on the standby.
func (b *standby) fenced(ctx context.Context, text source.Fence, read reader) error {
	want, err := parseFence(text)
	if err != nil {
		return err
	}
	if want.system != "" && want.system != b.src.server().system {
		return positionLost(fmt.Errorf("the fence is of the cluster %s, this is %s", want.system, b.src.server().system))
	}
	otherLine := source.Backoff{Limit: time.Second}
	upto := max(want.lsn, pglogrepl.LSN(b.floor.Load()))
	what := func() slog.Attr { return slog.String("up_to", upto.String()) }
	return b.src.untilSeen(ctx, source.Backoff{}, "a read waits for the standby to replay the log", what, func() (bool, error) {
		conn, err := b.pool.Acquire(ctx)
		if err != nil {
			return false, b.src.hinted(err)
		}
		defer conn.Release()
		if here := serverOf(conn); here.timeline != b.line.Load() {
			// One of the two has not gone over to the new timeline yet, or the standby has gone another way. A new connection tells.
			return false, errors.Join(conn.Conn().Close(ctx), otherLine.Wait(ctx))
		}
		var standby, there bool
		if err := conn.QueryRow(ctx, sqlReplayed, upto.String()).Scan(&standby, &there); err != nil {
			return false, err
		}
		if !standby {
			return false, errPromoted
		}
		if !there {
			return false, nil
		}
		return readOnce(ctx, conn, []string{}, read)
	})
}

// on notes the primary's timeline.
func (b *standby) on(timeline int32) {
	if b != nil {
		b.line.Store(timeline)
	}
}

// standby looks at what makes reads from the standby fail or wait.
func (p *preflight) standby(ctx context.Context) error {
	b := p.s.standby
	if b == nil {
		return nil
	}
	var feedback, delay, line string
	var age *float64
	err := b.pool.QueryRow(ctx, `SELECT current_setting('hot_standby_feedback'), current_setting('max_standby_streaming_delay'), pg_last_wal_replay_lsn()::text,
CASE WHEN pg_is_wal_replay_paused() THEN -1 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END`).Scan(&feedback, &delay, &line, &age)
	if err != nil {
		return err
	}
	if age != nil && *age < 0 {
		p.add(source.Fatal, "read_url", "the standby's replay is paused at "+line+": reads would wait for it", "on the standby: SELECT pg_wal_replay_resume();")
	}
	if feedback == "off" {
		p.add(source.Note, "hot_standby_feedback", "is off on the standby: reads of large tables there are cancelled when VACUUM on the primary removes rows that they may see (max_standby_streaming_delay is "+delay+"), and are repeated",
			"on the standby: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();")
	}
	return nil
}
