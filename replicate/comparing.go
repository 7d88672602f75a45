package replicate

import (
	"context"
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// A comparing backfill reads and maps rows as any other, and then leaves out what the target holds already; a comparing sweep looks
// up the ids that the target holds, and makes dirty only those that have no row. Together they make the target equal to the table
// and write nothing but the differences. The documents of a chunk are in flight from before they are compared, so that nobody
// writes them in between.

// comparer is the target as one that compares; nil: it does not.
func (r *Replicator) comparer() targets.Comparer {
	comparer, _ := r.opts.Target.(targets.Comparer)
	return comparer
}

// spare leaves out of a delivery what the target holds as it should be.
func (r *Replicator) spare(ctx context.Context, d *delivery) error {
	comparer := r.comparer()
	if len(d.ops) == 0 || comparer == nil {
		return nil
	}
	var compared []targets.Compared
	err := r.targetHealth.retry(ctx, func() (err error) {
		compared, err = comparer.Compare(ctx, d.ops)
		return err
	})
	if err != nil {
		return fmt.Errorf("compare with %s: %w", d.flow.plan.Destination().Name, err)
	}
	kept := 0
	for i, c := range compared {
		if c.Change == targets.Same {
			r.saver.resolve(d.entries[i].key)
			continue
		}
		d.ops[kept], d.entries[kept] = d.ops[i], d.entries[i]
		kept++
	}
	r.counters.unchanged.Add(int64(len(d.ops) - kept))
	d.ops, d.entries = d.ops[:kept], d.entries[:kept]
	return nil
}

// rootless are the keys that have no row. Rows that do not meet the mapping's condition have been compared with all others.
func (r *Replicator) rootless(ctx context.Context, f *flow, keys []source.Key) ([]source.Key, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	exists := f.plan.Selection()
	exists.Columns = nil
	var rows []source.Row
	err := r.sourceHealth.retry(ctx, func() (err error) {
		rows, err = r.opts.Source.ReadRows(ctx, r.lanes.newestFence(), exists, keys)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.table, err)
	}
	var ops []targets.Op
	var absent []source.Key
	for _, row := range rows {
		if row.Found || row.Err != nil {
			continue
		}
		if ops, err = f.plan.Ops(ops, row, 1); err != nil {
			return nil, err
		}
		absent = append(absent, row.Key)
	}
	return r.remaining(ctx, ops, absent)
}

// remaining are the keys whose documents, of rows that are gone, are not as they should be: most are there, and some have their
// mark already.
func (r *Replicator) remaining(ctx context.Context, ops []targets.Op, keys []source.Key) ([]source.Key, error) {
	comparer := r.comparer()
	if comparer == nil || len(ops) != len(keys) || len(keys) == 0 {
		return keys, nil
	}
	var compared []targets.Compared
	err := r.targetHealth.retry(ctx, func() (err error) {
		compared, err = comparer.Compare(ctx, ops)
		return err
	})
	if err != nil {
		return nil, err
	}
	left := keys[:0]
	for i, c := range compared {
		if c.Change != targets.Same {
			left = append(left, keys[i])
		}
	}
	return left, nil
}

// compares reports whether a plan that is taken up anew is to be compared: where its destination may hold what it should already.
func (r *Replicator) compares(f *flow) bool {
	return r.comparer() != nil && (r.opts.Heal || f.plan.Adopts())
}

// ComparingLeft reports whether a state has comparing work that is not done.
func ComparingLeft(snap state.Snapshot) bool {
	return slices.ContainsFunc(snap.Jobs, func(j state.Job) bool { return j.Comparing }) ||
		slices.ContainsFunc(snap.Ranges, func(p state.Range) bool { return p.Comparing && p.Rest != "" })
}
