package replicate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestPark_LateFaultDuringResume: a slow request of before the parking fails while the plan is being
// resumed. That fault is not the resumed plan's.
func TestPark_LateFaultDuringResume(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	late, settled := make(chan struct{}), make(chan struct{})
	var armed, resuming atomic.Bool
	var once sync.Once
	b.tweak = func(o *replicate.Options) {
		quick(o)
		o.ReadRows = 1
		o.Observer = &replicate.Observer{SettledFunc: func(docs []mappings.DocKey) {
			if slices.Contains(docs, mappings.DocKey{Plan: "shop.orders", Key: sourcetest.Key(100)}) {
				once.Do(func() { close(settled) })
			}
		}}
	}
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		if armed.Load() && ops[0].Dest.Name == "shop.orders" && ops[0].ID == "100" {
			<-late
		}
		return nil
	}
	b.target.BeforePrepare = func(context.Context, []*targets.Destination) error {
		if resuming.CompareAndSwap(true, false) {
			close(late)
			<-settled
		}
		return nil
	}
	r := b.start()
	r.settle()
	armed.Store(true)
	b.fill("orders", 100, 101)
	b.await("the slow one is under way", func() bool { return r.engine.Dirty() == 1 && r.engine.Waiting() == 0 })
	b.target.Drop("shop.orders")
	b.fill("orders", 101, 102)
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	resuming.Store(true)
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("resumed", func() bool { return len(b.parked()) == 0 })
	b.fill("orders", 200, 210)
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Error(err)
	}
	b.round(func() { b.fill("orders", 300, 301) })
	b.equal("orders")
}

// failing fails one Save, and works again.
type failing struct {
	replicate.Store
	now atomic.Bool
}

func (f *failing) Save(ctx context.Context, c state.Change) error {
	if len(c.Letters) > 0 && f.now.CompareAndSwap(true, false) {
		return errors.New("database is locked")
	}
	return f.Store.Save(ctx, c)
}

// TestSave_FailedOnce ends the run: what the failed save took is nowhere else, so no later position may
// be saved.
func TestSave_FailedOnce(t *testing.T) {
	b := newBench(t, table("orders"))
	b.target.Reject("shop.orders", "7", "bad")
	var store *failing
	b.tweak = func(o *replicate.Options) {
		store = &failing{Store: o.State}
		o.State = store
	}
	r := b.start()
	r.settle()
	store.now.Store(true)
	b.fill("orders", 0, 10)
	if err := r.finished(); err == nil {
		t.Fatal("the run goes on")
	}
	b.tweak = nil
	b.round(func() { b.fill("orders", 20, 21) })
	if _, letters := b.state(); len(letters) != 1 {
		t.Errorf("letters: %v", letters)
	}
}

// compileUnless refuses tables with a column of that name.
func compileUnless(bad string) replicate.CompileFunc {
	return func(ctx context.Context, tables []source.Columns) (mappings.Compiled, error) {
		for _, c := range tables {
			for _, column := range c.Columns {
				if column.Name == bad {
					return mappings.Compiled{}, errors.New("table " + c.Table.String() + ": column " + bad)
				}
			}
		}
		return compile(ctx, tables)
	}
}

// TestPark_Unmapped: a table that cannot be mapped any more is parked, and keeps no later start from
// going on with the others, resumed in vain or not.
func TestPark_Unmapped(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		b := newBench(t, table("orders"), table("users"))
		b.tweak = func(o *replicate.Options) { quick(o); o.Compile = compileUnless("colour") }
		b.fill("orders", 0, 5)
		r := b.start()
		r.settle()
		b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "colour")) })
		b.fill("users", 0, 5)
		r.settle()
		b.await("parked", func() bool { return len(b.parked()) == 1 })
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		if resumed {
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
		}
		b.round(func() { b.fill("users", 5, 10) })
		b.equal("users")
		if len(b.parked()) != 1 {
			t.Errorf("resumed %v: parked %v", resumed, b.parked())
		}
	}
}

// TestPark_LeftOut: a table under a glob that becomes unfit while it is followed, or while nothing runs,
// is parked and not just passed over; resumed in vain it says why, and mended it is copied anew.
func TestPark_LeftOut(t *testing.T) {
	for _, down := range []bool{false, true} {
		b := newBench(t, table("orders"), table("users"))
		b.tweak = quick
		b.fill("orders", 0, 5)
		unfit := table("orders")
		unfit.Refused = "no primary key"
		r := b.start()
		r.settle()
		if down {
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			b.do(func(tx *sourcetest.Tx) { tx.Alter(unfit) })
			r = b.start()
		} else {
			b.do(func(tx *sourcetest.Tx) { tx.Alter(unfit) })
		}
		b.await("parked", func() bool { return len(b.parked()) == 1 })
		if got := b.parked()[0]; !strings.Contains(got.Reason, "no primary key") || !strings.Contains(got.Advice, "resume shop.orders") {
			t.Errorf("parked as %+v", got)
		}
		b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
		b.await("resumed in vain", func() bool { return b.pending() == 0 })
		if got := b.parked(); len(got) != 1 || !strings.Contains(got[0].Reason, "no primary key") {
			t.Errorf("parked as %+v", got)
		}
		b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) })
		b.fill("orders", 5, 8)
		b.fill("users", 0, 2)
		r.settle()
		b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
		b.await("resumed", func() bool { return len(b.parked()) == 0 })
		r.settle()
		b.equal("orders")
		b.equal("users")
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRun_NewTableUnmapped leaves out a new table that cannot be mapped, says so, and starts again.
func TestRun_NewTableUnmapped(t *testing.T) {
	b := newBench(t, table("users"))
	b.tweak = func(o *replicate.Options) { quick(o); o.Compile = compileUnless("colour") }
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Create(withColumn("orders", "colour")) })
	b.fill("users", 0, 5)
	r.settle()
	if b.logged("cannot be mapped") != 1 {
		t.Errorf("the log:\n%s", b.log)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.round(func() { b.fill("users", 5, 6) })
	b.equal("users")
}

// TestRetry_AtDrain: a retry that waits for room when the run is to end stays asked for.
func TestRetry_AtDrain(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.target.Reject("shop.orders", "3", "bad")
	b.fill("orders", 0, 5)
	b.round(func() {})
	b.target.Reject("shop.orders", "3", "") // mended
	hold := make(chan struct{})
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		if ops[0].Dest.Name == "shop.users" {
			<-hold
		}
		return nil
	}
	b.tweak = func(o *replicate.Options) { quick(o); o.MaxDirty, o.ReadRows, o.Workers = 1, 1, 1 }
	r := b.start()
	b.await("started", func() bool { return r.engine.Status().Position != "" })
	for i := range 4 {
		b.fill("users", i, i+1)
	}
	b.await("full", func() bool { return r.engine.Blocked() })
	b.ask(state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: string(sourcetest.Key(3)), At: time.Now()})
	ended := make(chan error, 1)
	go func() { ended <- r.end() }()
	b.await("stopping", func() bool { return b.logged("stopping: finishing") == 2 })
	close(hold)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, letters := b.state(); b.pending() == 0 && len(letters) == 1 && letters[0].Tries == 1 {
		t.Errorf("the request is gone, and the letter was not tried: %+v", letters)
	}
	b.tweak = quick
	b.round(func() { b.await("tried", func() bool { return b.pending() == 0 }) })
	b.equal("orders")
}

// TestPark_EndsBulkMode: a plan that is parked in its first copy leaves no bulk mode behind.
func TestPark_EndsBulkMode(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = func(o *replicate.Options) { quick(o); o.MaxRejected, o.RejectWindow = 0.1, 50 }
	for i := range 40 {
		b.target.Reject("shop.orders", targetID(i), "bad")
	}
	b.fill("orders", 0, 100)
	r := b.start()
	r.settle()
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	b.await("bulk mode is over", func() bool { return slices.Contains(b.target.BulkCalls(), "end shop.orders") })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestPark_NoLongerMapped: a parked plan that no mapping makes any more is forgotten at the next start,
// as one in force is, and begins anew should it come back.
func TestPark_NoLongerMapped(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = quick
	b.fill("orders", 0, 20)
	b.fill("users", 0, 20)
	r := b.start()
	r.settle()
	b.target.Drop("shop.orders")
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) { o.Tables, o.Once = []source.Pattern{{Schema: "shop", Name: "users"}}, true }
	if err := b.start().finished(); err != nil || len(b.parked()) != 0 || b.logged("no mapping makes it any more") != 1 {
		t.Errorf("%v, parked: %+v", err, b.parked())
	}
	b.tweak = func(o *replicate.Options) { o.Once = true }
	if err := b.start().finished(); err != nil {
		t.Error(err)
	}
	b.equal("orders")
	b.equal("users")
}
