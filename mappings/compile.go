package mappings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Compiled is what became of mappings.
type Compiled struct {
	Plans    []*Plan  // sorted by ID
	Warnings []*Error // tables left out, patterns that select nothing
	// Unfit are the tables of which a mapping that finds them by a glob makes no plan, each with a
	// warning that says why; nil if there are none.
	Unfit map[source.Table]*Error
}

// Compile makes a plan of each mapping and each of its tables. No mappings are the same as
// [Default]. Tables are the catalog's descriptions of the tables to replicate, refused ones
// included: a table that a mapping names but that is not among them does not exist.
//
// Rules say what the target cannot have. A table of which nothing can be made is an error if it is
// named, and left out with a warning if a glob has found it.
//
// Names are unique among all mappings, whatever files they are from, and at most one mapping has
// none. The error holds everything that is wrong, see [Errors]; there are no plans then.
func Compile(mappings []Mapping, tables []source.Columns, rules Rules) (Compiled, error) {
	if len(mappings) == 0 {
		mappings = Default()
	}
	c := &compiler{rules: rules, takenBy: map[string]taken{}, tables: slices.SortedFunc(slices.Values(tables), func(a, b source.Columns) int {
		return cmp.Or(cmp.Compare(a.Table.Schema, b.Table.Schema), cmp.Compare(a.Table.Name, b.Table.Name))
	})}
	names := map[string]Place{}
	for _, mapping := range mappings {
		if first, ok := names[mapping.Name.Value]; ok {
			c.errors.add(mapping.Name.At, "", "two mappings are named %q, the first in %s:%d", mapping.Name.Value, first.File, first.Line)
			continue
		}
		names[mapping.Name.Value] = mapping.Name.At
		c.mapping(mapping)
	}
	c.unmapped(mappings)
	c.warnings.sort()
	if err := c.errors.err(); err != nil {
		return Compiled{Warnings: c.warnings, Unfit: c.leftOut}, err
	}
	slices.SortFunc(c.plans, func(a, b *Plan) int { return cmp.Compare(a.id, b.id) })
	return Compiled{Plans: c.plans, Warnings: c.warnings, Unfit: c.leftOut}, nil
}

type compiler struct {
	rules    Rules
	tables   []source.Columns
	plans    []*Plan
	takenBy  map[string]taken // by destination
	errors   problems
	warnings problems
	leftOut  map[source.Table]*Error
}

// taken says which mapping sends which table to a destination.
type taken struct {
	mapping string
	table   source.Table
}

// selected is a table of a mapping and the pattern that has selected it: the one that names it, if
// there is one.
type selected struct {
	columns source.Columns
	from    From
}

// unfit says that nothing can be made of a table.
func (c *compiler) unfit(one selected, hint, reason string) {
	if _, named := one.from.Literal(); named {
		c.errors.add(one.from.At, hint, "table %s cannot be replicated: %s", one.columns.Table, reason)
		return
	}
	c.warnings.add(one.from.At, hint, "table %s is left out: %s", one.columns.Table, reason)
	if c.leftOut == nil {
		c.leftOut = map[source.Table]*Error{}
	}
	c.leftOut[one.columns.Table] = c.warnings[len(c.warnings)-1]
}

func (c *compiler) mapping(m Mapping) {
	list := c.selectTables(m)
	if m.To.Value != "" {
		if problem := c.badDestination(m.To.Value); problem != "" {
			c.errors.add(m.To.At, "", "to %q: %s", m.To.Value, problem)
			return
		}
		if len(list) > 1 {
			c.errors.add(m.To.At, "leave `to` out, so that each table gets a destination of its own",
				"to %q: %d tables would share one destination (%s), and rows of different tables may have the same id",
				m.To.Value, len(list), tableNames(list))
			return
		}
	}
	missing := newMissing(list)
	renamed := c.badNames(m)
	for _, one := range list {
		if plan := c.table(m, one, missing); plan != nil && !renamed {
			c.take(m, one, plan)
		}
	}
	missing.report(&c.errors)
}

// table makes the plan of one table of a mapping; nil if none can be made.
func (c *compiler) table(m Mapping, one selected, missing *missing) *Plan {
	table := one.columns.Table
	picks := c.picks(m, one.columns, missing)
	if len(picks) == 0 && len(missing.names) == 0 {
		c.unfit(one, "", fmt.Sprintf("mapping %q leaves no column of it", m.Name.Value))
		return nil
	}
	dest := m.To.Value
	if dest == "" {
		dest = c.rules.destination(table)
		if problem := c.badDestination(dest); problem != "" {
			c.unfit(one, "name a destination with `to` in a mapping of its own", "its name cannot be a destination's: "+problem)
			return nil
		}
	}
	plan, err := newPlan(planID(m, table), cmp.Or(m.Name.Value, table.String()), one.columns, dest, picks)
	if err != nil {
		c.unfit(one, "", err.Error())
		return nil
	}
	plan.define(m, one)
	return plan
}

// take lets a plan have its destination, if it can be one and is free.
func (c *compiler) take(m Mapping, one selected, plan *Plan) {
	if err := c.rules.fields(plan.dest.Fields); err != nil {
		c.unfit(one, "give the field another name with `fields` in a mapping, or leave it out with `exclude`", err.Error())
		return
	}
	mine := taken{m.Name.Value, plan.Table()}
	if other, ok := c.takenBy[plan.dest.Name]; ok {
		c.clash(cmp.Or(m.To.At, m.Name.At, one.from.At), plan.dest.Name, other, mine)
		return
	}
	c.takenBy[plan.dest.Name] = mine
	c.plans = append(c.plans, plan)
}

// planID: a mapping's name holds no slash, so that two pairs never have the same id.
func planID(m Mapping, table source.Table) PlanID {
	if m.Name.Value == "" {
		return PlanID(table.String())
	}
	return PlanID(m.Name.Value + "/" + table.String())
}

func (c *compiler) clash(at Place, dest string, a, b taken) {
	if a.table == b.table {
		c.errors.add(at, "give one of them another `to`",
			"destination %q: mappings %q and %q both send table %s there", dest, a.mapping, b.mapping, a.table)
		return
	}
	c.errors.add(at, "name another destination for one of them, with `to` in a mapping of its own",
		"destination %q: tables %s and %s would share it, and their rows may have the same ids", dest, a.table, b.table)
}

// selectTables returns the tables of a mapping, each once, and says what is wrong with its from.
func (c *compiler) selectTables(m Mapping) []selected {
	var list []selected
	has := func(table source.Table) bool {
		return slices.ContainsFunc(list, func(s selected) bool { return s.columns.Table == table })
	}
	for _, from := range namesFirst(m.From) {
		_, literal := from.Literal()
		found := false
		for _, columns := range c.tables {
			if !from.Match(columns.Table) {
				continue
			}
			found = true
			switch {
			case has(columns.Table) || m.excepts(columns.Table):
			case columns.Refused == "":
				list = append(list, selected{columns, from})
			default:
				c.unfit(selected{columns, from}, "", columns.Refused)
			}
		}
		switch {
		case found:
		case literal:
			c.errors.add(from.At, didYouMean(from.String(), c.tableNames()), "no such table: %s", from.Pattern)
		default:
			c.warnings.add(from.At, "", "no table matches %s", from.Pattern)
		}
	}
	return list
}

// namesFirst puts the tables that are named before the globs.
func namesFirst(list []From) []From {
	rank := func(from From) int {
		if _, literal := from.Literal(); literal {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b From) int { return rank(a) - rank(b) })
}

// unmapped warns of tables that were selected but that no mapping takes.
func (c *compiler) unmapped(mappings []Mapping) {
	patterns := Patterns(mappings)
	for _, columns := range c.tables {
		match := func(p source.Pattern) bool { return p.Match(columns.Table) }
		if !slices.ContainsFunc(patterns, match) {
			c.warnings.add(Place{}, "", "table %s is not replicated: no mapping is about it", columns.Table)
		}
	}
}

func (c *compiler) tableNames() []string {
	names := make([]string, len(c.tables))
	for i, columns := range c.tables {
		names[i] = columns.Table.String()
	}
	return names
}

// tableNames names the first of them.
func tableNames(list []selected) string {
	var names []string
	for i, one := range list {
		if i == 3 {
			names = append(names, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		names = append(names, one.columns.Table.String())
	}
	return strings.Join(names, ", ")
}
