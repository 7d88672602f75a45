package replicate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// holding lets the next write of an order wait: held is closed when it has begun, and it goes on when
// release is.
func (b *bench) holding(id targets.ID) (arm func(), held, release chan struct{}) {
	var armed atomic.Bool
	held, release = make(chan struct{}), make(chan struct{})
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		if ops[0].Dest.Name == "shop.orders" && ops[0].ID == id && armed.CompareAndSwap(true, false) {
			close(held)
			<-release
		}
		return nil
	}
	return func() { armed.Store(true) }, held, release
}

// A delete is on its way to the target when its plan is parked. The row comes back while the plan is
// parked, and the plan is resumed before the delete lands: the copy has to wait for it, since the copy's
// row would be dropped as older than what is in flight.
func TestBackfill_WaitsForWhatIsInFlight(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	b.tweak = func(o *replicate.Options) { quick(o); o.ReadRows = 1 }
	arm, held, release := b.holding("3")
	r := b.start()
	r.settle()
	arm()
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(3)) })
	<-held
	b.target.Drop("shop.orders") // somebody removes the index
	b.fill("orders", 100, 101)
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	b.puts("orders", 3) // passed over
	b.await("its event has passed", func() bool { return r.engine.Waiting() == 0 && r.engine.Status().Events >= 3 })
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("the copy waits, or is done", func() bool { return r.engine.Quiescing() || b.logged("backfill done") == 3 })
	close(release)
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// A dead letter is being written again, as its row was before a column changed its name, when the log
// says so and has the table copied.
func TestBackfill_WaitsForARetriedLetter(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.source.Lag()
	b.target.Reject("shop.orders", "3", "refused")
	b.tweak = func(o *replicate.Options) { quick(o); evolving(o); o.MaxRejected = 1 }
	arm, held, release := b.holding("3")
	r := b.start()
	r.settle()
	b.await("a letter", func() bool { return r.engine.Status().DeadLetters == 1 })
	b.target.Reject("shop.orders", "3", "")
	arm()
	b.ask(state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: string(sourcetest.Key(3)), At: time.Now()})
	<-held
	b.do(func(tx *sourcetest.Tx) {
		tx.Alter(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("w")))
	})
	b.await("the copy waits, or is done", func() bool { return r.engine.Quiescing() || b.logged("backfill done") == 2 })
	close(release)
	r.settle()
	b.await("done", func() bool { return r.engine.Dirty() == 0 })
	if fields, _, _ := b.target.Doc("shop.orders", "3"); fields["v"] != nil {
		t.Errorf("document 3 is %v: it was written without the new column, and never again", fields)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}
