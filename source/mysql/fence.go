package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// A fence's text says how it is waited for:
//
//	gtid:<set>                              MySQL with GTIDs
//	mariadb:<server uid>/<file>:<pos>;<gtids>  MariaDB
//	lock:<server uuid>                      MySQL without GTIDs
//
// The log reaches its readers before the commit is visible to others on the same server. Each of
// these ways makes sure that what the SELECT sees is not older than the log; none of the cheaper
// checks that come to mind does.

const (
	gtidPrefix    = "gtid:"
	mariadbPrefix = "mariadb:"
	lockPrefix    = "lock:"
)

// gtidFence asks for the transactions of a MySQL GTID set.
func gtidFence(set string) source.Fence { return source.Fence(gtidPrefix + set) }

// lockFence makes reads lock what they read, on this server.
func lockFence(serverUUID string) source.Fence { return source.Fence(lockPrefix + serverUUID) }

// mariadbFence asks for everything up to a place in the log of this server, or for the GTIDs (a
// list as in gtid_binlog_pos) on another one.
func mariadbFence(serverUID, file string, pos uint64, gtids string) source.Fence {
	return source.Fence(fmt.Sprintf("%s%s/%s:%d;%s", mariadbPrefix, serverUID, file, pos, gtids))
}

// fenced is the one place where reads get their connection: it calls read with a session whose
// statements see at least what the fence asks for. read may be called again if the server says that
// a definition changed under the snapshot.
func (s *Source) fenced(ctx context.Context, fence source.Fence, read func(context.Context, *session) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.hinted(err)
	}
	defer conn.Close()
	here, err := serverOf(conn)
	if err != nil {
		return err
	}
	q := &session{conn: conn, server: here}
	text := string(fence)
	if text == "" {
		return read(ctx, q)
	}
	if err := s.flavored(strings.HasPrefix(text, mariadbPrefix), here.flavor); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	switch {
	case strings.HasPrefix(text, gtidPrefix):
		if err := s.awaitGTIDs(ctx, q, strings.TrimPrefix(text, gtidPrefix)); err != nil {
			return err
		}
		return read(ctx, q)
	case strings.HasPrefix(text, lockPrefix):
		return s.locked(ctx, q, strings.TrimPrefix(text, lockPrefix), read)
	case strings.HasPrefix(text, mariadbPrefix):
		want, err := parseMariaDBFence(strings.TrimPrefix(text, mariadbPrefix))
		if err != nil {
			return err
		}
		return s.snapshot(ctx, q, want, read)
	}
	return fmt.Errorf("fence %q: unknown form", text)
}

// awaitGTIDs waits in slices, so that a dead server and a finished context are noticed. The SELECT
// must be a statement after it: one that holds the check has its snapshot from before.
func (s *Source) awaitGTIDs(ctx context.Context, q *session, set string) error {
	if set == "" {
		return nil
	}
	patience := s.patience(q, "gtid "+set)
	for {
		var timedOut int
		err := q.conn.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 1)", set).Scan(&timedOut)
		if err != nil {
			return fmt.Errorf("wait for fence: %w", err)
		}
		if timedOut == 0 {
			return nil
		}
		if err := patience.check(ctx); err != nil {
			return err
		}
	}
}

// locked prepares a session whose reads of rows lock. READ COMMITTED, so that no gaps are locked
// and nobody's insert waits for us.
func (s *Source) locked(ctx context.Context, q *session, uuid string, read func(context.Context, *session) error) error {
	if here := q.server.uuid; here != uuid {
		return fmt.Errorf("fence: %w", s.foreign(fmt.Errorf("it belongs to server %s, this is %s", uuid, here)))
	}
	if _, err := q.conn.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
		return fmt.Errorf("prepare locking read: %w", err)
	}
	q.lock = true
	return read(ctx, q)
}

type binlogPlace struct {
	file string
	pos  uint64
}

// before compares places in one server's log: the files are numbered.
func (p binlogPlace) before(other binlogPlace) bool {
	if p.file == other.file {
		return p.pos < other.pos
	}
	return fileNumber(p.file) < fileNumber(other.file)
}

func fileNumber(file string) uint64 {
	n, _ := strconv.ParseUint(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	return n
}

type mariadbWant struct {
	uid   string
	place binlogPlace
	gtids string
}

func parseMariaDBFence(text string) (mariadbWant, error) {
	head, gtids, ok := strings.Cut(text, ";")
	colon, slash := strings.LastIndexByte(head, ':'), strings.LastIndexByte(head, '/')
	if !ok || slash < 0 || colon < slash {
		return mariadbWant{}, fmt.Errorf("fence %q: want server/file:position;gtids", text)
	}
	pos, err := strconv.ParseUint(head[colon+1:], 10, 64)
	if err != nil {
		return mariadbWant{}, fmt.Errorf("fence %q: position: %w", text, err)
	}
	return mariadbWant{uid: head[:slash], place: binlogPlace{file: head[slash+1 : colon], pos: pos}, gtids: gtids}, nil
}

// snapshot opens consistent snapshots until one is new enough: the server says which place in the
// log each belongs to.
func (s *Source) snapshot(ctx context.Context, q *session, want mariadbWant, read func(context.Context, *session) error) error {
	patience := s.patience(q, fmt.Sprintf("binlog position %s:%d (%s)", want.place.file, want.place.pos, want.gtids))
	pause := source.Backoff{Limit: 50 * time.Millisecond}
	here := q.server.uuid == want.uid
	for {
		if _, err := q.conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
			return fmt.Errorf("open snapshot: %w", err)
		}
		reached, err := snapshotReached(ctx, q, want, here)
		if reached {
			err = read(ctx, q)
		}
		if end := endSnapshot(ctx, q); err == nil {
			err = end
		}
		// After a DDL statement the tables it touched cannot be read in older snapshots.
		if altered := isErrno(err, errDefChanged); err != nil && !altered || err == nil && reached {
			return err
		}
		if err := patience.check(ctx); err != nil {
			return err
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

// endSnapshot gives the connection back without its transaction, or not at all.
func endSnapshot(ctx context.Context, q *session) error {
	_, err := q.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil {
		return nil
	}
	return fmt.Errorf("close snapshot: %w", errors.Join(err, q.discard()))
}

func snapshotReached(ctx context.Context, q *session, want mariadbWant, here bool) (bool, error) {
	status := map[string]string{}
	if err := eachPair(ctx, q.conn, "SHOW STATUS LIKE 'binlog_snapshot_%'", status); err != nil {
		return false, fmt.Errorf("look at snapshot: %w", err)
	}
	at := binlogPlace{file: status["Binlog_snapshot_file"]}
	if at.file == "" {
		return false, errors.New("look at snapshot: the server keeps no binary log")
	}
	pos, err := strconv.ParseUint(status["Binlog_snapshot_position"], 10, 64)
	if err != nil {
		return false, fmt.Errorf("look at snapshot: %w", err)
	}
	at.pos = pos
	if here {
		return !at.before(want.place), nil
	}
	var have string
	if err := q.conn.QueryRowContext(ctx, "SELECT COALESCE(BINLOG_GTID_POS(?, ?), '')", at.file, at.pos).Scan(&have); err != nil {
		return false, fmt.Errorf("look at snapshot: %w", err)
	}
	return gtidListReached(have, want.gtids)
}

// gtidListReached compares two lists of domain-server-sequence by the sequence of each domain.
func gtidListReached(have, want string) (bool, error) {
	at, err := sequences(have)
	if err != nil {
		return false, err
	}
	need, err := sequences(want)
	if err != nil {
		return false, err
	}
	for domain, seq := range need {
		if at[domain] < seq {
			return false, nil
		}
	}
	return true, nil
}

func sequences(list string) (map[string]uint64, error) {
	at := map[string]uint64{}
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		parts := strings.Split(item, "-")
		if len(parts) != 3 {
			return nil, fmt.Errorf("gtid %q: want domain-server-sequence", item)
		}
		seq, err := strconv.ParseUint(parts[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("gtid %q: %w", item, err)
		}
		at[parts[0]] = max(at[parts[0]], seq)
	}
	return at, nil
}

// patience says once, and not again, that a fence takes long. One that is never reached comes from
// another server or from before a restore: if rows come from another server than the log, the wait
// ends, and the stream finds out where we are.
type patience struct {
	source  *Source
	session *session
	what    string
	since   time.Time
	said    bool
}

func (s *Source) patience(q *session, what string) *patience {
	return &patience{source: s, session: q, what: what, since: time.Now()}
}

func (p *patience) check(ctx context.Context) error {
	if p.said || time.Since(p.since) < p.source.cfg.LagTimeout {
		return nil
	}
	p.said = true
	here := p.session.server.uuid
	if here == p.source.server().uuid {
		p.source.log.WarnContext(ctx, "waiting for the source to reach what was read from its log; was it restored or replaced?",
			"waiting_for", p.what)
		return nil
	}
	p.source.suspect(ctx, here)
	err := fmt.Errorf("wait for %s: the connection leads to another server (%s) than the log, and that has not reached it", p.what, here)
	return errors.Join(err, p.session.discard())
}
