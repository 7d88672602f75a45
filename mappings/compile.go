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
}

// Compile makes a plan of each mapping and each of its tables. No mappings are the same as
// [Default]. Tables are the catalog's descriptions of the tables to replicate, refused ones
// included: a table that a mapping names but that is not among them does not exist.
//
// Names are unique among all mappings, whatever files they are from, and at most one mapping has
// none. The error holds everything that is wrong, see [Errors]; there are no plans then.
func Compile(mappings []Mapping, tables []source.Columns) (Compiled, error) {
	if len(mappings) == 0 {
		mappings = Default()
	}
	c := &compiler{tables: slices.SortedFunc(slices.Values(tables), func(a, b source.Columns) int {
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
		return Compiled{Warnings: c.warnings}, err
	}
	slices.SortFunc(c.plans, func(a, b *Plan) int { return cmp.Compare(a.id, b.id) })
	return Compiled{Plans: c.plans, Warnings: c.warnings}, nil
}

type compiler struct {
	tables   []source.Columns
	plans    []*Plan
	takenBy  map[string]taken // by destination
	errors   problems
	warnings problems
}

// taken says which mapping sends which table to a destination.
type taken struct {
	mapping string
	table   source.Table
}

// selected is a table of a mapping and the pattern that has selected it.
type selected struct {
	columns source.Columns
	from    From
}

func (c *compiler) mapping(m Mapping) {
	list := c.selectTables(m)
	if m.To.Value != "" {
		if problem := badDestination(m.To.Value); problem != "" {
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
	for _, one := range list {
		c.table(m, one, missing)
	}
	missing.report(&c.errors)
}

// table makes the plan of one table of a mapping.
func (c *compiler) table(m Mapping, one selected, missing *missing) {
	table := one.columns.Table
	picks := c.picks(m, one.columns, missing)
	if len(picks) == 0 && len(missing.names) == 0 {
		c.errors.add(m.Name.At, "", "mapping %q leaves no column of table %s", m.Name.Value, table)
		return
	}
	dest := m.To.Value
	at := m.To.At
	if dest == "" {
		dest, at = strings.ToLower(table.String()), cmp.Or(m.Name.At, one.from.At)
		if problem := badDestination(dest); problem != "" {
			c.errors.add(at, "name a destination with `to`", "table %s: its name cannot be a destination's: %s", table, problem)
			return
		}
	}
	if other, ok := c.takenBy[dest]; ok {
		c.clash(at, dest, other, taken{m.Name.Value, table})
		return
	}
	if c.takenBy == nil {
		c.takenBy = map[string]taken{}
	}
	c.takenBy[dest] = taken{m.Name.Value, table}
	plan, err := newPlan(planID(m, table), cmp.Or(m.Name.Value, table.String()), one.columns, dest, picks)
	if err != nil {
		c.errors.add(one.from.At, "", "table %s: %v", table, err)
		return
	}
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
	for _, from := range m.From {
		_, literal := from.Literal()
		found := false
		for _, columns := range c.tables {
			if !from.Match(columns.Table) {
				continue
			}
			found = true
			switch {
			case has(columns.Table):
			case columns.Refused == "":
				list = append(list, selected{columns, from})
			case literal:
				c.errors.add(from.At, "", "table %s cannot be replicated: %s", columns.Table, columns.Refused)
			default:
				c.warnings.add(from.At, "", "table %s is left out: %s", columns.Table, columns.Refused)
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

// badDestination says what is wrong with a destination's name, for all targets alike, so that a
// mapping serves each of them.
func badDestination(name string) string {
	switch {
	case name != strings.ToLower(name):
		return "it has to be in lower case"
	case strings.ContainsAny(name, `\/*?"<>|,#:`) || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return `it must not hold spaces, control characters or any of : \ / * ? " < > | , #`
	case strings.ContainsAny(name[:1], "-_+."):
		return "it must not begin with - _ + or ."
	case len(name) > 200:
		return "it is longer than 200 bytes"
	}
	return ""
}
