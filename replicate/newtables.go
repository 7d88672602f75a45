package replicate

import (
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// takesNoNew reports whether a plan's table is none that its mapping takes if it comes later.
func takesNoNew(plan *mappings.Plan) bool {
	return plan.Policies().NewTables == mappings.NewIgnore && plan.ByGlob()
}

// leaveOut returns the flows without those of tables that came under a mapping that takes no new ones. What was left out
// once stays out, until it is gone, or its mapping takes it.
func (r *Replicator) leaveOut(made []*flow, in *inherited) []*flow {
	for id := range in.leftOut {
		if !has(made, id) {
			r.saver.note(state.Change{TakeIn: []string{string(id)}})
		}
	}
	known := map[string]bool{} // mappings that have been here before
	seen := map[mappings.PlanID]bool{}
	note := func(id mappings.PlanID) {
		seen[id], known[mappingOf(id)] = true, true
	}
	for _, p := range in.known() {
		note(mappings.PlanID(p.Plan))
	}
	for id := range r.plans.parked {
		note(id)
	}
	for id := range in.leftOut {
		known[mappingOf(id)] = true
	}
	return slices.DeleteFunc(slices.Clone(made), func(f *flow) bool {
		id := f.plan.ID()
		if !takesNoNew(f.plan) || seen[id] || !known[mappingOf(id)] {
			if in.leftOut[id] {
				r.saver.note(state.Change{TakeIn: []string{string(id)}})
			}
			return false
		}
		r.plans.noteLeftOut(f)
		return true
	})
}

func mappingOf(id mappings.PlanID) string {
	mapping, _, _ := strings.Cut(string(id), "/")
	return mapping
}

// leavesOut reports whether a flow is of a table that has come during the run under a mapping that takes no new ones.
// Tables are those that were there before.
func (p *plans) leavesOut(f *flow, tables map[source.Table]source.Columns) bool {
	if !takesNoNew(f.plan) {
		return false
	}
	p.mu.Lock()
	_, there := tables[f.table]
	_, accepted := p.accepted[f.plan.ID()]
	out := p.leftOut[f.plan.ID()]
	p.mu.Unlock()
	if !out && (there || accepted) {
		return false
	}
	p.noteLeftOut(f)
	return true
}

// forgetDefinitions forgets what plans of a table were made of: another one comes under its name.
func (p *plans) forgetDefinitions(table source.Table) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, definition := range p.accepted {
		if definition.Table.Table == table && p.flows[id] == nil {
			delete(p.accepted, id)
		}
	}
}

// noteLeftOut remembers, here and in the state, that a table is left out, and says so the first time.
func (p *plans) noteLeftOut(f *flow) {
	id := f.plan.ID()
	p.mu.Lock()
	was := p.leftOut[id]
	p.leftOut[id] = true
	p.mu.Unlock()
	if !was {
		p.log.Info("table is left out: it came later, and its mapping takes no new tables", "table", f.table.String(), "mapping", f.plan.Name())
		p.out(id)
	}
}
