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

// rangeRows is about how many rows one range of a backfill should have.
const rangeRows = 50_000

// planLoop begins the backfills that are queued: it splits the table and saves its ranges in the
// same transaction in which the job ends, so that progress is never without ranges. It ends with
// soft; what it saves is saved under ctx.
func (r *Replicator) planLoop(ctx, soft context.Context) error {
	for {
		job, err := r.jobs.next(soft, state.Backfill)
		if err != nil {
			return err
		}
		id := mappings.PlanID(job.Plan)
		tasks, err := r.planBackfill(ctx, soft, id, job)
		if err != nil {
			return fmt.Errorf("begin backfill of %s: %w", id, err)
		}
		r.jobs.planned(id, tasks)
	}
}

func (r *Replicator) planBackfill(ctx, soft context.Context, id mappings.PlanID, job state.Job) ([]rangeTask, error) {
	change := state.Change{DoneJobs: []int64{job.ID}}
	flow := r.plans.get(id)
	if flow != nil {
		if err := r.plans.await(soft, flow.table); err != nil {
			return nil, err
		}
		flow = r.plans.get(id) // it may have taken long
	}
	if flow == nil {
		return nil, r.opts.State.Save(ctx, change)
	}
	if bulk, ok := r.opts.Target.(targets.BulkMode); ok && !flow.plan.Spread() && !job.Comparing {
		dest := flow.plan.Destination().Name
		err := r.targetHealth.retry(soft, func() error { return bulk.BeginBulk(soft, dest) })
		if isFault(err) {
			return nil, errors.Join(r.park(flow, err), r.opts.State.Save(ctx, change))
		}
		if err != nil {
			return nil, fmt.Errorf("begin bulk mode: %w", err)
		}
	}
	// A chunk's row is dropped where its document is in flight, since that read is newer: so none may be
	// in flight that was read before what made the backfill necessary.
	if err := r.lanes.quiesce(soft, id); err != nil {
		return nil, err
	}
	ranges, err := r.split(soft, flow)
	if isFault(err) {
		if flow = r.plans.get(id); flow != nil { // it may be another one by now
			err = r.park(flow, err)
		}
		return nil, errors.Join(err, r.opts.State.Save(ctx, change))
	}
	if err != nil {
		return nil, err
	}
	// What is still to be saved of an earlier backfill's ranges must not come after the new ones.
	if err := r.saver.save(ctx); err != nil {
		return nil, err
	}
	tasks := make([]rangeTask, len(ranges))
	for i, rest := range ranges {
		tasks[i] = rangeTask{plan: id, state: state.Range{Plan: string(id), Number: i, Rest: string(rest), Comparing: job.Comparing}}
		change.NewRanges = append(change.NewRanges, tasks[i].state)
	}
	if err := r.opts.State.Save(ctx, change); err != nil {
		return nil, err
	}
	r.opts.Observer.BackfillPlannedFunc(id, len(tasks))
	r.progress.begin(id, flow.total)
	r.log.Info("backfill begins", "mapping", flow.plan.Name(), "table", flow.table.String(),
		"rows", flow.total, "ranges", len(tasks), "reason", job.Reason)
	return tasks, nil
}

// split cuts a plan's table into ranges.
func (r *Replicator) split(ctx context.Context, f *flow) ([]source.Range, error) {
	n := int(min(f.total/rangeRows+1, int64(8*r.opts.Parallel)))
	for {
		var ranges []source.Range
		err := r.sourceHealth.retry(ctx, func() (err error) {
			ranges, err = r.opts.Source.Split(ctx, r.lanes.newestFence(), f.plan.Selection(), max(n, 1))
			return err
		})
		if !errors.Is(err, source.ErrStale) && !errors.Is(err, source.ErrNoTable) {
			return ranges, err
		}
		if err := r.plans.refresh(ctx, f.table); err != nil {
			return nil, err
		}
		if f = r.plans.get(f.plan.ID()); f == nil {
			return nil, nil
		}
	}
}

// rangeLoop scans ranges until soft ends. A chunk that has begun is finished under ctx.
func (r *Replicator) rangeLoop(ctx, soft context.Context) error {
	for {
		task, err := r.jobs.nextRange(soft)
		if err != nil {
			return err
		}
		for task.state.Rest != "" {
			if soft.Err() != nil {
				return context.Cause(soft)
			}
			if err := r.scanChunk(ctx, &task); err != nil {
				return fmt.Errorf("backfill of %s: %w", task.plan, err)
			}
		}
		if !r.jobs.rangeDone(task.plan) {
			continue
		}
		if err := r.endBackfill(ctx, task.plan); err != nil {
			return err
		}
	}
}

// endBackfill leaves bulk mode and closes the plan's backfill.
func (r *Replicator) endBackfill(ctx context.Context, id mappings.PlanID) error {
	if plan, known := r.plans.inForceOrParked(id); known {
		if err := r.endBulk(ctx, plan.Destination); err != nil {
			return err
		}
	}
	if f := r.plans.get(id); f != nil {
		r.opts.Observer.BackfillDoneFunc(id)
		r.log.Info("backfill done", "mapping", f.plan.Name(), "rows", r.progress.end(id))
	}
	r.untouched.forget(id)
	r.jobs.backfilled(id)
	return nil
}

// endBulk restores what a backfill switched off in the target, in this run or in one that crashed.
func (r *Replicator) endBulk(ctx context.Context, dest string) error {
	bulk, ok := r.opts.Target.(targets.BulkMode)
	if !ok || mappings.IsSpread(dest) { // those that are made as rows come are never in bulk mode
		return nil
	}
	err := r.targetHealth.retry(ctx, func() error { return bulk.EndBulk(ctx, dest) })
	if isFault(err) {
		r.log.Warn("bulk mode cannot be ended", "destination", dest, "error", err)
		return nil // the next write to it, or the next start, says more
	}
	if err != nil {
		return fmt.Errorf("end bulk mode of %s: %w", dest, err)
	}
	return nil
}

// scanChunk reads one chunk, writes what no event has superseded, and notes the progress when all
// of it is durable or a dead letter. An empty rest of a plan that is gone ends the range.
func (r *Replicator) scanChunk(ctx context.Context, task *rangeTask) error {
	c, fence := r.lanes.openChunk(task.plan)
	defer r.lanes.closeChunk(c)
	flow := r.plans.get(task.plan) // after the chunk is open: later changes of the table are events it remembers
	if flow == nil {
		task.state.Rest = ""
		return nil
	}
	version, rows, rest, err := r.readChunk(ctx, flow, fence, source.Range(task.state.Rest))
	if errors.Is(err, source.ErrStale) || errors.Is(err, source.ErrNoTable) {
		r.lanes.releaseToken(c.token)
		if r.jobs.queuedFor(task.plan, state.Backfill) { // it begins anew anyway, and its bounds may be of another key
			task.state.Rest = ""
			return nil
		}
		return r.staleRead(ctx, flow)
	}
	if isFault(err) {
		r.lanes.releaseToken(c.token)
		return r.park(flow, err)
	}
	if err != nil {
		return err
	}
	r.opts.Observer.ChunkReadFunc(task.plan, task.state.Number, len(rows))
	if err := r.limiter.WaitN(ctx, len(rows)); err != nil {
		return err
	}
	if err := r.writeChunk(ctx, flow, c, fence, rows, version, task.state.Comparing); err != nil {
		return err
	}
	select {
	case <-c.token.done: // documents that had to be done again, too
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.opts.Observer.ChunkDoneFunc(task.plan, task.state.Number, len(rows))
	task.state.Rest = string(rest)
	task.state.Rows += int64(len(rows))
	r.progress.add(task.plan, int64(len(rows)))
	r.saver.progress(task.state)
	return nil
}

func (r *Replicator) readChunk(ctx context.Context, f *flow, fence source.Fence, from source.Range) (version int64, rows []source.Row, rest source.Range, err error) {
	err = r.sourceHealth.retry(ctx, func() (err error) {
		if version, err = r.versions.next(ctx); err != nil {
			return err
		}
		rows, rest, err = r.opts.Source.ScanRows(ctx, fence, f.plan.Selection(), from, f.rows.Limit(r.opts.ChunkRows))
		return err
	})
	if err == nil {
		r.counters.rowsRead.Add(int64(len(rows)))
		f.rows.Learn(rows)
	}
	return version, rows, rest, err
}

// writeChunk claims the rows and delivers those that are not superseded; comparing, those that differ from what is there.
func (r *Replicator) writeChunk(ctx context.Context, flow *flow, c *chunk, fence source.Fence, rows []source.Row, version int64, comparing bool) error {
	keys := make([]source.Key, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	out := r.deliveryTo(flow)
	var claimed []*entry
	for i, e := range r.lanes.claim(c, keys) {
		if e == nil && keys[i] == "" { // not even its key could be read, so no event can stand for it
			if err := r.reject(flow, keys[i], fmt.Sprintf("read: %v", rows[i].Err)); err != nil {
				return err
			}
		}
		if e == nil {
			continue
		}
		claimed = append(claimed, e)
		wrong := rows[i].Err
		if wrong == nil {
			before := len(out.ops)
			if wrong = out.add(e, rows[i], version); len(out.ops) > before && !comparing && r.unneeded(flow.plan.ID(), out.ops[before]) {
				out.ops, out.entries = out.ops[:before], out.entries[:before]
				r.saver.resolve(e.key)
			}
		} else {
			wrong = fmt.Errorf("read: %w", wrong)
		}
		if wrong != nil {
			if err := r.reject(flow, keys[i], wrong.Error()); err != nil {
				return err
			}
		}
	}
	r.taken(claimed, fence)
	if comparing {
		if err := r.spare(ctx, out); err != nil {
			return err
		}
	}
	redo, err := r.deliver(ctx, out)
	if err != nil {
		return err
	}
	r.settled(claimed)
	r.lanes.finish(claimed, redo)
	r.lanes.releaseToken(c.token)
	return nil
}
