package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meepo-replicate/meepo/source"
)

// Verify looks at the server that the address leads to now, and finds out whether a position is part of its
// history, and whether the slot still holds what comes after it.
func (s *Source) Verify(ctx context.Context, from source.Position) error {
	at, err := parsePosition(from)
	if err != nil {
		return fmt.Errorf("verify position: %w", positionLost(err))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.DialTimeout+s.cfg.StallTimeout, errMute)
	defer cancel()
	conn, who, err := s.dialLog(ctx)
	if err == nil {
		_, _, err = s.verify(ctx, conn, who, at)
		s.setSlotted(err == nil)
		err = errors.Join(err, hangUp(conn))
	}
	if err != nil {
		return fmt.Errorf("verify position: %w", s.explained(err))
	}
	return nil
}

// setSlotted notes that what the slot holds goes on from a position of ours.
func (s *Source) setSlotted(is bool) {
	s.slotting.Lock()
	defer s.slotting.Unlock()
	s.slotted = is
}

var errMute = errors.New("the source does not answer")

// verify compares a position with the server at the other end of a connection for the log, and returns it as
// one of the server's timeline, with what the slot holds as acknowledged.
func (s *Source) verify(ctx context.Context, conn *pgconn.PgConn, who pglogrepl.IdentifySystemResult, at position) (position, pglogrepl.LSN, error) {
	switch {
	case who.SystemID != at.system:
		return at, 0, positionLost(fmt.Errorf("the position is of the cluster %s, this is %s", at.system, who.SystemID))
	case who.Timeline < at.timeline:
		return at, 0, positionLost(fmt.Errorf("the position is on timeline %d, the server on %d: it was restored to an earlier time, or is a primary of before a failover", at.timeline, who.Timeline))
	case who.XLogPos < at.lsn:
		return at, 0, positionLost(fmt.Errorf("the server's log ends at %s, before %s: it was restored from a backup, or lost its end", who.XLogPos, at.lsn))
	}
	if who.Timeline > at.timeline {
		if err := s.branches(ctx, conn, who.Timeline, at); err != nil {
			return at, 0, err
		}
		at.timeline = who.Timeline
	}
	st, err := s.slotBy(ctx, conn)
	switch {
	case errors.Is(err, errNoSlot):
		return at, 0, positionLost(fmt.Errorf("the replication slot %s is gone, and with it the log that it held", s.cfg.Slot))
	case err != nil:
		return at, 0, err
	case !st.fits(s.cfg.Database):
		return at, 0, s.usable(st)
	case st.status == statusLost:
		return at, 0, s.lost(st)
	case st.confirmed > at.lsn:
		return at, 0, positionLost(fmt.Errorf("the replication slot %s was moved on to %s by somebody else: what comes after %s is gone", s.cfg.Slot, st.confirmed, at.lsn))
	}
	return at, st.confirmed, nil
}

// slotBy asks for the slot by a connection for the log, so that it is the same server's.
func (s *Source) slotBy(ctx context.Context, conn *pgconn.PgConn) (st slotState, err error) {
	results, err := conn.Exec(ctx, "SELECT "+sqlSlotColumns+"'"+s.cfg.Slot+"'").ReadAll()
	if err != nil {
		return st, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return st, errNoSlot
	}
	row := results[0].Rows[0]
	st = slotState{plugin: string(row[0]), database: string(row[1]), active: string(row[2]) == "t", status: string(row[5]), reason: string(row[6]), twoPhase: string(row[7]) == "t"}
	st.confirmed, err = pglogrepl.ParseLSN(string(row[4]))
	return st, err
}

// branches looks whether a position is before the place at which its timeline was left for the one of now.
func (s *Source) branches(ctx context.Context, conn *pgconn.PgConn, timeline int32, at position) error {
	history, err := pglogrepl.TimelineHistory(ctx, conn, timeline)
	if err != nil {
		return fmt.Errorf("ask for the history of timeline %d: %w", timeline, err)
	}
	left, known, err := leftAt(string(history.Content), at.timeline)
	switch {
	case err != nil:
		return err
	case !known:
		return positionLost(fmt.Errorf("the server's timeline %d does not come from timeline %d", timeline, at.timeline))
	case at.lsn > left:
		return positionLost(fmt.Errorf("timeline %d was left at %s, before %s, in a failover: what was committed in between is lost on the server", at.timeline, left, at.lsn))
	}
	return nil
}

// leftAt finds in a timeline's history where an earlier one was left. Its lines are "<timeline> <LSN> <why>",
// see https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES.
func leftAt(history string, timeline int32) (pglogrepl.LSN, bool, error) {
	for lines := bufio.NewScanner(strings.NewReader(history)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 32)
		if err != nil {
			return 0, false, fmt.Errorf("history of a timeline: %w", err)
		}
		if int32(n) == timeline {
			lsn, err := pglogrepl.ParseLSN(fields[1])
			return lsn, true, err
		}
	}
	return 0, false, nil
}
