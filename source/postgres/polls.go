package postgres

import (
	"context"
	"log/slog"
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
	last     time.Time

	known shapes
	base  shapes // known, of which all events were handed out
}

// shapes are the tables by their numbers, as a look has found them.
type shapes struct {
	of   map[uint32]shape
	told bool // the log told of definitions then
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
func (p *polls) begin(ctx context.Context) error {
	p.known = p.base
	p.last = time.Now()
	if p.base.of == nil {
		now, err := p.shapes(ctx)
		if err != nil {
			return err
		}
		p.known = shapes{p.src.descriptions.before(now.of, p.patterns), now.told}
		p.base = p.known
		if !maps.Equal(p.known.of, now.of) {
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

// shapes looks at all tables that were asked for. Whether the log tells of definitions is asked each time: triggers come
// and go under a stream.
func (p *polls) shapes(ctx context.Context) (shapes, error) {
	told, err := p.src.hasTriggers(ctx, p.src.pool)
	if err != nil {
		return shapes{}, err
	}
	return p.shapesAs(ctx, told)
}

// shapesAs looks at what is left to look at where the log tells of definitions, or where it does not.
func (p *polls) shapesAs(ctx context.Context, told bool) (shapes, error) {
	names, err := selectTables(ctx, p.src.pool, p.patterns)
	if err != nil {
		return shapes{}, err
	}
	rows, err := p.src.pool.Query(ctx, p.src.shapesQuery(told), slices.Collect(maps.Keys(names)))
	if err != nil {
		return shapes{}, err
	}
	found := make(map[uint32]shape, len(names))
	var oid uint32
	var s shape
	_, err = pgx.ForEachRow(rows, []any{&oid, &s.rows, &s.columns}, func() error {
		s.table = names[oid]
		found[oid] = s
		return nil
	})
	return shapes{found, told}, err
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
	if now.told != p.known.told {
		p.src.log.WarnContext(ctx, "triggers that tell of definitions have come or gone: all tables are copied anew", slog.Bool("there", now.told))
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

// changes are the events between two looks. If triggers came or went in between, their texts of what else changes rows
// differ, so that each table has a gap: what was changed meanwhile may have been told by nobody.
func (p *polls) changes(now shapes) []source.Event {
	told := p.known.told && now.told
	var gone, moved, come, other []source.Event
	for _, oid := range slices.Sorted(maps.Keys(p.known.of)) {
		before := p.known.of[oid]
		after, there := now.of[oid]
		switch {
		case !there:
			gone = append(gone, source.Event{Action: source.Drop, Table: before.table})
		case after.table != before.table:
			moved = append(moved, source.Event{Action: source.Rename, Table: before.table, To: after.table})
		}
		if there && after.rows != before.rows {
			other = append(other, source.Event{Action: source.Gap, Table: after.table})
		} else if there && after.columns != before.columns && !told {
			other = append(other, source.Event{Action: source.Alter, Table: after.table})
		}
	}
	for _, oid := range slices.Sorted(maps.Keys(now.of)) {
		if _, was := p.known.of[oid]; !was {
			come = append(come, source.Event{Action: source.Create, Table: now.of[oid].table})
		}
	}
	if told {
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
