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
)

// ErrParked: some plans were left alone, so not everything is in the target.
var ErrParked = errors.New("mappings are parked")

// park leaves a plan alone after a fault that concerns nothing else: its events are dropped from now
// on, and what it had in flight. The state keeps why, no later than any position past those events.
// It returns the cause, to end the run, where that was asked for, and where nothing else is left to do.
func (r *Replicator) park(f *flow, cause error) error {
	err := r.parkPlan(f.plan.ID(), f.plan.Name(), cause)
	if err == nil && len(r.plans.all()) == 0 {
		return fmt.Errorf("%w, and there is no other: %s: %w", ErrParked, f.plan.ID(), cause)
	}
	return err
}

// parkPlan is park for a plan that may have no flow.
func (r *Replicator) parkPlan(id mappings.PlanID, name string, cause error) error {
	if r.opts.OnFault == FaultStop {
		return cause
	}
	if r.plans.park(id) {
		r.keepParked(id, name, cause)
	}
	return nil
}

// keepParked says why a plan is parked, to the state and to people.
func (r *Replicator) keepParked(id mappings.PlanID, name string, cause error) {
	at := r.saver.current()
	parked := state.Parked{
		Plan: string(id), Reason: strings.ReplaceAll(cause.Error(), "\n", "; "), Advice: advice(cause, id), Position: at.Position, At: time.Now().UTC(),
	}
	r.saver.note(state.Change{DropPlans: []string{string(id)}, Park: []state.Parked{parked}})
	r.misses.forget(id)
	r.breaker.forget(id)
	r.log.Error("mapping parked: it is left alone until it is resumed, all others go on",
		"mapping", name, "reason", parked.Reason, "fix", parked.Advice)
	r.opts.Observer.ParkedFunc(parked)
}

// advice collects what a fault says about mending it.
func advice(cause error, id mappings.PlanID) string {
	said := hints(nil, cause)
	resume := "meepo-replicate resume " + string(id)
	if text := strings.Join(said, "; "); strings.Contains(text, resume) {
		return text
	}
	if len(said) == 0 {
		said = []string{"mend that"}
	}
	return strings.Join(append(said, "then: "+resume), "; ")
}

// hints appends what is advised in an error and in those that it wraps or joins, each once.
func hints(said []string, err error) []string {
	if h, ok := err.(interface{ Hint() string }); ok && !slices.Contains(said, h.Hint()) {
		said = append(said, h.Hint())
	}
	switch e := err.(type) { //nolint:errorlint // it walks the whole tree itself
	case interface{ Unwrap() error }:
		said = hints(said, e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			said = hints(said, one)
		}
	}
	return said
}

// incomplete is how a run ends well of which plans are parked, if it was to make the target equal.
func (r *Replicator) incomplete() error {
	parked := r.plans.parkedNames()
	if !r.opts.Once || len(parked) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: see meepo-replicate status", ErrParked, strings.Join(parked, ", "))
}

// parkedNames lists the plans that are parked.
func (p *plans) parkedNames() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for id := range p.parked {
		names = append(names, string(id))
	}
	slices.Sort(names)
	return names
}

// resume takes up a plan anew, parked or not: everything is copied again, and what no row stands for
// goes.
func (r *Replicator) resume(ctx context.Context, q state.Request) error {
	id := mappings.PlanID(q.Plan)
	change := state.Change{DoneRequests: []int64{q.ID}}
	if !r.plans.has(id) {
		r.log.Warn("mapping that is to be resumed is not there", "mapping", q.Plan)
		r.saver.note(change)
		return nil
	}
	f, err := r.plans.resume(ctx, id)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errNotMapped), isFault(err):
		r.keepParked(id, q.Plan, err)
		r.saver.note(change)
		return nil
	case err != nil:
		return fmt.Errorf("resume %s: %w", q.Plan, err)
	}
	r.emptied(id)
	r.addJobs(f, &change, "resumed", state.Backfill, state.Sweep)
	change.Unpark = []string{q.Plan}
	// What is still to be saved of its parking must not come after this.
	if err := r.saver.save(ctx); err != nil {
		return err
	}
	if err := r.opts.State.Save(ctx, change); err != nil {
		return err
	}
	r.jobs.add(change.AddJobs)
	r.log.Info("mapping resumed: its rows are copied again", "mapping", f.plan.Name())
	return nil
}
