package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/targets"
)

// writtenAt says where the mappings were written, so that a finding about a destination or a field leads to its line.
type writtenAt struct {
	plans  []*mappings.Plan
	chosen *selection
	source sourceDriver // open as long as the report is made; nil: it cannot be reached
}

// mapping finds what was written for a plan; false where nobody wrote anything.
func (w writtenAt) mapping(plan *mappings.Plan) (mappings.Mapping, bool) {
	for _, m := range w.chosen.mappings {
		if m.Name.Value != plan.Name() {
			continue
		}
		for _, from := range m.From {
			if from.Match(plan.Table()) {
				return m, true
			}
		}
	}
	return mappings.Mapping{}, false
}

// destination is the place of `to`, or of the mapping that has none.
func (w writtenAt) destination(plan *mappings.Plan) mappings.Place {
	m, ok := w.mapping(plan)
	switch {
	case !ok:
		return mappings.Place{}
	case m.To.At.Line > 0:
		return m.To.At
	case len(m.From) > 0 && m.From[0].At.Line > 0:
		return m.From[0].At
	}
	return m.Name.At
}

// field is the place of what is said of a field; nowhere where nothing is.
func (w writtenAt) field(plan *mappings.Plan, name string) mappings.Place {
	m, _ := w.mapping(plan)
	for _, f := range m.Fields {
		if f.To.Value == name || f.To.Value == "" && f.Column.Value == name {
			return f.Column.At
		}
	}
	return mappings.Place{}
}

// find leads from the subject of a target's finding to the plan that it is about and, where it is about one, the field's name.
func (w writtenAt) find(subject string) (plan *mappings.Plan, field string) {
	for _, p := range w.plans {
		dest := p.Destination().Name
		if subject == dest {
			return p, ""
		}
		for _, f := range p.Destination().Fields {
			name, ok := strings.CutSuffix(subject, "."+f.Name)
			if ok && (name == dest || p.Spread() && mappings.Spreads(dest, name)) {
				return p, f.Name
			}
		}
		if p.Spread() && mappings.Spreads(dest, subject) {
			return p, ""
		}
	}
	return nil, ""
}

// place is where a target's finding leads to.
func (w writtenAt) place(subject string) mappings.Place {
	switch plan, field := w.find(subject); {
	case plan == nil:
		return mappings.Place{}
	case field != "":
		return w.field(plan, field)
	default:
		return w.destination(plan)
	}
}

// there are the destinations to look at: of plans whose rows are spread those that exist.
func (w writtenAt) there(ctx context.Context, dst targetDriver) ([]*targets.Destination, error) {
	var dests []*targets.Destination
	for _, p := range w.plans {
		names, err := namesThere(ctx, dst, p.Destination().Name)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			dest := *p.Destination()
			dest.Name = name
			dests = append(dests, &dest)
		}
	}
	return dests, nil
}

// namesThere are the destinations that exist of a name that is spread; any other is its own.
func namesThere(ctx context.Context, dst targetDriver, name string) ([]string, error) {
	if !mappings.IsSpread(name) {
		return []string{name}, nil
	}
	lister, ok := dst.(targets.Lister)
	if !ok {
		return nil, nil
	}
	names, err := lister.List(ctx, mappings.SpreadPrefix(name))
	return slices.DeleteFunc(names, func(one string) bool { return !mappings.Spreads(name, one) }), err
}

func (w writtenAt) destinations() []*targets.Destination {
	var dests []*targets.Destination
	for _, p := range w.plans {
		dests = append(dests, p.Destination())
	}
	return dests
}

// anotherName advises to write to another destination, at the place where it is named, or where a mapping has to say it.
func (w writtenAt) anotherName(plan *mappings.Plan) string {
	to := "to: " + plan.Destination().Name + "_v2"
	at := w.destination(plan)
	if at.Line > 0 {
		return fmt.Sprintf("%s (%s:%d:%d)", to, at.File, at.Line, at.Column)
	}
	return fmt.Sprintf("a mapping {from: %s, %s}", plan.Table(), to)
}
