package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// state looks at what earlier runs have left, if there were any. It keeps it, so that both ends are
// held against it as the start of a run does.
func (r *checkReport) state(ctx context.Context, c *config) {
	store, err := state.OpenReadOnly(ctx, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		r.known = &state.Snapshot{}
		return
	}
	g := r.group(sideState, "state "+c.State)
	if errors.Is(err, state.ErrOlder) {
		g.add(source.Note, "", "it is of an older format, the next run brings it up to date", "")
		return
	}
	var snap state.Snapshot
	if err == nil {
		snap, err = store.Load(ctx)
		err = errors.Join(err, store.Close())
	}
	if err != nil {
		g.failed("", err)
		return
	}
	r.known = &snap
	for _, p := range snap.Parked {
		g.add(source.Fatal, p.Plan, fmt.Sprintf("parked since %s: %s", p.At.Format(time.RFC3339), printable(p.Reason)), p.Advice)
	}
	if snap.Letters > 0 {
		g.add(source.Warning, "", fmt.Sprintf("%d dead letters: documents that the target rejected", snap.Letters),
			"see meepo-replicate deadletters list; mend the rows or the target, then meepo-replicate deadletters retry --all")
	}
}

// position asks the source whether the saved position is still part of its history.
func (r *checkReport) position(ctx context.Context, g *checkGroup, src sourceDriver) {
	if r.known == nil || r.known.Checkpoint == nil {
		return
	}
	if err := src.Verify(ctx, source.Position(r.known.Checkpoint.Position)); err != nil {
		g.failed("saved position", err)
	}
}

// filled holds the destinations against the state: what was filled has to be there still, and a new
// state begins with empty ones.
func (r *checkReport) filled(ctx context.Context, g *checkGroup, dst targetDriver, dests []*targets.Destination) error {
	if r.known == nil {
		return nil
	}
	if target, ok := dst.(targets.Emptiness); ok && r.known.Checkpoint == nil {
		for _, dest := range dests {
			empty, err := target.Empty(ctx, dest.Name)
			if err != nil && !errors.Is(err, targets.ErrMismatch) {
				return err
			}
			if err == nil && !empty {
				g.add(source.Fatal, dest.Name, replicate.ErrFilled.Error()+", and the state is new",
					"name the state of the run that filled it, by --state; or start with --fresh to copy everything again")
			}
		}
	}
	target, ok := dst.(targets.Identifier)
	if !ok {
		return nil
	}
	for _, plan := range r.known.Plans {
		if plan.Identity == "" {
			continue
		}
		now, err := target.Identify(ctx, plan.Destination)
		if err != nil && !errors.Is(err, targets.ErrMismatch) {
			return err
		}
		if err == nil && now != plan.Identity {
			g.add(source.Fatal, plan.Destination, targets.ErrReplaced.Error()+" since it was filled",
				"meepo-replicate resume "+plan.Plan+" copies all of its rows again, if that was meant")
		}
	}
	return nil
}
