package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// ask writes requests to the state as another process would.
func (b *bench) ask(list ...state.Request) {
	b.t.Helper()
	store, err := state.OpenToAsk(context.Background(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Ask(context.Background(), list); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) parked() []state.Parked {
	snap, _ := b.state()
	return snap.Parked
}

func quick(o *replicate.Options) { o.PollEvery, o.MarkEvery = time.Millisecond, time.Millisecond }

// TestPark_LostDestination parks the plan whose destination was deleted, in a run and between runs. It is
// not made anew and empty; all others go on; resumed, it is filled again.
func TestPark_LostDestination(t *testing.T) {
	for name, running := range map[string]bool{"in a run": true, "between runs": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"), table("users"))
			b.tweak = quick
			b.fill("orders", 0, 20)
			b.fill("users", 0, 20)
			r := b.start()
			r.settle()
			if !running {
				if err := r.end(); err != nil {
					t.Fatal(err)
				}
			}
			b.target.Drop("shop.orders")
			b.fill("orders", 20, 30)
			b.fill("users", 20, 30)
			if !running {
				r = b.start()
			}
			r.settle()
			if ids := b.target.IDs("shop.orders"); len(ids) != 0 {
				t.Errorf("made anew with %q", ids)
			}
			b.equal("users")
			parked := b.parked()
			if len(parked) != 1 || parked[0].Plan != "shop.orders" || !strings.Contains(parked[0].Advice, "resume shop.orders") || parked[0].Position == "" {
				t.Fatalf("parked: %+v", parked)
			}
			b.fill("orders", 30, 40) // dropped
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
			b.await("resumed", func() bool { return len(b.parked()) == 0 })
			b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(3)) })
			r.settle()
			b.equal("orders")
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestPark_StaysOverRestart: what happens to a parked table is not followed by the next run either, until
// it is resumed while no run is on.
func TestPark_StaysOverRestart(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = quick
	b.fill("orders", 0, 5)
	b.round(func() {})
	b.target.Drop("shop.orders")
	b.round(func() {})
	b.round(func() { b.fill("orders", 5, 6); b.fill("users", 0, 3) })
	b.equal("users")
	if ids := b.target.IDs("shop.orders"); len(ids) != 0 || len(b.parked()) != 1 {
		t.Errorf("documents %q, parked %v", ids, b.parked())
	}
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.round(func() {})
	b.equal("orders")
	if len(b.parked()) != 0 {
		t.Errorf("still parked: %v", b.parked())
	}
}

// TestPark_ReplacedDestination: something else stands under the name.
func TestPark_ReplacedDestination(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	b.round(func() {})
	b.target.Drop("shop.orders")
	if err := b.target.Prepare(t.Context(), []*targets.Destination{b.destination("orders")}); err != nil {
		t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) { o.OnFault = replicate.FaultStop }
	if err := b.start().finished(); !errors.Is(err, targets.ErrReplaced) {
		t.Fatalf("the run ended with %v", err)
	}
	if len(b.parked()) != 0 {
		t.Error("parked, although faults were to stop the run")
	}
	b.tweak = nil
	b.round(func() { b.fill("orders", 5, 6) })
	if ids := b.target.IDs("shop.orders"); len(ids) != 0 || len(b.parked()) != 1 {
		t.Errorf("documents %q, parked %v", ids, b.parked())
	}
}

// TestPark_Breaker parks a plan of which too many documents in a row are rejected, and shows some of
// them. One bad row among many is a dead letter only.
func TestPark_Breaker(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = func(o *replicate.Options) {
		quick(o)
		o.MaxRejected, o.RejectWindow = 0.1, 50
	}
	for i := range 40 {
		b.target.Reject("shop.orders", targetID(100+i), "field v is wrong")
	}
	b.target.Reject("shop.users", "7", "one bad row")
	b.fill("users", 0, 100)
	b.fill("orders", 0, 100)
	r := b.start()
	r.settle()
	b.fill("orders", 100, 140)
	b.fill("users", 100, 110)
	r.settle()
	parked := b.parked()
	if len(parked) != 1 || parked[0].Plan != "shop.orders" || strings.Count(parked[0].Reason, "field v is wrong") != 3 ||
		!strings.Contains(parked[0].Reason, "key 10") {
		t.Fatalf("parked: %+v", parked)
	}
	snap, letters := b.state()
	if snap.Letters != 7 {
		t.Errorf("%d letters, want 6 until it was parked and one of another table: %v", snap.Letters, letters)
	}
	b.target.Reject("shop.users", "7", "")
	for i := range 40 {
		b.target.Reject("shop.orders", targetID(100+i), "")
	}
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()},
		state.Request{Verb: state.RetryLetter, Plan: "shop.users", Key: string(sourcetest.Key(7)), At: time.Now()})
	b.await("all letters are resolved", func() bool { snap, _ := b.state(); return snap.Letters == 0 && len(snap.Parked) == 0 })
	r.settle()
	b.equal("orders")
	b.equal("users")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestPark_Drop drops a dead letter, and leaves the document as it is.
func TestPark_DropLetter(t *testing.T) {
	b := newBench(t, table("orders"))
	b.tweak = quick
	b.target.Reject("shop.orders", "1", "bad")
	b.fill("orders", 0, 3)
	r := b.start()
	r.settle()
	b.await("the letter is saved", func() bool { snap, _ := b.state(); return snap.Letters == 1 })
	b.ask(state.Request{Verb: state.DropLetter, Plan: "shop.orders", Key: string(sourcetest.Key(1)), At: time.Now()})
	b.await("the letter is gone", func() bool { snap, _ := b.state(); return snap.Letters == 0 })
	if n := r.engine.Status().DeadLetters; n != 0 {
		t.Errorf("the run counts %d", n)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestPark_BreakingChange parks the plan of a table that does not fit its destination any more.
func TestPark_BreakingChange(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = quick
	b.fill("orders", 0, 5)
	b.target.BeforePrepare = func(_ context.Context, dests []*targets.Destination) error {
		for _, dest := range dests {
			if len(dest.Fields) > 2 {
				return fmt.Errorf("field colour: %w", targets.ErrMismatch)
			}
		}
		return nil
	}
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "colour")) })
	b.fill("users", 0, 5)
	r.settle()
	b.equal("users")
	if parked := b.parked(); len(parked) != 1 || !strings.Contains(parked[0].Reason, "field colour") {
		t.Errorf("parked: %+v", parked)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) })
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("resumed", func() bool { return len(b.parked()) == 0 })
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestMarks_TargetWentBack refuses to go on with a target that does not hold the mark that it once did.
func TestMarks_TargetWentBack(t *testing.T) {
	b := newBench(t, table("orders"))
	b.tweak = quick
	b.fill("orders", 0, 5)
	r := b.start()
	r.settle()
	b.await("two marks are written", func() bool { snap, _ := b.state(); return snap.Mark >= 2 || b.fillOne() })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	snap, _ := b.state()
	b.round(func() {})
	b.target.Rewind(snap.ID, targets.Mark{Number: 1, Position: "an old one"})
	b.fill("orders", 1000, 1005)
	before := b.target.Counts()
	if err := b.start().finished(); !errors.Is(err, targets.ErrReplaced) || !strings.Contains(err.Error(), "an old one") {
		t.Fatalf("the run ended with %v", err)
	}
	if after := b.target.Counts(); after != before {
		t.Errorf("the target was touched: %+v, then %+v", before, after)
	}
	b.tweak = func(o *replicate.Options) { quick(o); o.Fresh = true }
	b.round(func() {})
	b.tweak = quick
	b.round(func() {})
	b.equal("orders")
}

// fillOne moves the log on by a row, and is false.
func (b *bench) fillOne() bool {
	n := len(b.source.Rows(tableName("orders")))
	b.fill("orders", n, n+1)
	return false
}

// TestPark_DestinationLostBeforeASweep: nothing is written to the table, but a TRUNCATE wants a sweep.
func TestPark_DestinationLostBeforeASweep(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	r := b.start()
	r.settle()
	b.target.Drop("shop.orders")
	b.do(func(tx *sourcetest.Tx) { tx.Truncate(tableName("orders")) })
	b.fill("users", 0, 5)
	r.settle()
	b.equal("users")
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestPark_ResumedInVain: a plan that is resumed between runs, and still does not fit, keeps nobody else
// from starting.
func TestPark_ResumedInVain(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	b.round(func() {})
	b.target.Drop("shop.orders")
	b.round(func() {})
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.target.BeforePrepare = func(_ context.Context, dests []*targets.Destination) error {
		if dests[0].Name == "shop.orders" {
			return errors.Join(
				&targets.HintError{Err: fmt.Errorf("still wrong: %w", targets.ErrMismatch), Advice: "mend one"},
				&targets.HintError{Err: fmt.Errorf("and more: %w", targets.ErrMismatch), Advice: "mend two"})
		}
		return nil
	}
	b.round(func() { b.fill("users", 0, 5) })
	b.equal("users")
	parked := b.parked()
	if len(parked) != 1 {
		t.Fatalf("parked: %+v", parked)
	}
	for _, want := range []string{"still wrong", "; and more", "mend one; mend two; then: meepo-replicate resume shop.orders"} {
		if !strings.Contains(parked[0].Reason+" "+parked[0].Advice, want) {
			t.Errorf("parked without %q: %+v", want, parked[0])
		}
	}
}

// TestPark_LostWhileQuiet: a destination is deleted, and nothing is written to it.
func TestPark_LostWhileQuiet(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = quick
	b.fill("orders", 0, 5)
	r := b.start()
	r.settle()
	b.target.Drop("shop.orders")
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestPark_TheLast ends the run when no other plan is in force, and the state says why, whether it is
// found in a run or at the start.
func TestPark_TheLast(t *testing.T) {
	for name, running := range map[string]bool{"in a run": true, "at the start": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, table("orders"))
			b.fill("orders", 0, 5)
			r := b.start()
			r.settle()
			if !running {
				if err := r.end(); err != nil {
					t.Fatal(err)
				}
			}
			b.target.Drop("shop.orders")
			b.fill("orders", 5, 6)
			if !running {
				r = b.start()
			}
			if err := r.finished(); !errors.Is(err, targets.ErrReplaced) {
				t.Errorf("the run ended with %v", err)
			}
			if len(b.parked()) != 1 {
				t.Error("the state does not say that it is parked")
			}
			if err := b.start().finished(); !errors.Is(err, replicate.ErrParked) {
				t.Errorf("the next run ended with %v", err)
			}
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
			b.round(func() {})
			b.equal("orders")
		})
	}
}
