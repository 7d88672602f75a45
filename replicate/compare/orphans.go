package compare

import (
	"context"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// list looks through what the target holds, for documents that no row stands for.
func (c *comparison) list(ctx context.Context, plan *mappings.Plan) error {
	exists := plan.Selection()
	exists.Columns = nil // whether there is a row; whether the mapping takes it was asked when the rows were read
	dest := plan.Destination().Name
	most := c.tally.share(plan)
	var cursor targets.Cursor
	for most != 0 {
		ids, next, err := c.opts.Target.ScanIDs(ctx, dest, cursor, c.opts.Chunk)
		if errors.Is(err, targets.ErrReplaced) {
			break // it is not there, so it holds nothing
		}
		if errors.Is(err, targets.ErrCursor) && cursor != "" {
			c.tally.listAgain(plan.ID())
			cursor = ""
			continue
		}
		if err != nil {
			return err
		}
		if err := c.unrooted(ctx, plan, exists, ids); err != nil {
			return err
		}
		if cursor = next; next == "" {
			break
		}
		most = max(most-int64(len(ids)), -1)
	}
	c.tally.listedAll(plan.ID())
	return nil
}

// unrooted finds the ids of a page that have no row.
func (c *comparison) unrooted(ctx context.Context, plan *mappings.Plan, exists source.Selection, ids []targets.ID) error {
	if err := c.limiter.WaitN(ctx, max(len(ids), 1)); err != nil {
		return err
	}
	var keys []source.Key
	for _, id := range ids {
		if key, err := plan.KeyOf(id); err == nil {
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
