package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/uuid"
)

// proveTime is how long a proof is looked for. A server may have to go through a whole file of its log for it.
const proveTime = 2 * time.Minute

var errProofTime = errors.New("the log did not give it in time")

// prove looks for a position's proof in the log of a server that has all of the position. It returns
// the position with its proof, which is learnt here if there was none. ErrPositionLost: the log is
// another one. MariaDB's GTIDs have no proof of their own: on another server than before, or where
// the file is gone, what the lists of GTIDs say has to do. So it does where the proof is not found in time.
func (h *history) prove(ctx context.Context, at position, limit time.Duration) (proven position, err error) {
	err = within(ctx, limit, errProofTime, func(ctx context.Context) error {
		proven, err = h.lookFor(ctx, at)
		return err
	})
	if errors.Is(err, errProofTime) {
		h.log.WarnContext(ctx, "whether the log is the one that was read before was not found out in time: going on without knowing",
			slog.String("position", shortened(string(at.text()))), slog.Duration("after", limit))
		return at, nil
	}
	return proven, err
}

func (h *history) lookFor(ctx context.Context, at position) (position, error) {
	switch at.kind {
	case byGTID:
		return h.proveCommit(ctx, at)
	case byMariaDB:
		if h.server.uuid != at.server {
			return at, nil
		}
		files, err := h.files(ctx)
		if err != nil || !slices.ContainsFunc(files, func(f binlogPlace) bool { return f.file == at.place.file }) {
			return at, err
		}
	}
	return h.provePlace(ctx, at)
}

// proveCommit asks for the log as if the last transaction had not been read, and compares it.
func (h *history) proveCommit(ctx context.Context, at position) (position, error) {
	want := at.commit
	if want.gno == 0 {
		var err error
		if want, err = h.someCommit(ctx, at); err != nil || want.gno == 0 {
			return at, err
		}
	}
	var rest string
	var purged bool
	look := func() error {
		err := h.db.QueryRowContext(ctx, "SELECT GTID_SUBTRACT(?, ?), GTID_SUBSET(?, @@global.gtid_purged)",
			at.set.String(), want.gtid(), want.gtid()).Scan(&rest, &purged)
		if err != nil {
			return fmt.Errorf("look at gtid_purged: %w", err)
		}
		return nil
	}
	if err := look(); err != nil || purged {
		return at, err
	}
	set, err := parseGTIDSet(rest)
	if err != nil {
		return at, err
	}
	got, err := h.readCommit(ctx, position{kind: byGTID, set: set}, want)
	switch {
	case err != nil:
		if answer, ok := serverAnswer(err); ok && answer.Number == errLogRead && look() == nil && purged {
			return at, nil // a moment ago
		}
		return at, err
	case want.committed != 0 && got.committed != want.committed:
		return at, h.foreign(fmt.Errorf("the server's transaction %s was committed at %s, the one that was read at %s: its log began anew",
			want.gtid(), got.time(), want.time()))
	}
	at.commit = got
	return at, nil
}

// someCommit chooses a transaction of the position that the log still has, one of the server's own if
// it can: the later, the less of the log is looked through for it. Zero: there is none.
func (h *history) someCommit(ctx context.Context, at position) (commitProof, error) {
	var kept string
	if err := h.db.QueryRowContext(ctx, "SELECT GTID_SUBTRACT(?, @@global.gtid_purged)", at.set.String()).Scan(&kept); err != nil {
		return commitProof{}, fmt.Errorf("look at gtid_purged: %w", err)
	}
	set, err := parseGTIDSet(kept)
	if err != nil {
		return commitProof{}, err
	}
	own, _ := uuid.Parse(h.server.uuid)
	var chosen commitProof
	for sid, tags := range *set {
		for tag, intervals := range tags {
			last := commitProof{sid: sid, tag: tag, gno: intervals[len(intervals)-1].Stop - 1}
			if chosen.gno == 0 || (last.sid == own) == (chosen.sid == own) && last.gno > chosen.gno || last.sid == own && chosen.sid != own {
				chosen = last
			}
		}
	}
	return chosen, nil
}

// readCommit finds a transaction in the log.
func (h *history) readCommit(ctx context.Context, from position, want commitProof) (found commitProof, err error) {
	parser := newParser(h.server)
	err = h.glance(ctx, from, func(kind replication.EventType, raw []byte) (bool, error) {
		switch kind {
		case replication.FORMAT_DESCRIPTION_EVENT, replication.GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT:
		default:
			return false, nil
		}
		e, err := parser.Parse(raw)
		if err != nil {
			return false, parseError(err)
		}
		switch ev := e.Event.(type) {
		case *replication.GTIDEvent:
			found = proven(ev)
		case *replication.GtidTaggedLogEvent:
			found = proven(&ev.GTIDEvent)
		}
		return found.same(want), nil
	})
	return found, err
}

// glance reads the log from a position until it has seen enough, on a connection of its own, under a
// server id that nobody has: the user's may be in use by the run that another process only looks at.
func (h *history) glance(ctx context.Context, from position, enough func(kind replication.EventType, raw []byte) (bool, error)) error {
	l, err := h.dialLog(ctx, dialing{
		server: h.server, at: from, serverID: h.unusedServerID(ctx), heartbeat: min(h.cfg.Heartbeat, time.Second),
	})
	if err != nil {
		return err
	}
	defer l.close()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		events, err := l.take(ctx, nil)
		if err != nil {
			return l.cause(err)
		}
		for _, raw := range events {
			if done, err := enough(replication.EventType(raw[4]), raw); done || err != nil {
				return err
			}
		}
	}
}
