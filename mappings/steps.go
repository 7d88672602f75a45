package mappings

import (
	"fmt"

	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// step makes one field's value of a row: of a column, an expression or a fixed text; then, in this order, a date
// that is none is replaced, a wall clock gets its zone, the value is masked, and it gets the field's type.
type step struct {
	field    string
	at       int // the column's place in the row; -1: there is none
	program  *expressions.Program
	args     []int // the program's columns in the row
	fixed    func(key source.Key) (any, error)
	changes  []conversion
	becoming []string // a word for each of changes, for messages
}

// plain reports whether the column's value goes as it is.
func (s *step) plain() bool { return s.at >= 0 && len(s.changes) == 0 }

// value makes the field's value.
func (s *step) value(row source.Row) (any, error) {
	var value any
	switch {
	case s.program != nil:
		var err error
		if value, err = s.program.Run(picked(row.Values, s.args)); err != nil {
			return nil, fmt.Errorf("field %s: expr: %w", s.field, err)
		}
	case s.fixed != nil:
		var err error
		if value, err = s.fixed(row.Key); err != nil {
			return nil, fmt.Errorf("field %s: %w", s.field, err)
		}
	case s.at >= 0:
		value = row.Values[s.at]
	}
	for i, change := range s.changes {
		if value == nil {
			return nil, nil
		}
		var err error
		if value, err = change(value); err != nil {
			return nil, fmt.Errorf("field %s: %s: %w", s.field, s.becoming[i], err)
		}
	}
	return value, nil
}

func (s *step) then(word string, change conversion) {
	s.changes = append(s.changes, change)
	s.becoming = append(s.becoming, word)
}

// picked returns the values at some places.
func picked(values []source.Value, at []int) []source.Value {
	out := make([]source.Value, len(at))
	for i, n := range at {
		out[i] = values[n]
	}
	return out
}

// Origin is the column whose value a field of the destination begins with; false for a field that is computed.
func (p *Plan) Origin(field int) (source.Column, bool) {
	at := p.steps[field].at
	if at < 0 {
		return source.Column{}, false
	}
	return p.selection.Columns[at], true
}

// settled makes a float64 that holds a float32 the number that the column shows: 0.1, and not 0.10000000149011612.
func (s *step) settled(field *targets.Field) {
	if field.Kind != targets.KindFloat || field.Bits != 32 {
		return
	}
	s.then("type", func(value any) (any, error) {
		if v, ok := value.(float64); ok {
			return expressions.Single(v), nil
		}
		return value, nil
	})
}
