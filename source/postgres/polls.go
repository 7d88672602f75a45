package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// polls looks at the definitions of tables now and then. Where the log tells of them, all that is left to look
// for is the partition that was truncated by its own name, which a log by the names of roots passes over.
type polls struct {
	src      *Source
	patterns []source.Pattern
	told     bool // the log tells of definitions
	last     time.Time

	known map[uint32]shape
	base  map[uint32]shape // known, of which all events were handed out
}

// shape is what is looked at of a table.
type shape struct {
	table   source.Table
	rows    string // Columns.Incarnation
	columns string
}

// querier is a pool, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func newPolls(s *Source, subs []source.Subscription) *polls {
	p := &polls{src: s, last: time.Now()}
	for _, sub := range subs {
		p.patterns = append(p.patterns, sub.Tables)
	}
	return p
}

// wait is how long until the next look.
func (p *polls) wait() time.Duration { return time.Until(p.last.Add(p.src.cfg.PollEvery)) }

// begin looks for the first time, or goes on from what was handed out before.
func (p *polls) begin(ctx context.Context) (err error) {
	if p.told, err = p.src.hasTriggers(ctx, p.src.pool); err != nil {
		return err
	}
	p.known = p.base
	p.last = time.Now()
	if p.base == nil {
		now, err := p.shapes(ctx)
		if err != nil {
			return err
		}
		p.known = p.src.descriptions.before(now, p.patterns)
		p.base = p.known
		if !maps.Equal(p.known, now) {
			p.last = time.Time{} // the first look is due
		}
	}
	return nil
}

// sqlDefinition is what the catalog says of columns and keys of a table c.
const sqlDefinition = `md5(c.relreplident::text || coalesce((SELECT string_agg(concat_ws('/', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated), ',' ORDER BY a.attnum)
 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') ||
 coalesce((SELECT string_agg(i.indkey::text, ',' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident)), '') ||
 coalesce((SELECT string_agg(concat_ws('/', l.oid, l.relkind, l.relpersistence, l.relreplident, (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = l.oid AND i.indisreplident)), ',' ORDER BY l.oid)
  FROM pg_class l WHERE c.relkind = 'p' AND l.oid IN ` + sqlTree + `), ''))`

// sqlShapes: what a row of the log depends on.
const sqlShapes = `SELECT c.oid, %s, ` + sqlDefinition + ` FROM pg_class c WHERE c.oid = ANY($1)`

// shapes looks at all tables that were asked for.
func (p *polls) shapes(ctx context.Context) (map[uint32]shape, error) {
	names, err := selectTables(ctx, p.src.pool, p.patterns)
	if err != nil {
		return nil, err
	}
	rows, err := p.src.pool.Query(ctx, p.src.shapesQuery(p.told), slices.Collect(maps.Keys(names)))
	if err != nil {
		return nil, err
	}
	found := make(map[uint32]shape, len(names))
	var oid uint32
	var s shape
	_, err = pgx.ForEachRow(rows, []any{&oid, &s.rows, &s.columns}, func() error {
		s.table = names[oid]
		found[oid] = s
		return nil
	})
	return found, err
}

// look looks at the definitions if it is time.
func (d *decoder) look(ctx context.Context) error {
	p := d.polls
	if p.wait() > 0 {
		return nil
	}
	now, err := p.shapes(ctx)
	if err != nil {
		return err
	}
	for _, e := range p.changes(now) {
		d.add(e)
		d.polled = len(d.events)
	}
	for _, rel := range d.tables {
		if rel.skipped && rel.missed {
			if err := d.revive(ctx, rel); err != nil {
				return err
			}
		}
	}
	if !d.inside {
		d.whole = len(d.events)
	}
	p.known, p.last = now, time.Now()
	if d.polled == 0 {
		p.base = p.known
	}
	return nil
}

// changes are the events between two looks.
func (p *polls) changes(now map[uint32]shape) []source.Event {
	var gone, moved, come, other []source.Event
	for _, oid := range slices.Sorted(maps.Keys(p.known)) {
		before := p.known[oid]
		after, there := now[oid]
		switch {
		case !there:
			gone = append(gone, source.Event{Action: source.Drop, Table: before.table})
		case after.table != before.table:
			moved = append(moved, source.Event{Action: source.Rename, Table: before.table, To: after.table})
		}
		if there && after.rows != before.rows {
			other = append(other, source.Event{Action: source.Gap, Table: after.table})
		} else if there && after.columns != before.columns && !p.told {
			other = append(other, source.Event{Action: source.Alter, Table: after.table})
		}
	}
	for _, oid := range slices.Sorted(maps.Keys(now)) {
		if _, was := p.known[oid]; !was {
			come = append(come, source.Event{Action: source.Create, Table: now[oid].table})
		}
	}
	if p.told {
		return other
	}
	if taken := func(a source.Event) bool {
		return slices.ContainsFunc(moved, func(b source.Event) bool { return a.Table == b.To })
	}; slices.ContainsFunc(moved, taken) {
		// One has the name that another had. In which order they were renamed is not known, and need not be.
		for _, e := range moved {
			gone = append(gone, source.Event{Action: source.Drop, Table: e.Table})
			come = append(come, source.Event{Action: source.Create, Table: e.To})
		}
		moved = nil
	}
	return slices.Concat(gone, moved, come, other)
}
