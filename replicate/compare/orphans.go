package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// list looks through what the target holds, for documents that no row stands for.
func (c *comparison) list(ctx context.Context, plan *mappings.Plan) error {
	names, err := c.places(ctx, plan)
	if err != nil {
		return err
	}
	exists := plan.Selection()
	exists.Columns = nil // whether there is a row; whether the mapping takes it was asked when the rows were read
	most := c.tally.share(plan)
	for _, name := range names {
		if most, err = c.listOne(ctx, plan, name, exists, most); err != nil {
			return err
		}
	}
	c.tally.listedAll(plan.ID())
	return nil
}

// places are the destinations of a plan; where its rows are spread, those that there are.
func (c *comparison) places(ctx context.Context, plan *mappings.Plan) ([]string, error) {
	name := plan.Destination().Name
	if !plan.Spread() {
		return []string{name}, nil
	}
	lister, ok := c.opts.Target.(targets.Lister)
	if !ok {
		return nil, nil
	}
	names, err := lister.List(ctx, mappings.SpreadPrefix(name))
	names = slices.DeleteFunc(names, func(one string) bool { return !mappings.Spreads(name, one) })
	for _, one := range names {
		c.opts.Target.Know([]*targets.Destination{plan.DestinationNamed(one)})
	}
	return names, err
}

// listOne looks through one destination, at so many ids at most; negative: all. It returns how many are left.
func (c *comparison) listOne(ctx context.Context, plan *mappings.Plan, dest string, exists source.Selection, most int64) (int64, error) {
	var cursor targets.Cursor
	for most != 0 {
		ids, next, err := c.opts.Target.ScanIDs(ctx, dest, cursor, c.opts.Chunk)
		if errors.Is(err, targets.ErrReplaced) {
			return most, nil // it is not there, so it holds nothing
		}
		if errors.Is(err, targets.ErrCursor) && cursor != "" {
			c.tally.listAgain(plan.ID())
			cursor = ""
			continue
		}
		if err != nil {
			return most, err
		}
		if err := c.unrooted(ctx, plan, dest, exists, ids); err != nil {
			return most, err
		}
		if most > 0 {
			most = max(most-int64(len(ids)), 0)
		}
		if cursor = next; next == "" {
			break
		}
	}
	return most, nil
}

// unrooted finds the ids of a page that have no row.
func (c *comparison) unrooted(ctx context.Context, plan *mappings.Plan, dest string, exists source.Selection, ids []targets.ID) error {
	if err := c.limiter.WaitN(ctx, max(len(ids), 1)); err != nil {
		return err
	}
	var keys []source.Key
	for _, id := range ids {
		key, err := plan.KeyOf(id)
		if err != nil {
			continue
		}
		if of, err := plan.DestinationOf(key); err == nil && of.Name == dest {
			keys = append(keys, key)
		}
	}
	found := chunk{documents: int64(len(ids)), foreign: int64(len(ids) - len(keys))}
	var absent []source.Row
	if len(keys) > 0 {
		rows, err := c.opts.Source.ReadRows(ctx, c.fence, exists, keys)
		if err != nil {
			return fmt.Errorf("read %s: %w", plan.Table(), err)
		}
		for _, row := range rows {
			if !row.Found && row.Err == nil {
				absent = append(absent, row)
			}
		}
	}
	return c.look(ctx, plan, absent, found)
}
