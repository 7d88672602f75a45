package replicate

import (
	"context"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// requestLoop does what other processes ask for in the state, in order. A request stays in the state
// until it is done, so that a crash loses none; each can be done twice. What was asked while no run
// was on is taken in before caughtUp is closed.
func (r *Replicator) requestLoop(ctx context.Context) error {
	ticker := time.NewTicker(r.opts.PollEvery)
	defer ticker.Stop()
	var last int64
	for first := true; ; first = false {
		requests, err := r.opts.State.Requests(ctx, last)
		for ; err == nil && len(requests) > 0; requests, err = r.opts.State.Requests(ctx, last) {
			for _, q := range requests {
				last = q.ID
				if err := r.do(ctx, q); err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if first {
			close(r.caughtUp)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *Replicator) do(ctx context.Context, q state.Request) error {
	switch q.Verb {
	case state.ResumePlan, state.BackfillPlan:
		return r.resume(ctx, q)
	case state.RetryLetter, state.RepairKey:
		return r.redo(ctx, q)
	case state.DropLetter:
		r.saver.resolve(docKey(mappings.PlanID(q.Plan), source.Key(q.Key)))
	default:
		r.log.Warn("request that this program does not know, dropped", "request", string(q.Verb))
	}
	r.saver.note(state.Change{DoneRequests: []int64{q.ID}})
	return nil
}

// redo makes a document dirty, that of a dead letter or one that a comparison found wrong. The request is done when the
// document is durable, or a letter again. As in a sweep, a row that is not there any more proves that its document
// must go: its delete may have been passed over, while the plan was parked.
//
// A plan that is not in force, or whose keys are of another form by now, leaves its documents and letters as they are.
func (r *Replicator) redo(ctx context.Context, q state.Request) (err error) {
	t := newToken()
	t.change = state.Change{DoneRequests: []int64{q.ID}}
	t.settled = func() { r.saver.note(t.change) }
	doc := docKey(mappings.PlanID(q.Plan), source.Key(q.Key))
	if f := r.plans.get(doc.Plan); f != nil && f.fits(doc.Key) {
		err = r.lanes.add(ctx, doc, t, true)
	}
	if err != nil {
		t.settled = nil // not tried: the next run does it
	}
	r.lanes.releaseToken(t)
	return err
}
