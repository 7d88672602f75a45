package replicate_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// pending counts the requests that have not been done.
func (b *bench) pending() int {
	b.t.Helper()
	store, err := state.OpenReadOnly(context.Background(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	list, err := store.PendingRequests(context.Background(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	n := 0
	for _, p := range list {
		n += p.Count
	}
	return n
}

// TestRetry_RowIsGone: the row of a dead letter was deleted while its plan was parked, so that no delete
// of it will ever come. Retried, the letter goes, and that is no miss.
func TestRetry_RowIsGone(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = func(o *replicate.Options) { quick(o); o.MaxMisses = 1 }
	b.target.Reject("shop.orders", "3", "too long")
	b.fill("orders", 0, 10)
	r := b.start()
	r.settle()
	b.target.Drop("shop.orders")
	b.fill("orders", 10, 11)
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(3)) })
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("resumed", func() bool { return b.pending() == 0 && len(b.parked()) == 0 })
	r.settle()
	b.wantLetters("3: too long")
	b.target.Reject("shop.orders", "3", "")
	b.ask(state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: string(sourcetest.Key(3)), At: time.Now()})
	b.await("the request is done", func() bool { return b.pending() == 0 })
	b.fill("orders", 20, 21) // the log goes on
	r.settle()
	b.wantLetters()
	b.equal("orders")
	if n := r.engine.Status().Misses; n != 0 || len(b.parked()) != 0 {
		t.Errorf("%d misses, parked: %v", n, b.parked())
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRetry_NoBreaker: letters that are retried and rejected again do not park their mapping, nor does
// one bad row that changes often. Each rejection is counted at its letter.
func TestRetry_NoBreaker(t *testing.T) {
	const bad = 12
	b := newBench(t, table("orders"))
	b.tweak = func(o *replicate.Options) {
		quick(o)
		o.MaxRejected, o.RejectWindow = 0.25, 50 // the thirteenth parks
	}
	var list []state.Request
	for i := range bad {
		b.target.Reject("shop.orders", targetID(i), "too long")
		list = append(list, state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: string(sourcetest.Key(i)), At: time.Now()})
	}
	b.fill("orders", 0, 100)
	r := b.start()
	r.settle()
	for range 3 {
		b.ask(list...)
		b.await("the requests are done", func() bool { return b.pending() == 0 })
	}
	for i := range bad {
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(7), fmt.Sprint("changed", i)) })
		r.settle()
	}
	_, letters := b.state()
	if len(b.parked()) != 0 || len(letters) != bad {
		t.Errorf("%d letters, parked: %v", len(letters), b.parked())
	}
	for _, l := range letters {
		if want := map[bool]int{true: 4 + bad, false: 4}[l.KeyText == "7"]; l.Tries != want {
			t.Errorf("letter %s was tried %d times, want %d", l.KeyText, l.Tries, want)
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestSweep_ResolvesLetters: the rows of two dead letters are gone without deletes of their own, one by a
// TRUNCATE, the other while its mapping was parked and its destination deleted.
func TestSweep_ResolvesLetters(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = quick
	for _, name := range []string{"shop.orders", "shop.users"} {
		b.target.Reject(name, "3", "too long")
	}
	b.fill("orders", 0, 10)
	b.fill("users", 0, 10)
	b.round(func() {})
	b.wantLetters("3: too long", "3: too long")
	for _, name := range []string{"shop.orders", "shop.users"} {
		b.target.Reject(name, "3", "") // a real target refuses no delete of what it does not hold
	}
	b.target.Drop("shop.users")
	b.round(func() { b.do(func(tx *sourcetest.Tx) { tx.Truncate(tableName("orders")) }) })
	if len(b.parked()) != 1 {
		t.Fatalf("parked: %v", b.parked())
	}
	b.wantLetters("3: too long")
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("users"), sourcetest.Key(3)) })
	b.round(func() {})
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.users", At: time.Now()})
	b.round(func() {})
	b.wantLetters()
	b.equal("orders")
	b.equal("users")
}

// TestRequests_OnceDoesAll: a run that ends by itself does first what was asked for before it, however
// much that is.
func TestRequests_OnceDoesAll(t *testing.T) {
	const rows = 2500
	b := newBench(t, table("orders"))
	b.target.Reject("shop.orders", "7", "too long")
	b.fill("orders", 0, rows)
	b.round(func() {})
	b.target.Reject("shop.orders", "7", "")
	var list []state.Request
	for i := range rows {
		list = append(list, state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: string(sourcetest.Key(i)), At: time.Now()})
	}
	list = append(list, state.Request{Verb: state.RetryLetter, Plan: "shop.gone", Key: string(sourcetest.Key(1)), At: time.Now()},
		state.Request{Verb: state.RetryLetter, Plan: "shop.orders", Key: "no key of this table", At: time.Now()})
	list = append(list, state.Request{Verb: "unknown to this program", Plan: "shop.orders", At: time.Now()})
	b.ask(list...)
	b.tweak = func(o *replicate.Options) { o.Once, o.MaxDirty, o.ReadRows = true, 20, 10 }
	if err := b.start().finished(); err != nil {
		t.Fatal(err)
	}
	if n := b.pending(); n != 0 {
		t.Errorf("%d requests are left", n)
	}
	b.wantLetters()
	b.equal("orders")
}
