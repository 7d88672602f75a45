package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
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

// changed says what the next start does about mappings that were edited, and tables that have changed, since they were
// copied.
func (r *checkReport) changed(ctx context.Context, g *checkGroup, chosen *selection, described []source.Columns) {
	if r.known == nil {
		return
	}
	list, err := replicate.LookAhead(ctx, *r.known, chosen.compile, described, r.onSchemaChange)
	if err != nil {
		g.failed("", err)
	}
	for _, outlook := range list {
		if outlook.Refused != nil {
			g.failed(outlook.Plan, outlook.Refused)
			continue
		}
		g.add(source.Note, outlook.Plan, fmt.Sprintf("its table has changed since it was copied, and on_schema_change is %s: %s", outlook.Policy, outlook.Changes), "")
	}
}

// filled holds the destinations against the state: what was filled has to be there still, and a new
// state begins with empty ones.
func (r *checkReport) filled(ctx context.Context, g *checkGroup, dst targetDriver, written writtenAt) error {
	if r.known == nil {
		return nil
	}
	if r.known.Checkpoint == nil {
		if err := r.occupied(ctx, g, dst, written); err != nil {
			return err
		}
	}
	target, ok := dst.(targets.Identifier)
	if !ok {
		return nil
	}
	for _, plan := range r.known.Plans {
		for dest, before := range filledBy(plan) {
			now, err := target.Identify(ctx, dest)
			if err != nil && !errors.Is(err, targets.ErrMismatch) {
				return err
			}
			if err == nil && now != before {
				g.add(source.Fatal, dest, targets.ErrReplaced.Error()+" since it was filled",
					"meepo-replicate resume "+replicate.ShellWord(plan.Plan)+" copies all of its rows again, if that was meant")
			}
		}
	}
	return nil
}

// filledBy are the destinations that a plan has filled, each with what stood behind it, as far as that was told.
func filledBy(plan state.Plan) map[string]string {
	switch {
	case mappings.IsSpread(plan.Destination):
		return replicate.Places(plan.Identity)
	case plan.Identity == "":
		return nil
	}
	return map[string]string{plan.Destination: plan.Identity}
}

// spread tells of mappings whose destinations are made as rows come.
func (r *checkReport) spread(g *checkGroup, written writtenAt, there []*targets.Destination) {
	for _, plan := range written.plans {
		if !plan.Spread() {
			continue
		}
		n := 0
		for _, dest := range there {
			if mappings.Spreads(plan.Destination().Name, dest.Name) {
				n++
			}
		}
		g.addAt(written.destination(plan), source.Note, plan.Destination().Name, fmt.Sprintf("destinations are made as rows come; there are %d now", n), "")
	}
}

// occupied finds destinations that hold documents although nothing was ever written by this state.
func (r *checkReport) occupied(ctx context.Context, g *checkGroup, dst targetDriver, written writtenAt) error {
	seen := map[string]bool{}
	for _, plan := range written.plans {
		names, err := namesThere(ctx, dst, plan.Destination().Name)
		if err != nil {
			return err
		}
		for _, dest := range names {
			if seen[dest] {
				continue
			}
			seen[dest] = true
			if err := r.occupant(ctx, g, dst, written, plan, dest); err != nil {
				return err
			}
		}
	}
	return nil
}

// occupant looks at one destination of a plan.
func (r *checkReport) occupant(ctx context.Context, g *checkGroup, dst targetDriver, written writtenAt, plan *mappings.Plan, dest string) error {
	count, fits, err := occupants(ctx, dst, dest)
	switch at, other := written.destination(plan), written.anotherName(plan); {
	case err != nil:
		return err
	case count != "" && plan.Adopts():
		g.addAt(at, source.Note, dest, "holds documents already, "+count+" of them: they are compared with the rows and mended, as adopt says", "")
	case count != "" && !fits:
		g.addAt(at, source.Warning, dest, "exists with "+count+" documents and was not made by meepo-replicate", other)
	case count != "":
		g.addAt(at, source.Fatal, dest, replicate.ErrFilled.Error()+", "+count+" of them, and the state is new: it did not put them there",
			"either "+other+"; or name the state of the run that filled it, by --state; or start with --fresh, which copies everything into it and removes what no row stands for")
	}
	return nil
}

// occupants says how many documents a destination holds; empty: none. The second result is false for one that is no
// destination, such as an index in the place of an alias: what is wrong with it is told elsewhere.
func occupants(ctx context.Context, dst targetDriver, dest string) (count string, fits bool, err error) {
	fits = true
	if target, ok := dst.(targets.Emptiness); ok {
		empty, err := target.Empty(ctx, dest)
		fits = !errors.Is(err, targets.ErrMismatch)
		if empty || err != nil && fits {
			return "", true, err
		}
	}
	target, ok := dst.(targets.Counter)
	if !ok {
		return "an unknown number", fits, nil
	}
	n, exact, err := target.Count(ctx, dest)
	switch {
	case err != nil || n == 0 && exact:
		return "", fits, err
	case !exact:
		return "about " + grouped(n), fits, nil
	}
	return grouped(n), fits, nil
}
