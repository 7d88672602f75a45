package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// deliver writes until every operation is durable, a dead letter, or to be redone from a new read
// because the target holds a version that this state never issued. It returns those documents.
func (r *Replicator) deliver(ctx context.Context, d *delivery) (map[*entry]bool, error) {
	redo := map[*entry]bool{}
	if err := r.prepared(ctx, d); err != nil {
		for _, e := range d.entries {
			redo[e] = true // if the plan goes on: as another flow, or resumed
		}
		return redo, r.parkSpread(d, err)
	}
	size := len(d.ops)
	for try := 0; len(d.ops) > 0 && r.plans.get(d.flow.plan.ID()) != nil; { // until it is parked, or its table gone
		n := min(size, len(d.ops))
		r.opts.Observer.WritingFunc(d.ops[:n])
		err := r.opts.Target.Write(ctx, d.ops[:n])
		r.opts.Observer.OpsWrittenFunc(d.ops[:n], err)
		if err == nil {
			r.targetHealth.succeeded()
			r.durable(d, 0, n)
			d.drop(n)
			size = min(size*2, max(len(d.ops), 1)) // after a smaller piece went through, the next may be larger
			try = 0
			continue
		}
		var partial *targets.PartialError
		if !errors.As(err, &partial) {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if final(err) {
				return nil, fmt.Errorf("write to %s: %w", d.flow.plan.Destination().Name, err)
			}
			r.targetHealth.failed(err)
			if err := pause(ctx, try, 0); err != nil {
				return nil, err
			}
			try++
			continue
		}
		again, err := r.sort(d, n, partial, redo)
		if err != nil {
			return nil, err
		}
		if again == 0 { // it has answered, and all is settled
			r.targetHealth.succeeded()
			if blindConflict(partial) { // the next try may meet the same: not at once
				if err := pause(ctx, staleTry, 0); err != nil {
					return nil, err
				}
			}
			try = 0
			continue
		}
		r.counters.retries.Add(int64(again))
		r.targetHealth.failed(partial)
		size = max(n/2, 1)
		if err := pause(ctx, try, partial.RetryAfter); err != nil {
			return nil, err
		}
		try++
	}
	return redo, nil
}

// sort settles the first n operations by their outcome, leaves those to be tried again at the front,
// and returns how many these are.
func (r *Replicator) sort(d *delivery, n int, partial *targets.PartialError, redo map[*entry]bool) (again int, err error) {
	failed := make(map[int]targets.ItemError, len(partial.Items))
	for _, item := range partial.Items {
		if item.Index < 0 || item.Index >= n {
			return 0, fmt.Errorf("write to %s: outcome of op %d of %d", d.flow.plan.Destination().Name, item.Index, n)
		}
		failed[item.Index] = item
	}
	for i := range n {
		op, e := d.ops[i], d.entries[i]
		item, bad := failed[i]
		switch {
		case !bad:
			r.durable(d, i, i+1)
		case item.Class == targets.Retryable, item.Class == targets.Doubtful && d.doubtful(e, r.opts.MaxDoubts):
			d.ops[again], d.entries[again] = op, e
			again++
		case item.Class == targets.Rejected, item.Class == targets.Doubtful:
			if err := r.reject(d.flow, e.key.Key, item.Reason); err != nil {
				return 0, err
			}
		case item.Class == targets.Conflict && item.Stored != 0 && (item.Stored == op.Version || r.versions.ours(item.Stored)):
			r.durable(d, i, i+1) // ours already: the answer to an earlier try was lost
		case item.Class == targets.Conflict && item.Stored > highest:
			if err := r.reject(d.flow, e.key.Key, fmt.Sprintf("the target holds version %d of somebody else's, above which there is none", item.Stored)); err != nil {
				return 0, err
			}
		case item.Class == targets.Conflict:
			r.counters.conflicts.Add(1)
			r.opts.Observer.ConflictFunc(e.key, item.Stored, op.Version)
			r.log.Warn("target holds a version that this state did not issue, writing again above it",
				"mapping", d.flow.plan.Name(), "key", e.key.Key.Text(), "stored", item.Stored, "ours", op.Version)
			r.versions.raise(max(item.Stored, op.Version))
			redo[e] = true
		default:
			name := d.flow.plan.Destination().Name
			if err := r.park(d.flow, replaced(d.flow, fmt.Errorf("%w: write to %s: %s", targets.ErrReplaced, name, item.Reason))); err != nil {
				return 0, err
			}
			redo[e] = true // if the plan goes on: as another flow, or resumed
		}
	}
	d.ops = append(d.ops[:again], d.ops[n:]...)
	d.entries = append(d.entries[:again], d.entries[n:]...)
	return again, nil
}

// blindConflict reports whether there is a conflict with a version that the target does not tell.
func blindConflict(partial *targets.PartialError) bool {
	return slices.ContainsFunc(partial.Items, func(i targets.ItemError) bool {
		return i.Class == targets.Conflict && i.Stored == 0
	})
}

// doubtful counts a failure at a document of which the target does not say whose fault it is, and reports
// whether it is to be tried again.
func (d *delivery) doubtful(e *entry, most int) bool {
	if d.doubts == nil {
		d.doubts = map[*entry]int{}
	}
	d.doubts[e]++
	return d.doubts[e] < most
}

func (d *delivery) drop(n int) { d.ops, d.entries = d.ops[n:], d.entries[n:] }

// durable counts operations and resolves the dead letters of their documents.
func (r *Replicator) durable(d *delivery, from, to int) {
	r.breaker.passed(d.flow.plan.ID(), to-from)
	now := time.Now()
	for i := from; i < to; i++ {
		r.written.note(d.entries[i].key, d.ops[i], now)
		if d.ops[i].Verb != targets.Upsert {
			r.counters.deletes.Add(1)
		} else {
			r.counters.upserts.Add(1)
		}
		r.saver.resolve(d.entries[i].key)
	}
}

// reject makes a dead letter of a document. It is in the saver's hands before its token is
// released, so no position past it is saved without it. Too many of them park the plan.
func (r *Replicator) reject(flow *flow, key source.Key, reason string) error {
	if r.plans.get(flow.plan.ID()) == nil {
		return nil // parked meanwhile, or its table is gone
	}
	letter := state.Letter{
		Plan: string(flow.plan.ID()), Key: string(key), KeyText: key.Text(),
		Document: flow.documentID(key), Reason: reason, At: time.Now().UTC(),
	}
	level := slog.LevelDebug
	if n := r.counters.rejected.Add(1); n <= 20 || n%1000 == 0 {
		level = slog.LevelError
	}
	r.log.Log(context.Background(), level, "document rejected, kept as a dead letter",
		"mapping", flow.plan.Name(), "key", letter.KeyText, "reason", reason)
	first := r.saver.letter(letter)
	r.opts.Observer.DeadLetterFunc(letter)
	if !first && key != "" { // rows without a key share a letter
		return nil // one bad row that changes often, or letters that are retried, say nothing new of the mapping
	}
	if wrong := r.breaker.rejected(flow.plan.ID(), letter); wrong != nil {
		return r.park(flow, wrong)
	}
	return nil
}

// documentID is the id of a key's document, or "" where the mapping cannot make one.
func (f *flow) documentID(key source.Key) string {
	ops, err := f.plan.Ops(nil, source.Row{Key: key}, 1)
	if err != nil || len(ops) == 0 {
		return ""
	}
	return string(ops[0].ID)
}

// docKey names the document of a key in a plan.
func docKey(plan mappings.PlanID, key source.Key) mappings.DocKey {
	return mappings.DocKey{Plan: plan, Key: key}
}
