package replicate

import (
	"context"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// sweepLoop runs the sweeps that are queued, one at a time.
func (r *Replicator) sweepLoop(ctx context.Context) error {
	for {
		job, err := r.jobs.next(ctx, state.Sweep)
		if err != nil {
			return err
		}
		if err := r.sweep(ctx, job); err != nil {
			return fmt.Errorf("sweep of %s: %w", job.Plan, err)
		}
		r.jobs.swept(mappings.PlanID(job.Plan))
	}
}

// sweep makes every document dirty that the destination holds or that has a dead letter, with the
// right to delete: what has no row goes. It begins when nothing read earlier can still be written behind its back, and a
// sweep that was cut off begins anew, since its cursor does not outlive the process.
func (r *Replicator) sweep(ctx context.Context, job state.Job) error {
	id := mappings.PlanID(job.Plan)
	flow := r.plans.get(id)
	if flow == nil {
		r.saver.jobDone(job.ID)
		return nil
	}
	if err := r.lanes.quiesce(ctx, id); err != nil {
		return err
	}
	r.log.Info("sweep begins", "mapping", flow.plan.Name(), "reason", job.Reason)
	r.opts.Observer.SweepBegunFunc(id)
	t := newToken() // of the whole sweep: done when all its documents are
	seen, err := r.sweepPages(ctx, flow, t, job.Comparing)
	for _, doc := range r.saver.letteredOf(id) { // not in the target, and their rows may be gone
		if err == nil && flow.fits(doc.Key) {
			err = r.lanes.add(ctx, doc, t, true)
		}
	}
	if isFault(err) {
		err = r.park(flow, replaced(flow, err))
	}
	if err != nil {
		return err
	}
	r.lanes.releaseToken(t)
	select {
	case <-t.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.opts.Observer.SweepDoneFunc(id)
	r.saver.jobDone(job.ID)
	r.log.Info("sweep done", "mapping", flow.plan.Name(), "documents", seen)
	return nil
}

// sweepPages lists the ids of all of the flow's destinations.
func (r *Replicator) sweepPages(ctx context.Context, flow *flow, t *token, comparing bool) (seen int, err error) {
	names, err := r.listed(ctx, flow)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if flow.plan.Spread() {
			if _, err := r.makePlace(ctx, flow, flow.plan.DestinationNamed(name), true); err != nil {
				return seen, err
			}
		}
		n, err := r.sweepOne(ctx, flow, name, t, comparing)
		seen += n
		if err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (r *Replicator) sweepOne(ctx context.Context, flow *flow, dest string, t *token, comparing bool) (seen int, err error) {
	var cursor targets.Cursor
	var foreign int // of no row of the table: another's that shares the destination, or somebody's
	var one targets.ID
	defer func() {
		if foreign > 0 {
			r.log.Info("documents that no row of the table can have made were left alone", "mapping", flow.plan.Name(),
				"table", flow.table.String(), "documents", foreign, "one", string(one))
		}
	}()
	for try := 0; ; {
		var ids []targets.ID
		var next targets.Cursor
		err := r.targetHealth.retry(ctx, func() (err error) {
			ids, next, err = r.opts.Target.ScanIDs(ctx, dest, cursor, r.opts.ReadRows)
			return err
		})
		if errors.Is(err, targets.ErrCursor) {
			cursor = "" // begin again: what was seen before is only looked at twice
			r.targetHealth.failed(err)
			if err := pause(ctx, try, 0); err != nil {
				return seen, err
			}
			try++
			continue
		}
		if err != nil {
			return seen, err
		}
		var keys []source.Key
		for _, id := range ids {
			key, ours := flow.keyIn(dest, id)
			if !ours {
				foreign, one = foreign+1, id
				continue
			}
			keys = append(keys, key)
		}
		seen += len(keys)
		if comparing {
			left, err := r.rootless(ctx, flow, keys)
			switch {
			case err == nil:
				keys = left
			case ctx.Err() != nil:
				return seen, context.Cause(ctx)
			default: // the table has changed, say: each is read, which finds that out
				r.log.Debug("documents are looked at one by one", "mapping", flow.plan.Name(), "error", err)
			}
		}
		for _, key := range keys {
			if err := r.lanes.add(ctx, docKey(flow.plan.ID(), key), t, true); err != nil {
				return seen, err
			}
		}
		if next == "" {
			return seen, nil
		}
		cursor = next
	}
}

// keyIn is the key of a document of one of the flow's destinations; false: no row of the table can have made it there.
func (f *flow) keyIn(dest string, id targets.ID) (source.Key, bool) {
	key, err := f.plan.KeyOf(id)
	if err != nil || !f.plan.Spread() {
		return key, err == nil
	}
	of, err := f.plan.DestinationOf(key)
	return key, err == nil && of.Name == dest
}
