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

// inherited is what a run takes over from the state.
type inherited struct {
	plans   map[mappings.PlanID]state.Plan
	resumed []state.Parked           // plans that are to be copied anew, which the state has forgotten by now
	leftOut map[mappings.PlanID]bool // plans of tables that came later
	stale   map[mappings.PlanID]bool // plans whose edited mapping is taken without a copy
	again   []state.Parked           // plans that were parked and are to go on without a copy, unless something else is wrong
	fresh   bool
	tables  map[source.Table]source.Columns // as they are now
}

// inherit sorts a snapshot by plan. Plans that were parked because their mapping was edited go on where that is accepted.
func (r *Replicator) inherit(snap *state.Snapshot, resumed []state.Parked, fresh bool, change *state.Change) *inherited {
	in := &inherited{resumed: resumed, fresh: fresh,
		plans: map[mappings.PlanID]state.Plan{}, leftOut: map[mappings.PlanID]bool{}, stale: map[mappings.PlanID]bool{}}
	for _, p := range snap.Parked {
		if p.Was == nil || !p.Whole || !r.acceptsStale(p.Plan, p.Source) {
			continue
		}
		in.again = append(in.again, p)
		snap.Plans = append(snap.Plans, *p.Was)
		change.Unpark = append(change.Unpark, p.Plan)
	}
	snap.Parked = slices.DeleteFunc(snap.Parked, func(p state.Parked) bool { return slices.Contains(change.Unpark, p.Plan) })
	for _, p := range snap.Plans {
		in.plans[mappings.PlanID(p.Plan)] = p
	}
	for _, id := range snap.LeftOut {
		if fresh {
			change.TakeIn = append(change.TakeIn, id)
			continue
		}
		in.leftOut[mappings.PlanID(id)] = true
	}
	return in
}

// sayAgain tells of plans that were parked and are in force now.
func (r *Replicator) sayAgain(in *inherited) {
	for _, p := range in.again {
		if r.plans.get(mappings.PlanID(p.Plan)) != nil {
			r.log.Warn("mapping was parked, and is followed again without a copy: what has changed meanwhile is not in the target",
				"mapping", p.Plan, "since", p.At.Format(time.RFC3339), "position", p.Position)
		}
	}
}

// known lists all plans that were taken up before, parked ones apart.
func (in *inherited) known() []state.Parked {
	list := slices.Clone(in.resumed)
	for _, p := range in.plans {
		list = append(list, state.Parked{Plan: p.Plan, Source: p.Source, Destination: p.Destination, Was: &p})
	}
	return list
}

// acceptsStale reports whether a plan is followed with an edited mapping although nothing was copied since.
func (r *Replicator) acceptsStale(plan, table string) bool {
	mapping, _, _ := strings.Cut(plan, "/")
	return slices.ContainsFunc(r.opts.AcceptStale, func(name string) bool {
		return name == AllMappings || name == plan || name == mapping || name == table
	})
}

// refuseUnknown is for names among AcceptStale that nothing has.
func (r *Replicator) refuseUnknown(made []*flow) error {
	var wrong []error
	for _, name := range r.opts.AcceptStale {
		has := func(f *flow) bool {
			return name == string(f.plan.ID()) || name == f.plan.Name() || name == f.table.String()
		}
		if name != AllMappings && !slices.ContainsFunc(made, has) {
			wrong = append(wrong, &source.HintError{Err: fmt.Errorf("accept stale: there is no mapping and no table %q", name),
				Advice: "name mappings as meepo-replicate status shows them, or all"})
		}
	}
	return errors.Join(wrong...)
}

// admit decides at the start on a known plan whose mapping or table has changed. The error is for it to be parked, or
// for the run to end.
func (r *Replicator) admit(ctx context.Context, f *flow, in *inherited) error {
	if err := r.refuseOldIDs(ctx, f); err != nil {
		return err
	}
	before, known := in.plans[f.plan.ID()]
	if !known || before.Definition == "" {
		return nil
	}
	edited, d, err := r.plans.compare(ctx, f, before, in.tables)
	switch {
	case err != nil:
		return err
	case edited && !r.acceptsStale(before.Plan, before.Source):
		return d.refuseEdited(f, !r.jobs.any(f.plan.ID()) && before.Destination == f.plan.Destination().Name)
	case edited && before.Destination != f.plan.Destination().Name:
		if err := r.refuseEmpty(ctx, f, d); err != nil {
			return err
		}
		fallthrough
	case edited:
		in.stale[f.plan.ID()] = true
		if before.Destination != f.plan.Destination().Name {
			delete(r.plans.behind, f.plan.ID())
		}
		r.log.Warn("mapping was edited since its rows were copied, and nothing is copied again: documents stay as they are until their rows change",
			"mapping", f.plan.Name(), "table", f.table.String(), "changes", d.text())
		r.warnOfMarked(f, d.changes)
		return nil
	}
	if err := d.refusal(f); err != nil {
		return err
	}
	r.plans.sayGoesOn(f, d)
	return nil
}

// refuseEmpty keeps a mapping from being followed without a copy into another destination that holds nothing: the documents
// that are to stay as they are would be nowhere.
func (r *Replicator) refuseEmpty(ctx context.Context, f *flow, d decision) error {
	target, ok := r.opts.Target.(targets.Emptiness)
	if !ok {
		return nil
	}
	filled, err := r.plans.filled(ctx, target, f.plan.Destination().Name)
	if err != nil || len(filled) > 0 {
		return err
	}
	return d.refuseEdited(f, false)
}

// compare holds a flow against what the state knows of its plan: whether its mapping was edited so that documents become
// others, with all changes then, and otherwise what is to be done about those of the table.
func (p *plans) compare(ctx context.Context, f *flow, before state.Plan, tables map[source.Table]source.Columns) (edited bool, d decision, err error) {
	definition, err := mappings.ParseDefinition(before.Definition)
	if err != nil {
		return false, d, fmt.Errorf("%w: plan %s: %w", state.ErrCorrupt, before.Plan, err)
	}
	changes := mappings.Changes(definition, f.plan.Definition())
	if p.editMatters(ctx, f, before, definition, tables) {
		return true, decision{changes: changes}, nil
	}
	return false, p.decide(f.plan, changes), nil
}

// editMatters reports whether a mapping was edited so that documents become others: whether it makes others of the table
// as it was, too.
func (p *plans) editMatters(ctx context.Context, f *flow, before state.Plan, definition mappings.Definition, tables map[source.Table]source.Columns) bool {
	isEdit := func(c mappings.Change) bool { return c.Kind == mappings.MappingEdited }
	if before.Fingerprint == f.plan.Fingerprint() || !slices.ContainsFunc(mappings.Changes(definition, f.plan.Definition()), isEdit) {
		return false
	}
	if before.Fingerprint == "" && before.Destination == f.plan.Destination().Name {
		return false // its documents were to be made anew anyway
	}
	was := p.compileAs(ctx, f.plan.ID(), tables, definition.Table)
	return was == nil || was.Fingerprint() != before.Fingerprint // it may need what the table did not have
}

// refuseEdited says what was edited, and what there is to choose. Only what was copied whole can go on without a copy.
func (d decision) refuseEdited(f *flow, whole bool) error {
	name := f.plan.Name()
	edits := func(key string) bool {
		return slices.ContainsFunc(d.changes, func(c mappings.Change) bool { return c.Kind == mappings.MappingEdited && c.Name == key })
	}
	if edits("id") && !edits("to") {
		return &changed{err: fmt.Errorf("mapping %s has %w: %s", name, ErrChanged, d.text()), advice: adviceOnIDs(f), edited: true}
	}
	advice := fmt.Sprintf("meepo-replicate backfill %s copies it again, in place", ShellWord(name))
	if whole {
		advice += fmt.Sprintf("; or a start with --accept-stale %s follows it as it is now, and leaves documents as they are until their rows change", ShellWord(name))
	}
	if marked := ofMarked(f, d.changes); marked != "" {
		advice += "; " + marked
	}
	return &changed{err: fmt.Errorf("mapping %s has %w: %s", name, ErrChanged, d.text()), advice: advice, edited: true}
}

// ofMarked says what neither a copy nor a row's change makes anew: the documents whose rows are gone, where the mapping keeps those, so
// that a mask of today does not hide what they hold. There are none if the mapping has had its mark only since these changes.
func ofMarked(f *flow, changes []mappings.Change) string {
	dest := f.plan.Destination()
	isNew := func(c mappings.Change) bool { return c.Name == "on_delete.mark" && c.Before == "" }
	if dest.Mark == "" || slices.ContainsFunc(changes, isNew) {
		return ""
	}
	return fmt.Sprintf("documents that are marked keep the fields they had, masked by now or left out or not: delete those of %s that have %s, if that matters",
		dest.Name, dest.Mark)
}

// warnOfMarked is for whoever goes on with a mapping that was, or may have been, edited.
func (r *Replicator) warnOfMarked(f *flow, changes []mappings.Change) {
	if marked := ofMarked(f, changes); marked != "" {
		r.log.Warn(marked, "mapping", f.plan.Name(), "table", f.table.String())
	}
}

// parkedFor describes a known plan as it is parked at the start.
func (r *Replicator) parkedFor(f *flow, cause error, in *inherited) state.Parked {
	parked := f.parked()
	if before, known := r.former[f.plan.ID()]; known {
		parked.Was = &before
	}
	var c *changed
	if before, known := in.plans[f.plan.ID()]; known && errors.As(cause, &c) && c.edited {
		parked.Destination = before.Destination // a copy into that may be under way
		parked.Was, parked.Whole = &before, !r.jobs.any(f.plan.ID())
	}
	return parked
}

// takeUpKnown queues what a plan needs that the state knows.
func (r *Replicator) takeUpKnown(f *flow, in *inherited, change *state.Change) {
	id, record := f.plan.ID(), f.record()
	before := in.plans[id]
	var d decision
	ignored := false
	if definition, err := mappings.ParseDefinition(before.Definition); err == nil {
		d = r.plans.decide(f.plan, mappings.Changes(definition, f.plan.Definition()))
		ignored = r.ignores(recordFrom(definition, before.Fingerprint), f)
	}
	switch {
	case in.stale[id], ignored && before.Fingerprint != "":
		r.record(f, change)
	case before.Fingerprint != record.Fingerprint || d.remake:
		what := "table"
		if before.Definition == "" { // an earlier program did not say what it was made of
			what = "mapping or table"
		}
		r.log.Warn(what+" has changed since it was copied, it is copied again", "mapping", f.plan.Name(), "changes", d.text())
		r.warnOfMarked(f, nil)
		r.addJobs(f, change, "table changed", state.Backfill, state.Sweep)
	case before.Identity == "" || before.Definition != record.Definition:
		r.record(f, change)
	}
}
