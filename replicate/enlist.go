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

// enlist is publish for tables that were described. What cannot be followed anyway is left alone.
func (p *plans) enlist(ctx context.Context, tables map[source.Table]source.Columns) error {
	if p.enlister == nil {
		return nil
	}
	names := slices.SortedFunc(maps.Keys(tables), source.Table.Compare)
	names = slices.DeleteFunc(names, func(t source.Table) bool { return tables[t].Refused != "" || !p.selected(t) })
	return p.enlister.Enlist(ctx, names)
}

// enlistOne is enlist for a table that is new, or may have got a key. Lost connections are waited out. It reports
// false where the account may not do it: the table is left out then.
func (p *plans) enlistOne(ctx context.Context, columns source.Columns) (bool, error) {
	err := p.health.retry(ctx, func() error {
		return p.enlist(ctx, map[source.Table]source.Columns{columns.Table: columns})
	})
	switch {
	case errors.Is(err, source.ErrDenied):
		return false, p.denied(ctx, columns.Table, err)
	case err != nil:
		return false, fmt.Errorf("follow %s: %w", columns.Table, err)
	}
	return true, nil
}
