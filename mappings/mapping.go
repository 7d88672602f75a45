package mappings

import (
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// Mapping is one mapping as it was written, not yet compared with any table. What it says is part of the [Definition]
// of its plans, by the language's keys, but for fields with the tag definition:"-". One with "secret" is there as a digest, one
// with "+" under the key that it is in, and any other tag is the key.
type Mapping struct {
	Name    Text             `definition:"-"` // empty: its destination's
	From    []From           `definition:"-"`
	Except  []source.Pattern `definition:"-"` // tables that From selects and that are not meant; no file can say this
	To      Text             // a template; empty: the table's own destination
	ID      Text             // a template; empty: the key's columns
	Where   Text             // an expression; empty: every row
	Columns []Text           // in the document's order; nil: all but Exclude
	Exclude []Text           // nil where Columns is not
	Fields  []Field          // what is said of single columns
	Mark    Text             `definition:"on_delete.mark"` // the field that says since when a row is gone; empty: its document goes, too
	Blocks  []Block          `definition:"+"`              // what is said for one target alone

	Adopt    bool     `definition:"-"` // what its destinations hold already is compared and mended
	Policies Policies `definition:"-"`
}

func (m Mapping) excepts(table source.Table) bool {
	return slices.ContainsFunc(m.Except, func(p source.Pattern) bool { return p.Match(table) })
}

// place is where a mapping stands.
func (m Mapping) place() Place {
	if m.Name.Value == "" && len(m.From) > 0 {
		return m.From[0].At
	}
	return m.Name.At
}

// From is a pattern of tables with its place.
type From struct {
	source.Pattern
	At Place
}

// Field is what is said of one column, or of a field that is none. Empty texts are not said.
type Field struct {
	Column   Text
	To       Text // the field's name in the document; empty: the column's
	Type     Text
	Scale    int // of Type; 0: not said
	ZeroDate Text
	Zone     Text
	Mask     Text
	Key      Text `definition:"secret"` // of Mask
	Value    Text // a template
	Expr     Text // an expression
}

// Block is what a mapping says for one target alone.
type Block struct {
	Target   Text
	Settings []Setting `definition:"+"`
}

// Setting is one option of a block. Value is a string, bool, int64, float64, []any or map[string]any.
type Setting struct {
	Name  Text
	Value any   `definition:"+"`
	At    Place // of the value
}

// Text is a word of a mapping with its place.
type Text struct {
	Value string
	At    Place
}

// inside is the place of some characters in a text; the text's own where it is not written as it reads.
func (t Text) inside(offset, width int) Place {
	line := []rune(t.At.Text)
	from := t.At.Column - 1
	if from >= 0 && from < len(line) && (line[from] == '"' || line[from] == '\'') {
		from++
	}
	value := []rune(t.Value)
	if from < 0 || from+len(value) > len(line) || string(line[from:from+len(value)]) != t.Value {
		return t.At
	}
	at := t.At
	at.Column, at.Width = from+offset+1, min(width, len(value)-offset)
	return at
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
