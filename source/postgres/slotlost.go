package postgres

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/meepo-replicate/meepo/source"
)

// A slot that has lost its WAL is there still, and of no use to anybody: the server has dropped what it was to hold, since
// a setting limits how much that may be, or for how long. The position is lost with it.

// lost says why the slot holds nothing any more, and what to do.
func (s *Source) lost(st slotState) error {
	err := fmt.Errorf("%w: the replication slot %s has lost its WAL", source.ErrPositionLost, s.cfg.Slot)
	if st.reason != "" {
		err = fmt.Errorf("%w (%s)", err, st.reason)
	}
	return &source.HintError{Err: err, Advice: adviceFresh + ", which makes the slot anew; " + keepsLonger(st.reason)}
}

// keepsLonger is what to change so that a slot is not invalidated again, by the server's word for why it was.
func keepsLonger(reason string) string {
	switch reason {
	case "idle_timeout":
		return "a slot that nobody reads is given up after idle_replication_slot_timeout: raise it, or set it to 0"
	case "wal_level_insufficient":
		return "wal_level has to stay logical"
	}
	return keepSlot
}

// renew drops a slot that has lost its WAL, for another of its name.
func (s *Source) renew(ctx context.Context, st slotState) error {
	s.log.WarnContext(ctx, "the replication slot has lost its WAL, and is made anew", slog.String("slot", s.cfg.Slot), slog.String("why", st.reason))
	if _, err := s.pool.Exec(ctx, "SELECT pg_drop_replication_slot($1)", s.cfg.Slot); err != nil {
		return fmt.Errorf("drop the replication slot %s, which has lost its WAL: %w", s.cfg.Slot, err)
	}
	return s.createSlot(ctx)
}
