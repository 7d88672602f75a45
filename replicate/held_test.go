package replicate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// unknown is what the log says of a transaction that was not seen being prepared.
const unknown = "what it has changed is unknown"

// prepare prepares a transaction that inserts, changes and deletes one row each of a table that was
// filled with more than 3.
func (b *bench) prepare(xid string, tables ...string) {
	b.t.Helper()
	tx := b.source.Begin()
	for _, name := range tables {
		tx.Insert(tableName(name), 1000, "new").Update(tableName(name), 1, "changed").Delete(tableName(name), sourcetest.Key(2))
	}
	if err := tx.Prepare(xid); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) commit(xid string) {
	b.t.Helper()
	if err := b.source.CommitPrepared(xid); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) rollback(xid string) {
	b.t.Helper()
	if err := b.source.RollbackPrepared(xid); err != nil {
		b.t.Fatal(err)
	}
}

// heldIn returns what the state holds of prepared transactions, as XID and action.
func (b *bench) heldIn() string {
	b.t.Helper()
	snap, _ := b.state()
	var words []string
	for _, h := range snap.Held {
		words = append(words, strings.TrimSpace(h.XID+" "+source.Action(h.Action).String()+" "+h.Name))
	}
	return strings.Join(words, ", ")
}

// TestHeld_UntilCommit prepares and commits while a run follows, and between runs that crash: the
// position moves on in between, nothing is read before the commit, and all of it after.
func TestHeld_UntilCommit(t *testing.T) {
	for name, restart := range map[string]bool{"in a run": false, "over a crash": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, table("orders"), table("users"))
			b.source.Lag()
			b.fill("orders", 0, 5)
			b.fill("users", 0, 5)
			r := b.start()
			r.settle()
			b.prepare("x", "orders", "users")
			b.prepare("y", "users")
			b.puts("orders", 7)
			r.settle() // although x and y are prepared
			if s := r.engine.Status(); s.Prepared != 2 || s.HeldKeys != 9 {
				t.Errorf("%d transactions with %d keys are held", s.Prepared, s.HeldKeys)
			}
			if n := b.source.KeyReads(tableName("orders"), sourcetest.Key(1000)); n > 0 {
				t.Errorf("a prepared row was read %d times", n)
			}
			const held = "x prepare, x write orders, x update orders, x delete orders, x write users, x update users, x delete users"
			if got := b.heldIn(); got != held+", y prepare, y write users, y update users, y delete users" {
				t.Errorf("held: %s", got)
			}
			if restart {
				r.crash()
				r = b.start()
			}
			b.rollback("y")
			r.settle()
			if got := b.heldIn(); got != held {
				t.Errorf("after the rollback: %s", got)
			}
			b.equal("users")
			b.commit("x")
			r.settle()
			b.equal("orders")
			b.equal("users")
			if got := b.heldIn(); got != "" {
				t.Errorf("after the commit: %s", got)
			}
			if b.logged(unknown) > 0 {
				t.Error("a transaction was forgotten")
			}
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			if n := len(b.source.Scans()); n > 2*4 { // of the first copy
				t.Errorf("%d scans: tables were copied anew", n)
			}
		})
	}
}

// TestHeld_Unknown commits what was prepared before the first run, or before a fresh one: every table is
// copied and swept.
func TestHeld_Unknown(t *testing.T) {
	for name, fresh := range map[string]bool{"before the first run": false, "before a fresh one": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, table("orders"), table("users"))
			b.fill("orders", 0, 5)
			b.fill("users", 0, 5)
			if fresh {
				r := b.start()
				b.prepare("x", "orders", "users")
				r.settle()
				if err := r.end(); err != nil {
					t.Fatal(err)
				}
				b.tweak = func(o *replicate.Options) { o.Fresh = true }
			} else {
				b.prepare("x", "orders", "users")
			}
			r := b.start()
			r.settle()
			if got := b.heldIn(); got != "" {
				t.Errorf("held: %s", got)
			}
			b.commit("x")
			r.settle()
			b.equal("orders")
			b.equal("users")
			if b.logged(unknown) != 1 {
				t.Errorf("no warning in the log:\n%s", b.log)
			}
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestHeld_CommitComesAgain: after a lost connection the log goes back before a commit that has been
// handled already. That is no transaction that nobody knows.
func TestHeld_CommitComesAgain(t *testing.T) {
	b := newBench(t, table("orders"))
	b.source.Lag()
	b.fill("orders", 0, 5)
	r := b.start()
	b.prepare("x", "orders")
	r.settle()
	r.crash()
	b.commit("x")
	b.fill("orders", 20, 30)
	b.source.SetMerge(true)
	b.source.SetBatchSize(4)
	var batches, commits, retries atomic.Int32
	b.source.SetHooks(sourcetest.Hooks{NextFunc: func(context.Context) error {
		if batches.Add(1) == 2 { // the first batch ends inside of the fill
			b.source.Disconnect()
		}
		return nil
	}})
	b.tweak = func(o *replicate.Options) {
		o.Observer = &replicate.Observer{
			RetryFunc: func(string, error) { retries.Add(1) },
			BatchReceivedFunc: func(batch source.Batch) {
				for _, e := range batch.Events {
					if e.Action == source.Commit {
						commits.Add(1)
					}
				}
			}}
	}
	r = b.start()
	r.settle()
	b.equal("orders")
	if retries.Load() != 1 {
		t.Errorf("%d retries were told, want that of the log", retries.Load())
	}
	if commits.Load() != 2 || b.logged(unknown) != 0 {
		t.Errorf("the commit came %d times; the log:\n%s", commits.Load(), b.log)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestHeld_TooMany prepares more than may be held: the largest transaction keeps its tables only, the
// others their keys.
func TestHeld_TooMany(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.tweak = func(o *replicate.Options) { o.MaxDirty = 20 } // 160 keys are held
	b.source.SetBatchSize(30)
	b.fill("orders", 0, 5)
	b.fill("users", 0, 5)
	r := b.start()
	r.settle()
	tx := b.source.Begin().Delete(tableName("users"), sourcetest.Key(3))
	for i := range 200 {
		tx.Insert(tableName("orders"), 100+i, "many")
	}
	b.prepare("small", "users")
	if err := tx.Delete(tableName("orders"), sourcetest.Key(3)).Prepare("large"); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if got, want := b.heldIn(), "large prepare, large gap users, large gap orders, small prepare, small write users, small update users, small delete users"; got != want {
		t.Errorf("held: %s", got)
	}
	if s := r.engine.Status(); s.HeldKeys != 3 || b.logged("copied anew when it commits") != 1 {
		t.Errorf("%d keys are held; the log:\n%s", s.HeldKeys, b.log)
	}
	r.crash()
	r = b.start()
	b.commit("large")
	b.commit("small")
	for i := range 200 { // one after the other they are not too many
		xid := fmt.Sprint("small", i)
		if err := b.source.Begin().Update(tableName("users"), 0, "again").Prepare(xid); err != nil {
			t.Fatal(err)
		}
		b.commit(xid)
	}
	r.settle()
	b.equal("orders")
	b.equal("users")
	if n := b.logged("copied anew when it commits"); n != 1 {
		t.Errorf("%d transactions gave up their keys", n)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestHeld_TableAddedBetween takes up a table that was not followed when a transaction changed it.
func TestHeld_TableAddedBetween(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.source.Lag()
	b.fill("orders", 0, 5)
	b.fill("users", 0, 5)
	b.tweak = func(o *replicate.Options) { o.Tables = []source.Pattern{{Schema: "shop", Name: "orders"}} }
	b.round(func() { b.prepare("x", "orders", "users") })
	b.tweak = nil
	b.round(func() {})
	b.round(func() { b.commit("x") })
	b.equal("orders")
	b.equal("users")
}

// TestHeld_Parked: what a transaction has changed in a parked table is dropped at its commit, and kept
// where the table is resumed before that.
func TestHeld_Parked(t *testing.T) {
	for name, before := range map[string]bool{"resumed before the commit": true, "resumed after it": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, table("orders"), table("users"))
			b.source.Lag()
			b.tweak = quick
			b.fill("orders", 0, 5)
			b.fill("users", 0, 5)
			r := b.start()
			r.settle()
			b.target.Drop("shop.orders")
			b.puts("orders", 9)
			b.await("parked", func() bool { return len(b.parked()) == 1 })
			b.prepare("x", "orders", "users")
			r.settle()
			if !before {
				b.commit("x")
				r.settle()
			}
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
			b.await("resumed", func() bool { return len(b.parked()) == 0 })
			r.settle()
			if before {
				b.commit("x")
				r.settle()
			}
			b.equal("orders")
			b.equal("users")
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
