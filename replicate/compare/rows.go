package compare

import (
	"context"
	"fmt"
	"reflect"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// look is a key as it was when it was looked at.
type look struct {
	key    source.Key
	row    bool       // there is one
	op     targets.Op // what should be written for it
	stored targets.Compared
	failed string // why there is no op; empty: there is one
}

// fine reports whether there is nothing to be done.
func (l look) fine() bool { return l.failed == "" && l.stored.Change == targets.Same }

// still reports whether row and document are what they were at another look.
func (l look) still(other look) bool {
	return l.row == other.row && l.failed == other.failed && l.op.Verb == other.op.Verb &&
		reflect.DeepEqual(l.stored, other.stored) && (l.op.Verb != targets.Upsert || reflect.DeepEqual(l.op.Doc, other.op.Doc))
}

// lookVersion is that of ops that are never written.
const lookVersion = 1

// compareRows maps rows and holds them against the target, in their order.
func compareRows(ctx context.Context, target Target, plan *mappings.Plan, rows []source.Row) ([]look, error) {
	looks := make([]look, len(rows))
	ops := make([]targets.Op, 0, len(rows))
	at := make([]int, 0, len(rows)) // which look an op is of
	for i, row := range rows {
		looks[i] = look{key: row.Key, row: row.Found || row.Err != nil}
		before := len(ops)
		var err error
		if ops, err = plan.Ops(ops, row, lookVersion); err != nil {
			looks[i].failed = err.Error()
			continue
		}
		if len(ops) > before {
			looks[i].op = ops[before]
			at = append(at, i)
		}
	}
	if len(ops) == 0 {
		return looks, nil
	}
	stored, err := target.Compare(ctx, ops)
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		looks[i].stored = stored[n]
	}
	return looks, nil
}

// rangeRows is about how many rows one range should have.
const rangeRows = 50_000

// sampledRanges is how many places of a table are looked at where a share of it is.
const sampledRanges = 50

// ranges are what is left to read of a table.
func (c *comparison) ranges(ctx context.Context, plan *mappings.Plan) ([]source.Range, error) {
	if ranges, known := c.tally.ranges(plan.ID()); known {
		return ranges, nil
	}
	n := int(min(c.opts.Rows[plan.Table()]/rangeRows+1, int64(8*c.opts.Parallel)))
	if c.opts.Share > 0 {
		n = sampledRanges
	}
	ranges, err := c.opts.Source.Split(ctx, c.fence, plan.Selection(), max(n, 1))
	if err != nil {
		return nil, fmt.Errorf("split %s: %w", plan.Table(), err)
	}
	c.tally.begin(plan, ranges)
	return ranges, nil
}

// scan compares the rows of a range, one of so many; of a share, those at its beginning.
func (c *comparison) scan(ctx context.Context, plan *mappings.Plan, number int, rest source.Range, of int) error {
	size := &source.RowSize{}
	most := int64(-1)
	if c.opts.Share > 0 {
		most = max(int64(c.opts.Share*float64(c.opts.Rows[plan.Table()]))/int64(of), 1)
	}
	for rest != "" && most != 0 {
		limit := size.Limit(c.opts.Chunk)
		if most > 0 {
			limit = int(min(int64(limit), most))
		}
		rows, after, err := c.opts.Source.ScanRows(ctx, c.fence, plan.Selection(), rest, limit)
		if err != nil {
			return fmt.Errorf("scan %s: %w", plan.Table(), err)
		}
		size.Learn(rows)
		rest = after
		if most > 0 {
			most = max(most-int64(len(rows)), 0)
		}
		if err := c.look(ctx, plan, rows, chunk{scanned: true, ofRows: true, number: number, rest: rest, rows: int64(len(rows))}); err != nil {
			return err
		}
	}
	return nil
}
