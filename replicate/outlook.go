package replicate

import (
	"context"
	"log/slog"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// Outlook is what the next start does about a plan whose mapping or table has changed since it was copied.
type Outlook struct {
	Plan    string
	Changes string
	Policy  mappings.Policy // what is done about the table; empty: the mapping was edited
	// Refused is why the plan is parked, or the run ends; nil if it goes on.
	Refused error
}

// LookAhead tells of all plans that a state knows and that have changed since, without starting anything.
func LookAhead(ctx context.Context, snap state.Snapshot, compile CompileFunc, tables []source.Columns, onSchemaChange string) ([]Outlook, error) {
	p := &plans{compile: compile, fallback: onSchemaChange, log: slog.New(slog.DiscardHandler),
		warned: map[string]bool{}, accepted: map[mappings.PlanID]mappings.Definition{}}
	known := map[mappings.PlanID]state.Plan{}
	for _, plan := range snap.Plans {
		if definition, err := mappings.ParseDefinition(plan.Definition); err == nil {
			known[mappings.PlanID(plan.Plan)], p.accepted[mappings.PlanID(plan.Plan)] = plan, definition
		}
	}
	described := make(map[source.Table]source.Columns, len(tables))
	for _, table := range tables {
		described[table.Table] = table
	}
	flows, _, err := p.compiled(ctx, described)
	if err != nil {
		return nil, err
	}
	var list []Outlook
	jobs := newJobs(snap)
	for _, f := range flows {
		before, is := known[f.plan.ID()]
		if !is {
			continue
		}
		edited, d, err := p.compare(ctx, f, before, described)
		if err != nil {
			return nil, err
		}
		refused := d.refusal(f)
		if edited {
			refused = d.refuseEdited(f, !jobs.any(f.plan.ID()))
		}
		if edited || d.policy != "" {
			list = append(list, Outlook{Plan: before.Plan, Changes: d.text(), Policy: d.policy, Refused: refused})
		}
	}
	return list, nil
}
