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
// cannot be followed anyway is left alone.
func (p *plans) enlist(ctx context.Context, tables map[source.Table]source.Columns) error {
	if p.enlister == nil {
		return nil
	}
	names := slices.SortedFunc(maps.Keys(tables), source.Table.Compare)
	names = slices.DeleteFunc(names, func(t source.Table) bool { return tables[t].Refused != "" || !p.selected(t) })
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

// describeOne asks the catalog for a table, and makes the log hold it. Lost connections are waited out.
func (p *plans) describeOne(ctx context.Context, t source.Table) (columns source.Columns, err error) {
	err = p.health.retry(ctx, func() (err error) {
		columns, err = p.catalog.Columns(ctx, p.fence(), t)
		if err != nil {
			return err
		}
		described := map[source.Table]source.Columns{t: columns}
		if err = p.enlist(ctx, described); err != nil {
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
