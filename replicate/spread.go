package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// places are the destinations of a plan whose rows are spread: they are made as rows come. What stands behind each is in the state
// before the first write to it, in the place of the one identity that other plans have.
type places struct {
	making sync.Mutex // one is made at a time; held over I/O

	mu    sync.Mutex
	made  map[string]string               // what stood behind each when it was made or met, in this run or earlier
	ready map[string]*targets.Destination // as it was prepared in this run
}

// newPlaces takes up what a state says of destinations that a name stands for; an empty text is of none.
func newPlaces(name, identity string) *places {
	made := Places(identity)
	maps.DeleteFunc(made, func(one, _ string) bool { return !mappings.Spreads(name, one) }) // an earlier mapping's
	return &places{made: made, ready: map[string]*targets.Destination{}}
}

// Places are the destinations in the identity of a plan whose rows are spread, as states have it, each with what stood behind it.
func Places(identity string) map[string]string {
	made := map[string]string{}
	if err := json.Unmarshal([]byte(identity), &made); err != nil {
		return map[string]string{} // an earlier mapping had one destination
	}
	return made
}

// identity is what a state keeps.
func (p *places) identity() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.made) == 0 {
		return ""
	}
	text, err := json.Marshal(p.made)
	if err != nil {
		panic(err) // it holds texts only
	}
	return string(text)
}

// known returns the names of those that were made, sorted.
func (p *places) known() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.made))
}

func (p *places) behind(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[name]
}

func (p *places) isReady(dest *targets.Destination) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready[dest.Name] == dest
}

func (p *places) put(dest *targets.Destination, identity string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made[dest.Name], p.ready[dest.Name] = identity, dest
}

// destinationNames are what a destination's name stands for: itself, or all that were made of a name that is spread, whoever has made them.
func (p *plans) destinationNames(ctx context.Context, name string, known []string) ([]string, error) {
	if !mappings.IsSpread(name) {
		return []string{name}, nil
	}
	names := map[string]bool{}
	for _, one := range known {
		names[one] = true
	}
	if p.list != nil {
		there, err := p.list.List(ctx, mappings.SpreadPrefix(name))
		if err != nil {
			return nil, fmt.Errorf("look for destinations %s: %w", name, err)
		}
		for _, one := range there {
			if mappings.Spreads(name, one) {
				names[one] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// namesOf are the destinations of a flow that there may be.
func (p *plans) namesOf(ctx context.Context, f *flow) ([]string, error) {
	var known []string
	if f.places != nil {
		known = f.places.known()
	}
	return p.destinationNames(ctx, f.plan.Destination().Name, known)
}

// filled names the destinations that a name stands for and that hold documents.
func (p *plans) filled(ctx context.Context, target targets.Emptiness, name string) (filled []string, err error) {
	names, err := p.destinationNames(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	for _, one := range names {
		empty, err := target.Empty(ctx, one)
		if err != nil {
			return nil, err
		}
		if !empty {
			filled = append(filled, one)
		}
	}
	return filled, nil
}

// stillThereAll is stillThere for a flow whose rows are spread.
func (p *plans) stillThereAll(ctx context.Context, f *flow, retry func(context.Context, func() error) error) error {
	for _, name := range f.places.known() {
		if err := p.stands(ctx, f, name, f.places.behind(name), retry); err != nil {
			return err
		}
	}
	return nil
}

// prepared makes destinations ready that a delivery writes to for the first time in this run. What it deletes from those that are not
// there is durable.
func (r *Replicator) prepared(ctx context.Context, d *delivery) error {
	if !d.flow.plan.Spread() {
		return nil
	}
	gone := map[*targets.Destination]bool{}
	for _, op := range d.ops {
		if d.flow.places.isReady(op.Dest) || op.Verb != targets.Upsert && gone[op.Dest] {
			continue
		}
		there, err := r.makePlace(ctx, d.flow, op.Dest, op.Verb == targets.Upsert)
		if err != nil {
			return err
		}
		gone[op.Dest] = !there
	}
	kept := 0
	for i, op := range d.ops {
		if op.Verb != targets.Upsert && gone[op.Dest] {
			r.durable(d, i, i+1)
			continue
		}
		d.ops[kept], d.entries[kept] = d.ops[i], d.entries[i]
		kept++
	}
	d.ops, d.entries = d.ops[:kept], d.entries[:kept]
	return nil
}

// makePlace makes a destination ready and saves that it is there; false if there is none and it is not needed.
func (r *Replicator) makePlace(ctx context.Context, f *flow, dest *targets.Destination, needed bool) (bool, error) {
	p := f.places
	p.making.Lock()
	defer p.making.Unlock()
	if p.isReady(dest) {
		return true, nil
	}
	before := p.behind(dest.Name)
	if err := r.plans.stands(ctx, f, dest.Name, before, r.targetHealth.retry); err != nil {
		return false, err
	}
	if before == "" && !needed {
		names, err := r.listed(ctx, f)
		if err != nil || !slices.Contains(names, dest.Name) {
			return false, err
		}
	}
	if before == "" && len(p.known()) >= r.opts.MaxDestinations {
		return false, &targets.HintError{Err: fmt.Errorf("%w: %s would be one more than %d destinations of mapping %s", targets.ErrMismatch, dest.Name, r.opts.MaxDestinations, f.plan.Name()),
			Advice: "spread the rows by a column with fewer values; or raise --max-destinations"}
	}
	if r.plans.prepare != nil {
		err := r.targetHealth.retry(ctx, func() error { return r.plans.prepare.Prepare(ctx, []*targets.Destination{dest}) })
		if err != nil {
			return false, fmt.Errorf("prepare target: %w", err)
		}
	}
	identity, err := r.plans.identityOf(ctx, dest.Name, r.targetHealth.retry)
	if err != nil {
		return false, err
	}
	p.put(dest, identity)
	if before != "" {
		return true, nil
	}
	r.log.Info("destination taken up", "mapping", f.plan.Name(), "destination", dest.Name)
	r.saver.note(state.Change{Identities: []state.Identity{{Plan: string(f.plan.ID()), Identity: p.identity()}}})
	return true, r.saver.save(ctx)
}

// listed names the destinations of a flow, waiting out what fails for now.
func (r *Replicator) listed(ctx context.Context, f *flow) (names []string, err error) {
	err = r.targetHealth.retry(ctx, func() (err error) {
		names, err = r.plans.namesOf(ctx, f)
		return err
	})
	return names, err
}

// parkSpread parks a flow one of whose destinations cannot be made ready. Other errors end the run.
func (r *Replicator) parkSpread(d *delivery, err error) error {
	if isFault(err) {
		return r.park(d.flow, err)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("write to %s: %w", d.flow.plan.Destination().Name, err)
}
