package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// While our database is idle and the server's log goes on, all that says how far it was read are the server's
// keepalives. Where they do not reach us, or come late, the slot would hold back the log of all other databases. So when
// nothing of our own has come for a while, and the log is further than we know, a message is written to it: what comes
// back has a place, and everything that was committed before it has come before. A server that is idle as a whole stays
// so.

// heartbeatPrefix is that of such messages. Those of other runs, of which each is told as well, are as good as our own.
const heartbeatPrefix = "meepo_heartbeat"

// heartbeatPatience bounds the writing, which the log's reader waits for.
const heartbeatPatience = 5 * time.Second

// heartbeat is when to write a message.
type heartbeat struct {
	src   *Source
	every time.Duration // not above zero: never
	last  time.Time     // when the log last told something of our database, or it was looked whether to write
	mute  bool          // the account may not write
	said  bool          // that it could not be written
}

func newHeartbeat(s *Source) *heartbeat {
	h := &heartbeat{src: s, every: s.cfg.MessageEvery, last: time.Now()}
	if !s.server().atLeast(14) { // then messages do not reach us
		h.every = -1
	}
	return h
}

// begin notes that a connection was made: rights may be others by now.
func (h *heartbeat) begin() { h.last, h.mute = time.Now(), false }

// wait is how long until the next look.
func (h *heartbeat) wait() time.Duration {
	if h.every <= 0 || h.mute {
		return time.Hour
	}
	return time.Until(h.last.Add(h.every))
}

// sqlHeartbeat writes a message if the log is further than $1, and says whether. It is none of a transaction, so it
// needs none to commit.
const sqlHeartbeat = `SELECT CASE WHEN pg_is_in_recovery() THEN false WHEN pg_current_wal_insert_lsn() > $1::text::pg_lsn
THEN pg_logical_emit_message(false, '` + heartbeatPrefix + `', $2::text) IS NOT NULL ELSE false END`

// beat writes a message if it is time. It is no harm if it cannot: keepalives are there, too.
func (h *heartbeat) beat(ctx context.Context, known pglogrepl.LSN) {
	if h.wait() > 0 {
		return
	}
	h.last = time.Now()
	ctx, cancel := context.WithTimeout(ctx, heartbeatPatience)
	defer cancel()
	var written bool
	err := h.src.pool.QueryRow(ctx, sqlHeartbeat, known.String(), h.src.cfg.Slot).Scan(&written)
	switch {
	case err == nil && written:
		h.src.log.DebugContext(ctx, "heartbeat written to the log", slog.String("after", known.String()))
		h.said = false
	case err == nil:
	case isCode(err, codeDenied):
		h.mute = true
		h.src.log.InfoContext(ctx, "the account may not write heartbeats to the log, the server's keepalives have to do", slog.String("error", err.Error()))
	case !h.said:
		h.said = true
		h.src.log.WarnContext(ctx, "a heartbeat could not be written to the log, the server's keepalives have to do", slog.String("error", err.Error()))
	}
}

// passed takes in that a message has come, of whomever. One that is of no transaction is at its place in the log,
// between those that were committed before and after.
func (d *decoder) passed(p *pglogrepl.LogicalDecodingMessage) {
	if !p.Transactional && !d.inside {
		d.end = max(d.end, p.LSN)
	}
}

const sqlMayBeat = `SELECT coalesce(bool_and(has_function_privilege(p.oid, 'EXECUTE')), false) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog' AND p.proname = 'pg_logical_emit_message' AND p.proargtypes[2] = 'text'::regtype`

// heartbeat says that there will be none.
func (p *preflight) heartbeat(ctx context.Context) error {
	if p.s.cfg.MessageEvery < 0 || !p.s.server().atLeast(14) {
		return nil
	}
	var may bool
	if err := p.s.pool.QueryRow(ctx, sqlMayBeat).Scan(&may); err != nil || may {
		return err
	}
	arguments := "boolean, text, text"
	if p.s.server().atLeast(17) {
		arguments += ", boolean"
	}
	p.add(source.Note, "heartbeat", "the account may not write messages to the log: while the database is idle, the slot moves on by the server's keepalives alone",
		"GRANT EXECUTE ON FUNCTION pg_logical_emit_message("+arguments+") TO "+quote(p.s.cfg.User)+"; or set source.heartbeat to 0")
	return nil
}
