package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// compiled makes the flows of tables. Where one fails to compile by itself, a mapping leaves it out, or it cannot share
// a destination with others, it is named, so that the others go on. The error is for what concerns them together. Parked
// plans have their flows among them.
func (p *plans) compiled(ctx context.Context, tables map[source.Table]source.Columns) ([]*flow, map[source.Table]unmapped, error) {
	without := map[source.Table]unmapped{}
	list := sorted(tables)
	compiled, err := p.apart(ctx, &list, without)
	if err != nil {
		before := len(list)
		list = slices.DeleteFunc(list, func(c source.Columns) bool {
			_, wrong := p.compile(ctx, []source.Columns{c})
			if wrong != nil {
				without[c.Table] = unmapped{cause: fmt.Errorf("table %s: %w", c.Table, wrong)}
			}
			return wrong != nil
		})
		if len(list) == before {
			return nil, nil, err
		}
		if compiled, err = p.apart(ctx, &list, without); err != nil {
			return nil, nil, err
		}
	}
	p.narrowed(ctx, compiled.Plans, except(tables, without))
	for table, why := range compiled.Unfit {
		without[table] = unmapped{cause: &source.HintError{Err: errors.New(why.Message), Advice: why.Hint}, said: true}
	}
	return p.flowsOf(compiled, tables), without, nil
}

// apart compiles tables, and takes out of the list those that cannot share a destination with others of it: of two, the
// one that came or changed later. Where no table was there before, nobody has had his way yet, and the conflict is an
// error for whoever starts the run.
func (p *plans) apart(ctx context.Context, list *[]source.Columns, without map[source.Table]unmapped) (mappings.Compiled, error) {
	compiled, err := p.compile(ctx, *list)
	if err == nil || !p.knowsAny() {
		return compiled, err
	}
	standing := p.standings(*list)
	for err != nil {
		out := map[source.Table]bool{}
		for _, wrong := range mappings.Errors(err) {
			if len(wrong.Between) != 2 || out[wrong.Between[0]] || out[wrong.Between[1]] {
				continue // with the one that goes out, the conflict may be gone
			}
			later := wrong.Between[1]
			if first := wrong.Between[0]; standing[first] > standing[later] {
				later = first
			}
			out[later] = true
			without[later] = unmapped{cause: fmt.Errorf("table %s: %w", later, wrong)}
		}
		if len(out) == 0 {
			return compiled, err
		}
		*list = slices.DeleteFunc(slices.Clone(*list), func(c source.Columns) bool { return out[c.Table] })
		compiled, err = p.compile(ctx, *list)
	}
	return compiled, nil
}

// except returns the tables that are not unmapped.
func except(tables map[source.Table]source.Columns, out map[source.Table]unmapped) map[source.Table]source.Columns {
	tables = maps.Clone(tables)
	maps.DeleteFunc(tables, func(t source.Table, _ source.Columns) bool { _, is := out[t]; return is })
	return tables
}

// knowsAny reports whether any plan was taken up before.
func (p *plans) knowsAny() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.accepted)+len(p.parked) > 0
}

// standing is how well a table keeps its place in a destination that it cannot share with another: the lower, the better.
type standing uint8

const (
	followed standing = iota // as it is
	altered                  // since it was taken up
	aside                    // its plan is parked
	unknown
)

// standings looks tables up.
func (p *plans) standings(list []source.Columns) map[source.Table]standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	stand := make(map[source.Table]standing, len(list))
	was := map[source.Table]source.Columns{}
	for _, table := range list {
		stand[table.Table] = unknown
	}
	for id, definition := range p.accepted {
		table := definition.Table
		was[table.Table] = table
		if !p.isParked(id) {
			stand[table.Table] = altered
		}
	}
	for _, parked := range p.parked {
		for _, table := range list {
			if table.Table.String() == parked.Source && stand[table.Table] == unknown {
				stand[table.Table] = aside
			}
		}
	}
	for _, table := range list {
		if stand[table.Table] == altered && (alike(table, was[table.Table]) || alike(table, p.tables[table.Table])) {
			stand[table.Table] = followed
		}
	}
	return stand
}

// alike reports whether two descriptions of a table differ in no more than the estimate of its rows.
func alike(a, b source.Columns) bool {
	a.Rows, b.Rows = 0, 0
	return reflect.DeepEqual(a, b) || mappings.Definition{Table: a}.Text() == mappings.Definition{Table: b}.Text()
}
