package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// ErrFilled: the state is new, and a destination holds documents already. A state that was lost must
// not become a silent copy of everything.
var ErrFilled = errors.New("destination holds documents already")

// takeUp puts the plans in force, queues the backfill of those that the state does not know, or knows
// otherwise, and saves that together with the position of a fresh start. Plans that are not in
// force are forgotten: their events are not followed from here on, so that they begin anew should
// they come back. It ends the bulk mode that a crash left behind.
func (r *Replicator) takeUp(ctx context.Context, snap state.Snapshot, resumed []state.Parked, fresh bool, change *state.Change) error {
	before := snap
	in := r.inherit(&snap, resumed, fresh, change)
	for id, p := range in.plans {
		r.plans.behind[id] = p.Identity
		if definition, err := mappings.ParseDefinition(p.Definition); err == nil {
			r.plans.accepted[id] = definition
		}
	}
	for _, p := range snap.Parked {
		r.plans.parked[mappings.PlanID(p.Plan)] = p
		r.log.Warn("mapping is still parked", "mapping", p.Plan, "since", p.At.Format(time.RFC3339), "reason", p.Reason, "fix", p.Advice)
	}
	if err := r.putInForce(ctx, in); err != nil {
		return err
	}
	r.sayAgain(in)
	r.coverUnfollowed(before, change)
	r.progress.restore(snap, r.plans)
	change.Merge(r.saver.takePending()) // what was parked just now
	var idle []string                   // destinations without a backfill under way
	for _, p := range append(snap.Parked, change.Park...) {
		idle = append(idle, p.Destination)
	}
	for _, p := range snap.Plans {
		if r.plans.get(mappings.PlanID(p.Plan)) == nil {
			change.DropPlans = append(change.DropPlans, p.Plan)
			idle = append(idle, p.Destination)
			if r.plans.isGone(p) {
				r.sayKept(p, mappingOf(mappings.PlanID(p.Plan)))
			}
		}
	}
	for _, f := range r.plans.all() {
		r.recorded.put(f)
		if _, seen := in.plans[f.plan.ID()]; seen {
			r.takeUpKnown(f, in, change)
		} else if err := r.takeUpPlan(ctx, f, change); err != nil {
			return err
		}
	}
	if err := r.opts.State.Save(ctx, *change); err != nil {
		return err
	}
	r.jobs.add(change.AddJobs)
	for _, f := range r.plans.all() {
		if !r.jobs.pending(f.plan.ID()) {
			idle = append(idle, f.plan.Destination().Name)
		}
	}
	for _, dest := range idle {
		if err := r.endBulk(ctx, dest); err != nil {
			return err
		}
	}
	return nil
}

// putInForce describes and compiles the tables and makes their destinations ready. Known plans, resumed
// ones among them, are parked where they have a fault.
func (r *Replicator) putInForce(ctx context.Context, in *inherited) error {
	p, known, fresh := r.plans, in.known(), in.fresh
	tables, denied, err := p.describeAll(ctx, sourcesOf(known, p.parked)...)
	if err != nil {
		return err
	}
	made, unmapped, err := p.compiled(ctx, tables)
	if err != nil {
		return err
	}
	if err := r.refuseUnknown(made); err != nil {
		return err
	}
	in.tables = except(tables, unmapped) // the others are compared without what none of them can be beside
	maps.Copy(unmapped, denied)
	flows := r.leaveOut(p.notParked(made), in)
	if err := r.parkUnmapped(unmapped, flows, known, fresh || len(flows) == 0); err != nil {
		return err
	}
	r.forgetUnmapped(made, unmapped)
	if fresh {
		if err := r.refuseFilled(ctx, flows); err != nil {
			return err
		}
		for _, f := range flows {
			if err := r.refuseOldIDs(ctx, f); err != nil {
				return err
			}
		}
	}
	fit, err := r.fitAtStart(ctx, flows, in)
	if err != nil {
		return err
	}
	p.put(tables, fit)
	return nil
}

// sourcesOf names the tables of plans that are known, parked ones too.
func sourcesOf(known []state.Parked, parked map[mappings.PlanID]state.Parked) []string {
	var names []string
	for _, k := range append(slices.Collect(maps.Values(parked)), known...) {
		names = append(names, k.Source)
	}
	return names
}

// fitAtStart makes destinations ready and returns the flows that go on. Plans that are known are parked
// where they have a fault. What is wrong with new ones is for whoever starts the run to mend: it is said
// all at once, and none of their destinations is made then.
func (r *Replicator) fitAtStart(ctx context.Context, flows []*flow, in *inherited) ([]*flow, error) {
	var fit, added []*flow
	var refused, parked []error
	known := in.known()
	for _, f := range flows {
		if !slices.ContainsFunc(known, func(p state.Parked) bool { return p.Plan == string(f.plan.ID()) }) {
			added = append(added, f)
			continue
		}
		err := r.admit(ctx, f, in)
		if err == nil {
			err = r.plans.fit(ctx, f, once)
		}
		var c *changed
		switch {
		case err == nil:
			fit = append(fit, f)
		case !isFault(err):
			return nil, fmt.Errorf("prepare target: %w", err)
		case errors.As(err, &c) && c.stop, r.parkPlan(r.parkedFor(f, err, in), nil, err) != nil:
			refused = append(refused, err)
		default:
			parked = append(parked, err)
		}
	}
	if err := r.plans.fitAll(ctx, added); isFault(err) {
		refused = append(refused, err) // as it is: its parts are shown one by one
	} else if err != nil {
		return nil, fmt.Errorf("prepare target: %w", err)
	}
	fit = append(fit, added...)
	names := r.plans.parkedNames()
	switch {
	case len(refused) > 0:
		return nil, errors.Join(append(refused, parked...)...)
	case len(fit) == 0 && len(parked) > 0:
		return nil, errors.Join(append(parked, r.opts.State.Save(ctx, r.saver.takePending()))...)
	case len(fit) == 0 && len(names) > 0:
		return nil, &targets.HintError{Err: fmt.Errorf("%w, and there is no other: %s", ErrParked, strings.Join(names, ", ")),
			Advice: "meepo-replicate status says why; then meepo-replicate resume " + ShellWord(names[0])}
	}
	return fit, nil
}

// once calls fn: at the start nothing is tried again.
func once(_ context.Context, fn func() error) error { return fn() }

// parkUnmapped parks the plans of tables that cannot be compiled any more. Without other tables, and at a
// fresh start, that is an error for whoever starts the run to mend; a new table is left out, and so is
// at a fresh start one that only a glob has found.
func (r *Replicator) parkUnmapped(tables map[source.Table]unmapped, flows []*flow, known []state.Parked, strict bool) error {
	var wrong []error
	for table, why := range tables {
		lost := slices.DeleteFunc(slices.Clone(known), func(p state.Parked) bool {
			return p.Source != table.String() || has(flows, mappings.PlanID(p.Plan))
		})
		if strict && (!why.said || len(lost) > 0) {
			wrong = append(wrong, why.cause)
			continue
		}
		for _, plan := range lost {
			if err := r.parkPlan(plan, nil, why.cause); err != nil {
				wrong = append(wrong, err)
			}
		}
		if len(lost) == 0 && !why.said && !r.plans.hasParked(table) {
			r.log.Error("table cannot be mapped, it is left out", "table", table.String(), "error", why.cause, "fix", strings.Join(Hints(why.cause), "; "))
		}
	}
	return errors.Join(wrong...)
}

// refuseFilled keeps a new state from filling what holds documents already, unless that was asked for.
// It looks before anything is made or changed in the target.
func (r *Replicator) refuseFilled(ctx context.Context, flows []*flow) error {
	target, ok := r.opts.Target.(targets.Emptiness)
	if !ok || r.opts.Fresh || r.opts.FollowOnly {
		return nil
	}
	var filled []string
	var wrong []error
	for _, f := range flows {
		if f.plan.Adopts() {
			continue
		}
		names, err := r.plans.filled(ctx, target, f.plan.Destination().Name)
		switch {
		case isFault(err):
			wrong = append(wrong, err)
		case err != nil:
			return err
		}
		filled = append(filled, names...)
	}
	if len(filled) == 0 {
		return nil // Prepare says what does not fit
	}
	return errors.Join(append(wrong, &targets.HintError{
		Err: fmt.Errorf("%w, and the state is new: %s", ErrFilled, strings.Join(filled, ", ")),
		Advice: "name the state of the run that filled it, by --state; or say adopt: true in the mapping, or meepo-replicate heal, to compare and write only what differs; or let --fresh copy everything again, and remove the documents " +
			"that no row stands for",
	})...)
}

// takeUpPlan queues what a plan needs that the state does not know.
func (r *Replicator) takeUpPlan(ctx context.Context, f *flow, change *state.Change) error {
	if r.opts.FollowOnly && !slices.Contains(change.Unpark, string(f.plan.ID())) { // resumed ones are copied
		change.Plans = append(change.Plans, f.record())
		return nil
	}
	// It may hold documents of a table that was there before, or of a state that was lost; and there may
	// be dead letters of rows that have gone since.
	kinds := []state.JobKind{state.Backfill, state.Sweep}
	if target, ok := r.opts.Target.(targets.Emptiness); ok {
		filled, err := r.plans.filled(ctx, target, f.plan.Destination().Name)
		if err != nil {
			return err
		}
		if len(filled) == 0 && len(r.saver.letteredOf(f.plan.ID())) == 0 {
			kinds = kinds[:1]
		}
	}
	if len(kinds) > 1 && r.compares(f) {
		r.addComparing(f, change, "new", kinds...)
	} else {
		r.addJobs(f, change, "new", kinds...)
	}
	if len(kinds) == 1 {
		r.untouched.add(f.plan.ID())
	} else {
		r.warnOfMarked(f, nil)
	}
	return nil
}

// record keeps a plan as it is now.
func (r *Replicator) record(f *flow, change *state.Change) {
	r.recorded.put(f)
	r.untouched.forget(f.plan.ID())
	change.Plans = append(change.Plans, f.record())
}

// addComparing queues jobs in their comparing form.
func (r *Replicator) addComparing(f *flow, change *state.Change, reason string, kinds ...state.JobKind) {
	before := len(change.AddJobs)
	r.addJobs(f, change, reason, kinds...)
	for i := before; i < len(change.AddJobs); i++ {
		change.AddJobs[i].Comparing = true
	}
}

// addJobs queues jobs of a plan, and the plan as it is now.
func (r *Replicator) addJobs(f *flow, change *state.Change, reason string, kinds ...state.JobKind) {
	r.record(f, change)
	for _, kind := range kinds {
		change.AddJobs = append(change.AddJobs, r.jobs.newJob(f.plan.ID(), kind, reason))
	}
}
