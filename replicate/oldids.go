package replicate

import (
	"context"
	"fmt"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// formerPlans lists what a state knows of plans, parked ones too.
func formerPlans(snap state.Snapshot) map[mappings.PlanID]state.Plan {
	former := map[mappings.PlanID]state.Plan{}
	for _, p := range snap.Parked {
		if p.Was != nil {
			former[mappings.PlanID(p.Plan)] = *p.Was
		}
	}
	for _, p := range snap.Plans {
		former[mappings.PlanID(p.Plan)] = p
	}
	return former
}

// refuseOldIDs keeps a plan whose ids have another form now out of a destination that holds the old ones. No sweep could
// tell those from what is somebody else's, so that each row would have two documents for ever.
func (r *Replicator) refuseOldIDs(ctx context.Context, f *flow) error {
	before, known := r.former[f.plan.ID()]
	dest := f.plan.Destination().Name
	if !known || before.Destination != dest || r.remade[dest] {
		return nil
	}
	definition, err := mappings.ParseDefinition(before.Definition)
	if err != nil {
		return nil //nolint:nilerr // an earlier program did not say what it was
	}
	was, now := definition.ID(), f.plan.Definition().ID()
	if was == now {
		return nil
	}
	gone, err := r.oldOnesGone(ctx, before)
	if err != nil {
		return err
	}
	if gone {
		r.remade[dest] = true
		return nil
	}
	return &changed{edited: true,
		err: fmt.Errorf("mapping %s has %w: id was %s, is now %s, and destination %s holds documents with the old ids, which nothing would remove",
			f.plan.Name(), ErrChanged, orKey(was), orKey(now), dest),
		advice: adviceOnIDs(f)}
}

// adviceOnIDs is what there is to do where ids have another form.
func adviceOnIDs(f *flow) string {
	return fmt.Sprintf("name another destination with to, or remove %s; then meepo-replicate backfill %s", f.plan.Destination().Name, ShellWord(f.plan.Name()))
}

// oldOnesGone reports whether a plan's destination is empty, or another one than that was filled.
func (r *Replicator) oldOnesGone(ctx context.Context, before state.Plan) (bool, error) {
	if r.plans.identify != nil && before.Identity != "" && !mappings.IsSpread(before.Destination) {
		now, err := r.plans.identify.Identify(ctx, before.Destination)
		if err != nil || now != before.Identity {
			return err == nil, err
		}
	}
	target, ok := r.opts.Target.(targets.Emptiness)
	if !ok {
		return false, nil
	}
	filled, err := r.plans.filled(ctx, target, before.Destination)
	return len(filled) == 0, err
}

func orKey(id string) string {
	if id == "" {
		return "the key"
	}
	return id
}
