package postgres

import (
	"maps"
	"slices"
	"sync"

	"github.com/meepo-replicate/meepo/source"
)

// descriptions are what callers know of tables. A stream's first look at definitions is compared with them: what has
// changed since a table was described would be taken for known otherwise, and nobody would be told.
type descriptions struct {
	mu       sync.Mutex
	tables   map[source.Table]description // described last
	patterns []source.Pattern             // that were listed last
	found    []source.Table               // by them, then
}

type description struct {
	oid   uint32
	shape shape
}

// listed notes what tables there are.
func (d *descriptions) listed(patterns []source.Pattern, found []source.Table) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.patterns, d.found = slices.Clone(patterns), slices.Clone(found)
}

// given notes the outcome of a description.
func (d *descriptions) given(t source.Table, def tableDef, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		delete(d.tables, t)
		return
	}
	d.tables[t] = description{def.oid, shape{table: t, rows: def.Incarnation, columns: def.shape}}
}

// before is what a look at the tables of patterns would have shown when they were described, where that is known. A table
// that came after they were listed was not there.
func (d *descriptions) before(now map[uint32]shape, patterns []source.Pattern) map[uint32]shape {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := maps.Clone(now)
	if slices.Equal(d.patterns, patterns) {
		maps.DeleteFunc(known, func(_ uint32, s shape) bool { return !slices.Contains(d.found, s.table) })
	}
	for t, was := range d.tables {
		if !slices.ContainsFunc(patterns, func(p source.Pattern) bool { return p.Match(t) }) {
			continue
		}
		maps.DeleteFunc(known, func(oid uint32, s shape) bool { return s.table == t && oid != was.oid })
		known[was.oid] = was.shape
	}
	return known
}
