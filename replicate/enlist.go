package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// publish makes the log hold the changes of all selected tables, where the source has to be told of them. At a
// fresh start that comes before the position is chosen: from there on, the log is complete.
func (p *plans) publish(ctx context.Context) error {
	if p.enlister == nil {
		return nil
	}
	_, _, err := p.describeAll(ctx)
	return err
}

// enlist is publish for tables that were described; those that it adds to the log are described again. What
// cannot be followed anyway is left alone. Where tables were followed before, one that has come since and that may not be
// added is left out.
func (p *plans) enlist(ctx context.Context, tables map[source.Table]source.Columns, followed []string) error {
	if p.enlister == nil {
		return nil
	}
	var known, come []source.Table
	for _, t := range slices.SortedFunc(maps.Keys(tables), source.Table.Compare) {
		switch {
		case tables[t].Refused != "" || !p.selected(t):
		case slices.Contains(followed, t.String()):
			known = append(known, t)
		default:
			come = append(come, t)
		}
	}
	if len(known) == 0 {
		return p.add(ctx, tables, come)
	}
	if err := p.add(ctx, tables, known); err != nil {
		return err
	}
	for _, t := range come {
		err := p.add(ctx, tables, []source.Table{t})
		switch {
		case errors.Is(err, source.ErrDenied):
			p.sayDenied(t, err)
			delete(tables, t)
		case err != nil:
			return err
		}
	}
	return nil
}

// add has tables enlisted, and describes again those that were not yet.
func (p *plans) add(ctx context.Context, tables map[source.Table]source.Columns, names []source.Table) error {
	added, err := p.enlister.Enlist(ctx, names)
	if err != nil {
		return err
	}
	for _, t := range added {
		columns, err := p.catalog.Columns(ctx, p.fence(), t)
		switch {
		case errors.Is(err, source.ErrNoTable):
			delete(tables, t)
		case err != nil:
			return fmt.Errorf("describe %s: %w", t, err)
		default:
			tables[t] = columns
		}
	}
	return nil
}

// await waits until a copy of a table that begins now misses nothing that the log does not have either. That may take as
// long as the longest transaction of the source, so it is for whoever copies, not for whoever reads the log.
func (p *plans) await(ctx context.Context, t source.Table) error {
	if p.enlister == nil {
		return nil
	}
	return p.health.retry(ctx, func() error { return p.enlister.Await(ctx, t) })
}

// describeOne asks the catalog for a table, and makes the log hold it. Lost connections are waited out.
func (p *plans) describeOne(ctx context.Context, t source.Table) (columns source.Columns, err error) {
	err = p.health.retry(ctx, func() (err error) {
		columns, err = p.catalog.Columns(ctx, p.fence(), t)
		if err != nil {
			return err
		}
		described := map[source.Table]source.Columns{t: columns}
		if err = p.enlist(ctx, described, nil); err != nil {
			return err
		}
		var there bool
		if columns, there = described[t]; !there {
			return source.ErrNoTable
		}
		return nil
	})
	return columns, err
}
