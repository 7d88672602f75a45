package mappings

import (
	"maps"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// shownElsewhere warns where one mapping hides columns of a table and another one, which finds the table by a glob, shows
// them: whoever wrote the first may think that they are hidden.
func (c *compiler) shownElsewhere() {
	all := slices.Concat(slices.Collect(maps.Values(c.destinations))...)
	slices.SortFunc(all, func(a, b taken) int { return strings.Compare(string(a.plan.id), string(b.plan.id)) })
	of := map[source.Table][]taken{}
	for _, t := range all {
		of[t.plan.Table()] = append(of[t.plan.Table()], t)
	}
	for _, mine := range all {
		for _, other := range of[mine.plan.Table()] {
			c.showsMore(mine, other)
		}
	}
}

// showsMore warns of what a plan shows that a glob has made, and another one hides.
func (c *compiler) showsMore(mine, other taken) {
	if _, named := other.one.from.Literal(); named || other.plan == mine.plan || c.warnings.has(other.one.from.At) {
		return
	}
	hidden := slices.DeleteFunc(columnNames(mine.one.columns.Columns), func(name string) bool { return mine.plan.shows(name) || !other.plan.shows(name) })
	if len(hidden) > 0 {
		c.warnings.add(other.one.from.At, "take the table out of the pattern, if that was not meant",
			"table %s goes to %q as well, by this pattern, with what mapping %q leaves out or masks: %s",
			mine.plan.Table(), other.plan.dest.Name, mine.plan.name, strings.Join(hidden, ", "))
	}
}

// shows reports whether a document shows the column as it is.
func (p *Plan) shows(column string) bool {
	is := func(at int) bool { return p.selection.Columns[at].Name == column }
	return slices.ContainsFunc(p.steps, func(s step) bool {
		return s.at >= 0 && is(s.at) && !slices.Contains(s.becoming, "mask")
	}) || slices.ContainsFunc(p.selection.Key, func(k source.Column) bool { return k.Name == column })
}
