package replicate

import (
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// isGone reports whether the table of a plan that is not in force is not there any more.
func (p *plans) isGone(was state.Plan) bool {
	p.mu.Lock()
	parked := p.isParked(mappings.PlanID(was.Plan))
	p.mu.Unlock()
	return !parked && !slices.ContainsFunc(p.described(), func(t source.Table) bool { return t.String() == was.Source })
}

// sayKept tells of the documents of a table that is gone, or has another name. Where they stand among those of other
// tables, which may have the same rows now, somebody has to remove them: without the table no sweep does.
func (r *Replicator) sayKept(was state.Plan, mapping string) {
	shared := slices.ContainsFunc(r.plans.all(), func(f *flow) bool {
		return f.plan.Destination().Name == was.Destination && f.table.String() != was.Source
	})
	if !shared {
		r.log.Warn("table is gone, its documents are kept", "table", was.Source, "mapping", mapping)
		return
	}
	r.log.Warn("table is gone, its documents are kept among those of other tables; if its rows are in one of those now, each has two documents",
		"table", was.Source, "mapping", mapping, "destination", was.Destination, "fix", "remove the documents whose ids are "+idsOf(was))
}

// idsOf shows the ids of a plan's documents, with the names of key columns for their values.
func idsOf(was state.Plan) string {
	definition, err := mappings.ParseDefinition(was.Definition)
	if err != nil {
		return "those of " + was.Source // an earlier program did not say
	}
	table := definition.Table.Table
	return strings.NewReplacer("{db}", table.Schema, "{table}", table.Name).Replace(definition.ID())
}
