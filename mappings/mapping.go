package mappings

import (
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// Mapping is one mapping as it was written, not yet compared with any table. What it says is part of the [Definition]
// of its plans, but for fields with the tag definition:"-"; one with definition:"secret" is there as a digest.
type Mapping struct {
	Name    Text             `definition:"-"`
	From    []From           `definition:"-"`
	Except  []source.Pattern `definition:"-"` // tables that From selects and that are not meant; no file can say this
	To      Text             // empty: the table's own destination
	Columns []Text           // in the document's order; nil: all but Exclude
	Exclude []Text           // nil where Columns is not
	Fields  []Field          // what is said of single columns

	Policies Policies `definition:"-"`
}

func (m Mapping) excepts(table source.Table) bool {
	return slices.ContainsFunc(m.Except, func(p source.Pattern) bool { return p.Match(table) })
}

// From is a pattern of tables with its place.
type From struct {
	source.Pattern
	At Place
}

// Field is what is said of one column.
type Field struct {
	Column Text
	To     Text // the field's name in the document; empty: the column's
}

// Text is a word of a mapping with its place.
type Text struct {
	Value string
	At    Place
}

// Default returns the mappings that stand for none: each table that a pattern selects goes with
// all its columns to a destination of its own. Without patterns they select every table.
func Default(patterns ...source.Pattern) []Mapping {
	if len(patterns) == 0 {
		patterns = []source.Pattern{{Schema: "*", Name: "*"}}
	}
	mapping := Mapping{}
	for _, pattern := range patterns {
		mapping.From = append(mapping.From, From{Pattern: pattern})
	}
	return []Mapping{mapping}
}

// Patterns returns the tables that the mappings are about: what to ask a catalog for, and to
// subscribe to.
func Patterns(mappings []Mapping) []source.Pattern {
	var patterns []source.Pattern
	seen := map[source.Pattern]bool{}
	for _, mapping := range mappings {
		for _, from := range mapping.From {
			if !seen[from.Pattern] {
				seen[from.Pattern] = true
				patterns = append(patterns, from.Pattern)
			}
		}
	}
	return patterns
}
