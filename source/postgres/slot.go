package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// slotState is what the server says of our slot.
type slotState struct {
	plugin, database string
	active           bool
	pid              int32
	confirmed        pglogrepl.LSN // what was acknowledged
	status           string        // of its WAL: reserved, extended, unreserved, lost
	reason           string        // why it is lost, from 17 on
	twoPhase         bool          // it tells of transactions when they are prepared
}

// fits reports whether the slot holds what we can read.
func (st slotState) fits(database string) bool {
	return st.plugin == "pgoutput" && st.database == database && !st.twoPhase
}

const statusLost = "lost"

var errNoSlot = errors.New("no such slot")

// The view's columns are not those of every version.
const sqlSlotColumns = `coalesce(plugin, ''), coalesce(database, ''), active, coalesce(active_pid, 0), coalesce(confirmed_flush_lsn, '0/0')::text, coalesce(wal_status, ''),
coalesce(to_jsonb(s)->>'invalidation_reason', ''), coalesce(to_jsonb(s)->>'two_phase', '') = 'true' FROM pg_replication_slots s WHERE slot_name = `

const sqlSlot = "SELECT " + sqlSlotColumns + "$1"

func (s *Source) slot(ctx context.Context) (slotState, error) {
	var st slotState
	var confirmed string
	err := s.pool.QueryRow(ctx, sqlSlot, s.cfg.Slot).Scan(&st.plugin, &st.database, &st.active, &st.pid, &confirmed, &st.status, &st.reason, &st.twoPhase)
	if errors.Is(err, pgx.ErrNoRows) {
		return st, errNoSlot
	}
	if err == nil {
		st.confirmed, err = pglogrepl.ParseLSN(confirmed)
	}
	return st, err
}

// ensureSlot makes the slot unless it is there. A new one is complete only for transactions that begin after
// it, so all that run are waited for, as the server itself does for those before. One that is there is looked
// at once: from then on it is read by us.
func (s *Source) ensureSlot(ctx context.Context) error {
	s.slotting.Lock()
	defer s.slotting.Unlock()
	if s.slotted {
		return nil
	}
	st, err := s.slot(ctx)
	if err == nil {
		err = s.usable(st)
	}
	switch {
	case err == nil && st.status == statusLost:
		err = s.renew(ctx, st)
	case err == nil:
		s.log.WarnContext(ctx, "the replication slot is there already, and is taken over: what else has read from it cannot go on",
			slog.String("slot", s.cfg.Slot))
	case errors.Is(err, errNoSlot):
		err = s.createSlot(ctx)
	}
	s.slotted = err == nil
	return err
}

func (s *Source) createSlot(ctx context.Context) error {
	// A two-phase slot would tell of transactions when they are prepared; ours tells of them at their commit.
	// A failover slot is kept on standbys, too.
	create := "SELECT pg_create_logical_replication_slot($1, 'pgoutput')"
	if s.server().atLeast(17) {
		create = "SELECT pg_create_logical_replication_slot($1, 'pgoutput', failover => true)"
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// It waits for transactions for as long as they take.
	if _, err := conn.Exec(ctx, "SET statement_timeout = 0"); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, create, s.cfg.Slot)
	_, after := conn.Exec(context.WithoutCancel(ctx), "RESET statement_timeout")
	if err = errors.Join(s.slotRefused(err), after); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "replication slot made", slog.String("slot", s.cfg.Slot))
	return s.awaitEnd(ctx, "the replication slot")
}

// errUnfit: waiting does not make a slot ours.
var errUnfit = errors.New("a slot of another kind")

// usable says why a slot cannot be ours.
func (s *Source) usable(st slotState) error {
	what := ""
	switch {
	case st.plugin != "pgoutput":
		what = "is of the plugin " + st.plugin + ", want pgoutput"
	case st.database != s.cfg.Database:
		what = "is of the database " + st.database
	case st.twoPhase:
		what = "was made with two_phase, so that it tells of transactions before they are committed"
	case st.active:
		what = fmt.Sprintf("is read by the server's process %d", st.pid)
	default:
		return nil
	}
	err := fmt.Errorf("the replication slot %s %s", s.cfg.Slot, what)
	if !st.fits(s.cfg.Database) {
		err = fmt.Errorf("%w: %w", errUnfit, err)
	}
	return &source.HintError{Err: err,
		Advice: "give this run a slot of its own with --source-slot; a slot that nobody needs any more is dropped by meepo-replicate source drop-slot"}
}

func (s *Source) slotRefused(err error) error {
	switch {
	case err == nil:
		return nil
	case isCode(err, codeTooManySlots):
		return &source.HintError{Err: fmt.Errorf("make the replication slot: %w", err), Advice: "raise max_replication_slots and restart the server, or drop a slot that nobody needs"}
	case isCode(err, codeDenied):
		return &source.HintError{Err: fmt.Errorf("make the replication slot: %w", err), Advice: providerOf(s.asked).grantReplication(quote(s.cfg.User))}
	case isCode(err, codeNotInState):
		return &source.HintError{Err: fmt.Errorf("make the replication slot: %w", err), Advice: providerOf(s.asked).setting("wal_level", "logical", true)}
	}
	return fmt.Errorf("make the replication slot: %w", err)
}

// Slot is the name of the replication slot.
func (s *Source) Slot() string { return s.cfg.Slot }

// HasSlot reports whether there is such a slot.
func (s *Source) HasSlot(ctx context.Context) (bool, error) {
	_, err := s.slot(ctx)
	if errors.Is(err, errNoSlot) {
		return false, nil
	}
	return err == nil, err
}

// DropSlot drops the slot, so that the server keeps no WAL for it any more. It reports false where there is none.
func (s *Source) DropSlot(ctx context.Context) (bool, error) {
	st, err := s.slot(ctx)
	if errors.Is(err, errNoSlot) {
		return false, nil
	}
	if here := s.conn.Database; err == nil && (st.plugin != "pgoutput" || st.database != here) {
		err = fmt.Errorf("it is none of ours: its plugin is %q and its database %q, want pgoutput and %q", st.plugin, st.database, here)
	}
	if err == nil {
		_, err = s.pool.Exec(ctx, "SELECT pg_drop_replication_slot($1)", s.cfg.Slot)
	}
	if err != nil {
		return false, fmt.Errorf("drop replication slot %s: %w", s.cfg.Slot, s.explained(err))
	}
	return true, nil
}
