package mappings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

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
// Names are unique among all mappings, whatever files they are from. The error holds everything that is wrong, see [Errors]; there are no plans then.
func Compile(mappings []Mapping, tables []source.Columns, rules Rules) (Compiled, error) {
	if len(mappings) == 0 {
		mappings = Default()
	}
	c := &compiler{rules: rules, destinations: map[string][]taken{}, tables: slices.SortedFunc(slices.Values(tables), func(a, b source.Columns) int {
		return cmp.Or(cmp.Compare(a.Table.Schema, b.Table.Schema), cmp.Compare(a.Table.Name, b.Table.Name))
	})}
	names := map[string]Place{}
	for _, mapping := range mappings {
		first, ok := names[mapping.Name.Value]
		if ok && mapping.Name.Value != "" {
			c.errors.add(mapping.Name.At, "", "two mappings are named %q, the first in %s:%d", mapping.Name.Value, first.File, first.Line)
			continue
		}
		names[mapping.Name.Value] = mapping.Name.At
		c.mapping(mapping)
	}
	c.named(names)
	c.shownElsewhere()
	c.meet()
	c.share()
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
	errors   problems
	warnings problems
	leftOut  map[source.Table]*Error
	// destinations are the plans that write to each.
	destinations map[string][]taken
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
	picks := c.picks(m, one.columns, missing)
	if len(picks) == 0 && len(missing.names) == 0 {
		c.unfit(one, "", fmt.Sprintf("mapping %q leaves no column of it", m.Name.Value))
		return nil
	}
	dest, spread, ok := c.destination(m, one)
	if !ok {
		return nil
	}
	plan, err := c.build(m, one.columns, dest, picks, missing)
	if errors.Is(err, errSaid) {
		return nil
	}
	if err != nil {
		c.unfit(one, "", err.Error())
		return nil
	}
	plan.spread = spread
	plan.id, plan.name = identity(m, one.columns.Table, dest)
	plan.define(m, one)
	return plan
}

// destination names where a table goes, or by what its rows are spread; false if there can be no such destination.
func (c *compiler) destination(m Mapping, one selected) (string, *spread, bool) {
	if m.To.Value == "" {
		dest := c.rules.destination(one.columns.Table)
		if problem := c.badDestination(dest); problem != "" {
			c.unfit(one, "name a destination with `to` in a mapping of its own", "its name cannot be a destination's: "+problem)
			return "", nil, false
		}
		return dest, nil, true
	}
	spread, dest, ok := c.spreadOf(m, one.columns)
	if !ok {
		return "", nil, false
	}
	shown := dest
	if spread != nil {
		shown = spread.example()
	}
	if problem := c.badDestination(shown); problem != "" {
		if !c.errors.has(m.To.At) {
			c.errors.add(m.To.At, "", "to %q: %s", dest, problem)
		}
		return "", nil, false
	}
	return dest, spread, true
}

// take lets a plan have its destination, if that can hold its fields.
func (c *compiler) take(m Mapping, one selected, plan *Plan) {
	if err := c.rules.fields(plan.dest.Fields); err != nil {
		c.unfit(one, "give the field another name or type with `fields` in a mapping, or leave it out with `exclude`", err.Error())
		return
	}
	c.destinations[plan.dest.Name] = append(c.destinations[plan.dest.Name], taken{m, one, plan})
	c.plans = append(c.plans, plan)
}

// identity names a plan for the state and for people. A mapping's name holds no slash, so that two pairs
// never have the same id.
func identity(m Mapping, table source.Table, dest string) (PlanID, string) {
	name := m.Name.Value
	if name == "" && m.To.Value == "" {
		return PlanID(table.String()), table.String()
	}
	name = cmp.Or(name, dest)
	return PlanID(name + "/" + table.String()), name
}

// named finds mappings without a name that are called as another one is: both would keep their progress under it.
func (c *compiler) named(names map[string]Place) {
	for _, plans := range c.destinations {
		for _, t := range plans {
			first, taken := names[t.plan.name]
			if t.m.Name.Value == "" && t.m.To.Value != "" && taken && !c.errors.has(t.m.To.At) {
				c.errors.add(t.m.To.At, "give it a `name` of its own", "a mapping without a name is called as its destination, and %q is a mapping in %s:%d", t.plan.name, first.File, first.Line)
			}
		}
	}
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

// DestinationNames are those that mappings name without their tables being known, and those of the tables that patterns name
// otherwise. What a name takes from the database or the table is left out unless the mapping names one table.
func DestinationNames(list []Mapping, patterns []source.Pattern, rules Rules) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range list {
		for _, from := range m.From {
			table, literal := from.Literal()
			switch t := m.To.template(); {
			case m.To.Value == "" && literal:
				add(rules.destination(table))
			case m.To.Value != "" && (literal || !t.names("db") && !t.names("table")):
				add(t.render(func(name string) string {
					if fixed, ok := tableName(name, table); ok {
						return fixed
					}
					return "{" + name + "}"
				}))
			}
		}
	}
	for _, p := range patterns {
		if table, literal := p.Literal(); literal && len(list) == 0 {
			add(rules.destination(table))
		}
	}
	return names
}
