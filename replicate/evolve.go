package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// ErrChanged: what a plan's documents are made of has changed in a way that somebody has to decide on.
var ErrChanged = errors.New("changed since it was copied")

// SchemaAuto is what to do about changes of a table's definition where nothing else is said: evolve where nothing can be
// lost, otherwise park.
const SchemaAuto = "auto"

// changed is a change that a policy does not let pass.
type changed struct {
	err    error
	advice string
	stop   bool // the run ends; otherwise the plan is parked
	edited bool // it is the mapping that has changed
}

// Error says what has changed.
func (c *changed) Error() string { return c.err.Error() }

// Hint says what to do about it.
func (c *changed) Hint() string { return c.advice }

// Unwrap returns the cause, an ErrChanged.
func (c *changed) Unwrap() error { return c.err }

// decision is what becomes of a plan whose table has changed.
type decision struct {
	policy  mappings.Policy // the strictest that concerns one of the changes; empty: there are none
	remake  bool            // the target may hold what is of no use any more, so it is copied and swept
	changes []mappings.Change
}

// strictness orders the policies.
var strictness = []mappings.Policy{"", mappings.Ignore, mappings.Evolve, mappings.Park, mappings.Stop}

// decide looks at the changes of a plan's table. What was edited in its mapping is not for policies.
func (p *plans) decide(plan *mappings.Plan, changes []mappings.Change) decision {
	var d decision
	for _, change := range changes {
		if change.Kind == mappings.MappingEdited {
			continue
		}
		d.changes = append(d.changes, change)
		policy := p.policyOf(plan, change)
		if slices.Index(strictness, policy) > slices.Index(strictness, d.policy) {
			d.policy = policy
		}
		if policy == mappings.Evolve && (change.Kind == mappings.KeyChanged || !change.Lossless) {
			d.remake = true
		}
	}
	return d
}

// policyOf is what is to be done about one change. Documents of another key have other ids, so that nothing can go on
// beside the old ones.
func (p *plans) policyOf(plan *mappings.Plan, change mappings.Change) mappings.Policy {
	said := plan.Policies().Other
	if change.Kind == mappings.ColumnAdded {
		said = plan.Policies().Add
	}
	if said == "" && p.fallback != SchemaAuto {
		said = mappings.Policy(p.fallback)
	}
	switch {
	case said == mappings.Ignore && change.Kind == mappings.KeyChanged:
		return mappings.Evolve
	case said != "":
		return said
	case change.Lossless:
		return mappings.Evolve
	}
	return mappings.Park
}

// refusal is the error of a plan that is not to go on with its changes; nil if it is.
func (d decision) refusal(f *flow) error {
	if d.policy != mappings.Park && d.policy != mappings.Stop {
		return nil
	}
	c := &changed{stop: d.policy == mappings.Stop,
		err:    fmt.Errorf("table %s has %w: %s", f.table, ErrChanged, d.text()),
		advice: fmt.Sprintf("meepo-replicate resume %s takes it as it is now and copies it again", ShellWord(string(f.plan.ID())))}
	if c.stop {
		c.err = fmt.Errorf("mapping %s: %w, and on_schema_change is stop", f.plan.Name(), c.err)
		c.advice += ": ask for that, and start again"
	}
	return c
}

func (d decision) text() string {
	texts := make([]string, len(d.changes))
	for i, change := range d.changes {
		texts[i] = change.String()
	}
	return strings.Join(texts, "; ")
}

// decideOf decides on a flow against what its plan was last in force with.
func (p *plans) decideOf(f *flow) decision {
	p.mu.Lock()
	before, known := p.accepted[f.plan.ID()]
	p.mu.Unlock()
	if !known {
		return decision{}
	}
	return p.decide(f.plan, mappings.Changes(before, f.plan.Definition()))
}

// sayGoesOn tells of a changed table whose plan goes on.
func (p *plans) sayGoesOn(f *flow, d decision) {
	if d.policy != "" {
		p.log.Info("table has changed, and its mapping goes on", "mapping", f.plan.Name(), "table", f.table.String(),
			"on_schema_change", string(d.policy), "changes", d.text())
	}
}

// narrowed compiles plans without the columns that came after they were taken up, where that is their policy.
func (p *plans) narrowed(ctx context.Context, compiled []*mappings.Plan, tables map[source.Table]source.Columns) {
	for i, plan := range compiled {
		out := p.stayOut(plan)
		if len(out) == 0 {
			continue
		}
		narrow := p.compileAs(ctx, plan.ID(), tables, without(tables[plan.Table()], out))
		if narrow == nil {
			continue // its mapping has been edited, and names them
		}
		compiled[i] = narrow.LeavingOut(out)
		p.sayOnce("columns that were added are left out, as on_schema_change says, until the mapping is copied again: "+
			strings.Join(out, ", "), plan.Name())
	}
}

// compileAs makes a plan as if its table were another; nil if none can be made.
func (p *plans) compileAs(ctx context.Context, id mappings.PlanID, tables map[source.Table]source.Columns, as source.Columns) *mappings.Plan {
	tables = maps.Clone(tables)
	tables[as.Table] = as
	compiled, err := p.compile(ctx, sorted(tables))
	at := slices.IndexFunc(compiled.Plans, func(plan *mappings.Plan) bool { return plan.ID() == id })
	if err != nil || at < 0 {
		return nil
	}
	return compiled.Plans[at]
}

// stayOut names the columns that a plan does not take.
func (p *plans) stayOut(plan *mappings.Plan) []string {
	p.mu.Lock()
	before, known := p.accepted[plan.ID()]
	p.mu.Unlock()
	if !known {
		return nil
	}
	var out []string
	for _, change := range mappings.Changes(before, plan.Definition()) {
		isKey := func(c source.Column) bool { return c.Name == change.Name }
		if change.Kind == mappings.ColumnAdded && p.policyOf(plan, change) == mappings.Ignore && !slices.ContainsFunc(plan.Selection().Key, isKey) {
			out = append(out, change.Name)
		}
	}
	return out
}

// sayOnce logs what is found again whenever plans are compiled.
func (p *plans) sayOnce(text, mapping string) {
	p.mu.Lock()
	said := p.warned[mapping+text]
	p.warned[mapping+text] = true
	p.mu.Unlock()
	if !said {
		p.log.Warn(text, "mapping", mapping)
	}
}

// without describes a table as if it did not have some columns, of which none is in its key.
func without(table source.Columns, names []string) source.Columns {
	all := table.Columns
	key := table.KeyColumns()
	table.Columns = slices.DeleteFunc(slices.Clone(all), func(c source.Column) bool { return slices.Contains(names, c.Name) })
	table.Key = nil
	for _, column := range key {
		table.Key = append(table.Key, slices.IndexFunc(table.Columns, func(c source.Column) bool { return c.Name == column.Name }))
	}
	return table
}
