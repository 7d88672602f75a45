package replicate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

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
	r.marks = newMarks(r.opts, snap)
	r.former, r.remade = formerPlans(snap), map[string]bool{}
	var floor int64         // of versions
	var change state.Change // what is saved before the first event is taken in
	var resumed []state.Parked
	fresh := snap.Checkpoint == nil || r.opts.Fresh
	if fresh {
		if floor, err = r.marks.ceiling(ctx); err != nil {
			return "", fmt.Errorf("look for the marks of other states in the target: %w", err)
		}
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
	r.versions = newVersions(r.opts.Source, snap.Leases, r.saveLease)
	r.versions.raise(floor)
	r.frontier = newFrontier()
	r.misses = newMisses(r.opts.Source, r.opts.MaxMisses)
	r.held = newHeld(holdsPerDocument*r.opts.MaxDirty, snap.Held)
	r.jobs = newJobs(snap)
	r.saver = newSaver(r.opts.State, r.frontier, r.opts.SaveEvery, r.opts.Observer, at, letters)
	r.saver.added = r.jobs.add
	r.saver.inForce = func(plan string) bool { return r.plans.get(mappings.PlanID(plan)) != nil }
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
	if err := r.plans.publish(ctx); err != nil {
		return err
	}
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
	if r.marks.marker == nil || snap.Mark == 0 {
		return nil
	}
	mark, err := r.marks.marker.ReadMark(ctx, snap.ID)
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
		Advice: "meepo-replicate heal writes only what differs; --fresh copies everything again and removes what no row stands for; or name the target that this state belongs to",
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
		list[i] = state.Parked{Plan: p.Plan, Source: p.Source, Destination: p.Destination, Was: &p}
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
			if last = q.ID; q.Verb.CopiesPlan() {
				resumes = append(resumes, q)
			}
		}
	}
}
