package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// isFault reports whether an error concerns one table or destination only and trying again cannot mend it.
func isFault(err error) bool {
	return errors.Is(err, targets.ErrMismatch) || errors.Is(err, targets.ErrReplaced) || errors.Is(err, source.ErrDenied) || errors.Is(err, ErrChanged)
}

// fit makes a flow's destination ready. What was filled before has to be there still: it is not made
// anew behind anybody's back (invariant 8). Errors are ErrReplaced, those of Prepare, or of retry.
func (p *plans) fit(ctx context.Context, f *flow, retry func(context.Context, func() error) error) error {
	if f.places != nil { // each is made ready before the first write to it
		return p.stillThereAll(ctx, f, retry)
	}
	if err := p.stillThere(ctx, f, retry); err != nil {
		return err
	}
	if p.prepare != nil {
		err := retry(ctx, func() error { return p.prepare.Prepare(ctx, []*targets.Destination{f.plan.Destination()}) })
		if err != nil {
			return err
		}
	}
	return p.recognize(ctx, f, retry)
}

// fitChanged returns the flows that go on: those that are new or changed, if their policies let them and their
// destinations are ready for them, and all others.
func (p *plans) fitChanged(ctx context.Context, flows []*flow) ([]*flow, error) {
	var fit []*flow
	for _, f := range flows {
		if p.get(f.plan.ID()) == f {
			fit = append(fit, f)
			continue
		}
		d := p.decideOf(f)
		err := d.refusal(f)
		if d.policy == mappings.Stop {
			return nil, err
		}
		if err == nil {
			p.sayGoesOn(f, d)
			err = p.fit(ctx, f, p.target.retry)
		}
		switch {
		case err == nil:
			fit = append(fit, f)
		case !isFault(err):
			return nil, fmt.Errorf("prepare target: %w", err)
		default:
			if err := p.faulty(f, err); err != nil {
				return nil, err
			}
		}
	}
	return fit, nil
}

// fitAll is fit for flows whose plans are new, at the start: all of them or none.
func (p *plans) fitAll(ctx context.Context, flows []*flow) error {
	flows = slices.DeleteFunc(slices.Clone(flows), func(f *flow) bool { return f.places != nil }) // see fit
	if p.prepare != nil && len(flows) > 0 {
		if err := p.prepare.Prepare(ctx, destinations(flows)); err != nil {
			return err
		}
	}
	for _, f := range flows {
		if err := p.recognize(ctx, f, once); err != nil {
			return err
		}
	}
	return nil
}

func destinations(flows []*flow) []*targets.Destination {
	dests := make([]*targets.Destination, len(flows))
	for i, f := range flows {
		dests[i] = f.plan.Destination()
	}
	return dests
}

// stillThere compares what stands behind a flow's destinations with what did when they were taken up.
func (p *plans) stillThere(ctx context.Context, f *flow, retry func(context.Context, func() error) error) error {
	if f.places != nil {
		return p.stillThereAll(ctx, f, retry)
	}
	p.mu.Lock()
	before := p.behind[f.plan.ID()]
	p.mu.Unlock()
	return p.stands(ctx, f, f.plan.Destination().Name, before, retry)
}

// stands compares what stands behind one destination with what did; nothing is known of that where before is empty.
func (p *plans) stands(ctx context.Context, f *flow, name, before string, retry func(context.Context, func() error) error) error {
	if before == "" || p.identify == nil {
		return nil
	}
	now, err := p.identityOf(ctx, name, retry)
	switch {
	case err != nil:
		return err
	case now == "":
		return replaced(f, fmt.Errorf("%w: %s is not there any more", targets.ErrReplaced, name))
	case now != before:
		return replaced(f, fmt.Errorf("%w: %s is not what was filled (it was %s, now it is %s)", targets.ErrReplaced, name, before, now))
	}
	return nil
}

// identityOf is what stands behind a destination; empty: there is nothing, or the target cannot tell.
func (p *plans) identityOf(ctx context.Context, name string, retry func(context.Context, func() error) error) (now string, err error) {
	if p.identify == nil {
		return "", nil
	}
	err = retry(ctx, func() (err error) {
		now, err = p.identify.Identify(ctx, name)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look at destination %s: %w", name, err)
	}
	return now, nil
}

// replaced says what to do about a destination that is not the one that was filled.
func replaced(f *flow, err error) error {
	return &targets.HintError{Err: err, Advice: fmt.Sprintf(
		"if that was meant, meepo-replicate resume %s copies all of its rows again, and makes the destination where it is missing", ShellWord(string(f.plan.ID())))}
}

// recognize remembers what stands behind a flow's destination now.
func (p *plans) recognize(ctx context.Context, f *flow, retry func(context.Context, func() error) error) (err error) {
	if f.identity, err = p.identityOf(ctx, f.plan.Destination().Name, retry); err != nil || p.identify == nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind[f.plan.ID()] = f.identity
	return nil
}

// park takes a plan out of force, and reports false if it is out already, or if only is another flow
// than the one in force: then the fault is that of an earlier one. Note tells the state of it before
// the first event is dropped.
func (p *plans) park(parked state.Parked, only *flow, note func(state.Parked)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := mappings.PlanID(parked.Plan)
	f := p.flows[id]
	if p.isParked(id) || only != nil && f != only {
		return false
	}
	note(parked)
	p.parked[id] = parked
	if f != nil {
		delete(p.flows, id)
		p.byTable[f.table] = slices.DeleteFunc(slices.Clone(p.byTable[f.table]), func(other *flow) bool { return other == f })
	}
	return true
}

// inForceOrParked returns what a plan was parked as, or would be; false if it is neither in force nor parked.
func (p *plans) inForceOrParked(id mappings.PlanID) (state.Parked, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flows[id]; f != nil {
		return f.parked(), true
	}
	parked, is := p.parked[id]
	return parked, is
}

// hasParked reports whether a plan of the table is parked.
func (p *plans) hasParked(t source.Table) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, parked := range p.parked {
		if parked.Source == t.String() {
			return true
		}
	}
	return false
}

// errNotMapped: a plan was asked for that no mapping and table make now.
var errNotMapped = errors.New("no mapping and table of this name")

// resume puts a plan in force, parked or not, with its destination as it is or made anew. If that
// fails it stays, or becomes, parked.
func (p *plans) resume(ctx context.Context, was state.Parked) (*flow, error) {
	id := mappings.PlanID(was.Plan)
	p.reloading.Lock()
	defer p.reloading.Unlock()
	var described map[source.Table]source.Columns
	var denied map[source.Table]unmapped
	err := p.health.retry(ctx, func() (err error) {
		described, denied, err = p.describeAll(ctx, was.Source)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	delete(p.behind, id)
	delete(p.accepted, id) // it is taken as it is now
	p.mu.Unlock()
	flows, unmapped, err := p.compiled(ctx, described)
	maps.Copy(unmapped, denied)
	at := slices.IndexFunc(flows, func(f *flow) bool { return f.plan.ID() == id })
	if err != nil || at < 0 {
		for table, why := range unmapped {
			if table.String() == was.Source {
				err = errors.Join(err, why.cause)
			}
		}
		return nil, errors.Join(errNotMapped, err)
	}
	f := flows[at].anew()
	if err := p.admits(ctx, f); err != nil {
		return nil, err
	}
	if err := p.fit(ctx, f, p.target.retry); err != nil {
		return nil, err
	}
	// Other tables that have changed since are taken up when the log says so. Up to here, a late fault
	// of an earlier flow finds the plan parked still, or parks that flow; from here on it is not this one's.
	p.mu.Lock()
	defer p.mu.Unlock()
	tables := maps.Clone(p.tables)
	force := maps.Clone(p.flows)
	delete(p.parked, id)
	tables[f.table], force[id] = described[f.table], f
	p.swap(tables, slices.Collect(maps.Values(force)))
	return f, nil
}

// anew returns a flow that is the same to the eye, and not taken for the one in force.
func (f *flow) anew() *flow {
	other := *f
	if f.places != nil {
		other.places = newPlaces(f.plan.Destination().Name, "") // they are taken as they are now
	}
	return &other
}

// parked describes a flow's plan as a parked one, without a reason.
func (f *flow) parked() state.Parked {
	was := f.record()
	return state.Parked{Plan: was.Plan, Source: was.Source, Destination: was.Destination, Was: &was}
}
