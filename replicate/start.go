package replicate

import (
	"context"
	"errors"
	"fmt"
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

// start loads the state, compiles the plans and returns the position to follow from. Errors are not
// tried again, because at the start somebody is watching. Of a state that is not new, a plan that
// has a fault is parked, and the others go on.
func (r *Replicator) start(ctx context.Context) (source.Position, error) {
	snap, err := r.opts.State.Load(ctx)
	if err != nil {
		return "", err
	}
	letters, err := r.opts.State.LetterRefs(ctx)
	if err != nil {
		return "", err
	}
	var change state.Change // what is saved before the first event is taken in
	var resumed []state.Parked
	fresh := snap.Checkpoint == nil || r.opts.Fresh
	if fresh {
		err = r.anew(ctx, &snap, &change)
	} else if err = r.goOn(ctx, snap); err == nil {
		resumed, err = r.askedBefore(ctx, &snap, &change)
	}
	if err != nil {
		return "", err
	}
	at := *snap.Checkpoint
	r.lanes = newLanes(r.opts.MaxDirty, source.Fence(at.Fence))
	r.plans.fence = r.lanes.newestFence
	r.versions = newVersions(r.opts.Source, snap.Leases, r.opts.State.Save)
	r.frontier = newFrontier()
	r.misses = newMisses(r.opts.Source, r.opts.MaxMisses)
	r.held = newHeld(holdsPerDocument*r.opts.MaxDirty, snap.Held)
	r.jobs = newJobs(snap)
	r.saver = newSaver(r.opts.State, r.frontier, r.opts.SaveEvery, r.opts.Observer, at, letters)
	r.saver.added = r.jobs.add
	r.saver.inForce = func(plan string) bool { return r.plans.get(mappings.PlanID(plan)) != nil }
	r.marks = newMarks(snap)
	r.horizon = newHorizon(r.opts.Source, at)
	if err := r.takeUp(ctx, snap, resumed, fresh, &change); err != nil {
		return "", err
	}
	close(r.ready)
	return source.Position(at.Position), nil
}

// anew makes a start of the log's head. The position comes first: what is read later is at least as
// new (invariant 2). Of an earlier state it keeps the versions and the dead letters.
func (r *Replicator) anew(ctx context.Context, snap *state.Snapshot, change *state.Change) error {
	position, fence, err := r.opts.Source.Head(ctx)
	if err != nil {
		return fmt.Errorf("look at the log's head: %w", err)
	}
	for _, p := range snap.Plans {
		change.DropPlans = append(change.DropPlans, p.Plan)
	}
	for _, p := range snap.Parked {
		change.Unpark = append(change.Unpark, p.Plan)
	}
	for _, h := range snap.Held {
		if n := len(change.Release); n == 0 || change.Release[n-1] != h.XID {
			change.Release = append(change.Release, h.XID)
		}
	}
	resumes, err := r.resumesAsked(ctx)
	for _, q := range resumes {
		change.DoneRequests = append(change.DoneRequests, q.ID)
	}
	snap.Plans, snap.Ranges, snap.Jobs, snap.Parked, snap.Held = nil, nil, nil, nil, nil
	change.Mark = state.ForgetMark // the target may have gone back, which is why somebody begins anew
	snap.Checkpoint = &state.Checkpoint{Position: string(position), Fence: string(fence), Saved: time.Now().UTC()}
	change.Checkpoint = snap.Checkpoint
	return err
}

// goOn makes sure that both ends still are what the state speaks of (invariant 8).
func (r *Replicator) goOn(ctx context.Context, snap state.Snapshot) error {
	// Before anything waits for the saved fence, which another server would never reach.
	if err := r.opts.Source.Verify(ctx, source.Position(snap.Checkpoint.Position)); err != nil {
		return err
	}
	marker, ok := r.opts.Target.(targets.Marker)
	if !ok || snap.Mark == 0 {
		return nil
	}
	mark, err := marker.ReadMark(ctx, snap.ID)
	if err != nil {
		return fmt.Errorf("look for our mark in the target: %w", err)
	}
	if mark.Number >= snap.Mark {
		return nil
	}
	what := fmt.Sprintf("it holds mark %d of this state, at %s", mark.Number, mark.Position)
	if mark.Number == 0 {
		what = "it holds no mark of this state"
	}
	return &targets.HintError{
		Err: fmt.Errorf("%w: the target went back to an earlier time, or is another one: %s, where mark %d was written at %s or before",
			targets.ErrReplaced, what, snap.Mark, snap.Checkpoint.Position),
		Advice: "--fresh copies everything again and removes what no row stands for; or name the target that this state belongs to",
	}
}

// askedBefore does what was asked for while no run was on: a plan that is to be resumed is forgotten,
// so that it is taken up like a new one. It returns what the state knew of them.
func (r *Replicator) askedBefore(ctx context.Context, snap *state.Snapshot, change *state.Change) ([]state.Parked, error) {
	resumes, err := r.resumesAsked(ctx)
	if err != nil {
		return nil, err
	}
	var resumed []state.Parked
	for _, q := range resumes {
		for _, p := range append(unparked(snap.Plans), snap.Parked...) {
			if p.Plan == q.Plan {
				resumed = append(resumed, p)
			}
		}
		change.DoneRequests = append(change.DoneRequests, q.ID)
		change.Unpark = append(change.Unpark, q.Plan)
		change.DropPlans = append(change.DropPlans, q.Plan)
		snap.Parked = slices.DeleteFunc(snap.Parked, func(p state.Parked) bool { return p.Plan == q.Plan })
		snap.Plans = slices.DeleteFunc(snap.Plans, func(p state.Plan) bool { return p.Plan == q.Plan })
		snap.Ranges = slices.DeleteFunc(snap.Ranges, func(p state.Range) bool { return p.Plan == q.Plan })
		snap.Jobs = slices.DeleteFunc(snap.Jobs, func(p state.Job) bool { return p.Plan == q.Plan })
	}
	return resumed, nil
}

// unparked describes known plans as they would be parked.
func unparked(plans []state.Plan) []state.Parked {
	list := make([]state.Parked, len(plans))
	for i, p := range plans {
		list[i] = state.Parked{Plan: p.Plan, Source: p.Source, Destination: p.Destination}
	}
	return list
}

// resumesAsked returns the plans that are to be resumed. Other requests are done during the run.
func (r *Replicator) resumesAsked(ctx context.Context) ([]state.Request, error) {
	var resumes []state.Request
	for last := int64(0); ; {
		page, err := r.opts.State.Requests(ctx, last)
		if err != nil || len(page) == 0 {
			return resumes, err
		}
		for _, q := range page {
			if last = q.ID; q.Verb == state.ResumePlan {
				resumes = append(resumes, q)
			}
		}
	}
}

// takeUp puts the plans in force, queues the backfill of those that the state does not know, or knows
// otherwise, and saves that together with the position of a fresh start. Plans that are not in
// force are forgotten: their events are not followed from here on, so that they begin anew should
// they come back. It ends the bulk mode that a crash left behind.
func (r *Replicator) takeUp(ctx context.Context, snap state.Snapshot, resumed []state.Parked, fresh bool, change *state.Change) error {
	known := map[string]state.Plan{}
	for _, p := range snap.Plans {
		known[p.Plan] = p
		r.plans.behind[mappings.PlanID(p.Plan)] = p.Identity
	}
	for _, p := range snap.Parked {
		r.plans.parked[mappings.PlanID(p.Plan)] = p
	}
	if err := r.putInForce(ctx, append(unparked(snap.Plans), resumed...), fresh); err != nil {
		return err
	}
	r.coverUnfollowed(snap, change)
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
		}
	}
	for _, f := range r.plans.all() {
		r.recorded.put(f)
		record := f.record()
		if before, seen := known[record.Plan]; !seen {
			if err := r.takeUpPlan(ctx, f, change); err != nil {
				return err
			}
		} else if before.Fingerprint != record.Fingerprint {
			r.log.Warn("mapping or table has changed since it was copied, it is copied again", "mapping", f.plan.Name())
			r.addJobs(f, change, "mapping changed", state.Backfill, state.Sweep)
		} else if before.Identity == "" {
			change.Plans = append(change.Plans, record)
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
func (r *Replicator) putInForce(ctx context.Context, known []state.Parked, fresh bool) error {
	p := r.plans
	tables, err := p.describeAll(ctx)
	if err != nil {
		return err
	}
	made, unmapped, err := p.compiled(ctx, tables)
	if err != nil {
		return err
	}
	flows := p.notParked(made)
	if err := r.parkUnmapped(unmapped, flows, known, fresh || len(flows) == 0); err != nil {
		return err
	}
	r.forgetUnmapped(made, unmapped)
	if fresh {
		if err := r.refuseFilled(ctx, flows); err != nil {
			return err
		}
	}
	seen := func(f *flow) bool {
		return slices.ContainsFunc(known, func(p state.Parked) bool { return p.Plan == string(f.plan.ID()) })
	}
	fit, err := r.fitAtStart(ctx, flows, seen)
	if err != nil {
		return err
	}
	p.put(tables, fit)
	return nil
}

// fitAtStart makes destinations ready and returns the flows that go on. Plans that are known are parked
// where they have a fault. What is wrong with new ones is for whoever starts the run to mend: it is said
// all at once, and none of their destinations is made then.
func (r *Replicator) fitAtStart(ctx context.Context, flows []*flow, seen func(*flow) bool) ([]*flow, error) {
	var fit, added []*flow
	var refused, parked []error
	for _, f := range flows {
		if !seen(f) {
			added = append(added, f)
			continue
		}
		err := r.plans.fit(ctx, f, once)
		switch {
		case err == nil:
			fit = append(fit, f)
		case !isFault(err):
			return nil, fmt.Errorf("prepare target: %w", err)
		case r.parkPlan(f.parked(), nil, err) != nil:
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
			Advice: "meepo-replicate status says why; then meepo-replicate resume " + names[0]}
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
			r.log.Error("table cannot be mapped, it is left out", "table", table.String(), "error", why.cause)
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
		name := f.plan.Destination().Name
		empty, err := target.Empty(ctx, name)
		switch {
		case isFault(err):
			wrong = append(wrong, err)
		case err != nil:
			return err
		case !empty:
			filled = append(filled, name)
		}
	}
	if len(filled) == 0 {
		return nil // Prepare says what does not fit
	}
	return errors.Join(append(wrong, &targets.HintError{
		Err: fmt.Errorf("%w, and the state is new: %s", ErrFilled, strings.Join(filled, ", ")),
		Advice: "name the state of the run that filled it, by --state; or let --fresh copy everything again, and remove the documents " +
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
		empty, err := target.Empty(ctx, f.plan.Destination().Name)
		if err != nil {
			return err
		}
		if empty && len(r.saver.letteredOf(f.plan.ID())) == 0 {
			kinds = kinds[:1]
		}
	}
	r.addJobs(f, change, "new", kinds...)
	return nil
}

// addJobs queues jobs of a plan, and the plan as it is now.
func (r *Replicator) addJobs(f *flow, change *state.Change, reason string, kinds ...state.JobKind) {
	r.recorded.put(f)
	change.Plans = append(change.Plans, f.record())
	for _, kind := range kinds {
		change.AddJobs = append(change.AddJobs, r.jobs.newJob(f.plan.ID(), kind, reason))
	}
}
