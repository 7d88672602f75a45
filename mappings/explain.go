package mappings

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Made says how a field of a document comes about.
type Made struct {
	Field string   `json:"field"`
	From  string   `json:"from"`            // "column total (decimal(12,2))", "expr total - tax", "the mark"
	Steps []string `json:"steps,omitempty"` // what changes the value, in order: zero_date, zone, mask, type
	As    string   `json:"as,omitempty"`    // the target's type that the mapping asks for
}

// Made lists the destination's fields, in order, with the rule that makes each.
func (p *Plan) Made() []Made {
	list := make([]Made, len(p.steps))
	for i := range p.steps {
		s, field := &p.steps[i], p.dest.Fields[i]
		made := Made{Field: field.Name, Steps: s.becoming, As: field.As}
		column, ofColumn := p.Origin(i)
		switch {
		case ofColumn:
			made.From = "column " + column.Name + " (" + column.Type.Native + ")"
		case field.Name == p.dest.Mark:
			made.From = "the mark of rows that are gone"
		case s.program != nil || s.fixed != nil:
			made.From = strings.TrimSuffix(field.Native, ", masked")
		default:
			made.From = "no column of this table: another one that shares the destination has it"
		}
		list[i] = made
	}
	return list
}

// Hidden reports whether a column's values are not to be shown: a field masks what it makes of it.
func (p *Plan) Hidden(column source.Column) bool {
	for i := range p.steps {
		masks := false
		for _, word := range p.steps[i].becoming {
			masks = masks || word == "mask"
		}
		if !masks {
			continue
		}
		if of, ok := p.Origin(i); ok && of.Name == column.Name {
			return true
		}
		for _, at := range p.steps[i].args {
			if p.selection.Columns[at].Name == column.Name {
				return true
			}
		}
	}
	return false
}

// Condition is the mapping's condition as it was written; empty: it has none.
func (p *Plan) Condition() string {
	for _, said := range p.definition.Mapping {
		if said.Key == "where" {
			return said.Text
		}
	}
	return ""
}
