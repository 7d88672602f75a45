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
)

// ErrParked: some plans were left alone, so not everything is in the target.
var ErrParked = errors.New("mappings are parked")

// park leaves a plan alone after a fault that concerns nothing else: its events are dropped from now
// on, and what it had in flight. The state keeps why, no later than any position past those events.
// It returns the cause, to end the run, where that was asked for, and where nothing else is left to
// do. A fault of a flow that is not in force any more says nothing of the one that is.
func (r *Replicator) park(f *flow, cause error) error {
	return r.unlessLast(f, r.parkPlan(f.parked(), f, cause), cause)
}

// parkWhole is park for a fault of the plan itself, whichever of its flows is in force, or none.
func (r *Replicator) parkWhole(f *flow, cause error) error {
	return r.unlessLast(f, r.parkPlan(f.parked(), nil, cause), cause)
}

// unlessLast ends the run, with the parking saved, if no other plan is in force.
func (r *Replicator) unlessLast(f *flow, err, cause error) error {
	if err == nil && len(r.plans.all()) == 0 {
		if err := r.saver.save(context.Background()); err != nil { // whoever ends the run ends its contexts
			return err
		}
		return fmt.Errorf("%w, and there is no other: %s: %w", ErrParked, f.plan.ID(), cause)
	}
	return err
}

// parkPlan is park for a plan that may have no flow; then only is nil.
func (r *Replicator) parkPlan(parked state.Parked, only *flow, cause error) error {
	if r.opts.OnFault == FaultStop {
		return cause
	}
	parked = r.because(parked, cause)
	if r.plans.park(parked, only, r.noteParked) {
		r.sayParked(parked)
	}
	return nil
}

func (r *Replicator) because(parked state.Parked, cause error) state.Parked {
	parked.Reason, parked.Advice = strings.ReplaceAll(cause.Error(), "\n", "; "), advice(cause, mappings.PlanID(parked.Plan))
	parked.Position, parked.At = r.saver.current().Position, time.Now().UTC()
	return parked
}

func (r *Replicator) noteParked(parked state.Parked) {
	r.saver.note(state.Change{DropPlans: []string{parked.Plan}, Park: []state.Parked{parked}})
}

func (r *Replicator) sayParked(parked state.Parked) {
	r.misses.forget(mappings.PlanID(parked.Plan))
	r.breaker.forget(mappings.PlanID(parked.Plan))
	r.log.Error("mapping parked: it is left alone until it is resumed",
		"mapping", parked.Plan, "reason", parked.Reason, "fix", parked.Advice)
	r.opts.Observer.ParkedFunc(parked)
}

// advice collects what a fault says about mending it.
func advice(cause error, id mappings.PlanID) string {
	said := Hints(cause)
	resume := "meepo-replicate resume " + ShellWord(string(id))
	text := strings.Join(said, "; ")
	if c := (*changed)(nil); strings.Contains(text, resume) || errors.As(cause, &c) {
		return text
	}
	if len(said) == 0 {
		said = []string{"mend that"}
	}
	return strings.Join(append(said, "then: "+resume), "; ")
}

// Hints returns what is advised in an error and in those that it wraps or joins, the outermost first,
// each once.
func Hints(err error) []string { return hints(nil, err) }

func hints(said []string, err error) []string {
	if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" && !slices.Contains(said, h.Hint()) {
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

// forgetUnmapped forgets parked plans that no mapping and table make any more, as takeUp does with those
// that were in force. Tables that are there, and only not fit, keep theirs.
func (r *Replicator) forgetUnmapped(made []*flow, unfit map[source.Table]unmapped) {
	there := map[string]bool{}
	for t := range unfit {
		there[t.String()] = true
	}
	for _, was := range r.plans.forgetUnmade(made, there) {
		r.log.Warn("parked mapping is forgotten: no mapping makes it any more, or its table is gone", "mapping", was.Plan)
		r.saver.note(state.Change{Unpark: []string{was.Plan}})
	}
}

// forgetUnmade drops the parked plans that were not made, but for those of the tables that are there,
// and returns them.
func (p *plans) forgetUnmade(made []*flow, there map[string]bool) []state.Parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	var forgotten []state.Parked
	for id, was := range p.parked {
		if !has(made, id) && !there[was.Source] {
			forgotten = append(forgotten, was)
			delete(p.parked, id)
		}
	}
	return forgotten
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
	was, known := r.plans.inForceOrParked(id)
	if !known {
		r.log.Warn("mapping that is to be resumed is not there", "mapping", q.Plan)
		r.saver.note(change)
		return nil
	}
	f, err := r.plans.resume(ctx, was)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errNotMapped), isFault(err):
		r.parkAgain(was, err)
		r.saver.note(change)
		return nil
	case err != nil:
		return fmt.Errorf("resume %s: %w", q.Plan, err)
	}
	r.emptied(id)
	r.addJobs(f, &change, "resumed", state.Backfill, state.Sweep)
	change.Unpark = []string{q.Plan}
	// By the saver, in order with its parking before, or after: its jobs begin once that is saved.
	r.saver.note(change)
	r.log.Info("mapping resumed: its rows are copied again", "mapping", f.plan.Name())
	r.warnOfMarked(f, nil)
	return nil
}

// parkAgain parks a plan that could not be resumed, with the new reason.
func (r *Replicator) parkAgain(was state.Parked, cause error) {
	parked := r.because(was, cause)
	if !r.plans.park(parked, nil, r.noteParked) {
		r.noteParked(parked)
	}
	r.sayParked(parked)
}
