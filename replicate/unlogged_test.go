package replicate_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestUnlogged_GoneForAWhile: a table cannot be found for a while, without a word of the log, and is then
// what it was. Its changes were passed over meanwhile, so it is copied again.
func TestUnlogged_GoneForAWhile(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("items"))
	b.fill("orders", 0, 5)
	var hidden atomic.Bool
	gone := func(table source.Table) error {
		if hidden.Load() && table == tableName("orders") {
			return fmt.Errorf("look: %w", source.ErrNoTable)
		}
		return nil
	}
	b.source.SetHooks(sourcetest.Hooks{
		ReadFunc:    func(_ context.Context, s source.Selection, _ []source.Key) error { return gone(s.Table) },
		ColumnsFunc: func(_ context.Context, table source.Table) error { return gone(table) },
	})
	r := b.start()
	r.settle()
	hidden.Store(true)
	b.puts("orders", 1, 2)
	b.await("lost", func() bool { return b.logged("can no longer be read") >= 1 })
	b.puts("orders", 3, 7)
	r.settle()
	hidden.Store(false)
	b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) }) // something that changes nothing for us
	b.puts("orders", 9)
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// TestUnlogged_ThereAndBack: a reader meets a table in a form that it has no more when the log comes to
// both changes. What was written in that form is written again, and with a crash in between, too.
func TestUnlogged_ThereAndBack(t *testing.T) {
	for name, crash := range map[string]bool{"in one run": false, "over a crash": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"))
			b.tweak = evolving
			b.fill("orders", 0, 5)
			r := b.start()
			r.settle()
			gate, free := b.gated()
			b.puts("orders", 3)
			b.do(func(tx *sourcetest.Tx) {
				tx.Alter(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("w")))
			})
			gate <- struct{}{}
			b.await("written in its other form", func() bool {
				fields, _, _ := b.target.Doc("shop.orders", "3")
				_, has := fields["w"]
				return has && r.engine.Dirty() == 0
			})
			b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) })
			if crash {
				b.await("saved", func() bool { snap, _ := b.state(); return snap.Plans[0].Fingerprint == "" })
				r.crash()
				free()
				r = b.start()
			}
			free()
			r.settle()
			b.equal("orders")
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// gated lets the log give one batch for each token, from the next but one on, until free is called.
func (b *bench) gated() (gate chan<- struct{}, free func()) {
	tokens := make(chan struct{})
	free = sync.OnceFunc(func() { close(tokens) })
	b.t.Cleanup(free)
	var waiting atomic.Bool
	b.source.SetHooks(sourcetest.Hooks{NextFunc: func(ctx context.Context) error {
		waiting.Store(true)
		select {
		case <-tokens:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return nil
	}})
	b.puts("orders", 0) // whoever waits for the log already has passed the gate
	b.await("the gate", waiting.Load)
	return tokens, free
}

// TestUnlogged_KeyChanged: many keys from the log have no rows, as if they were decoded wrongly; but the table
// has another definition by now, which the log has yet to come to. Then that is why, and nothing is parked.
func TestUnlogged_KeyChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 20)
	b.tweak = func(o *replicate.Options) { o.Source, o.MaxMisses = strayKeys{b.source}, 5 }
	r := b.start()
	r.settle()
	gate, free := b.gated()
	for id := range 10 {
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(id), "changed") }) // told as of another key
	}
	b.puts("users", 1) // the reads' head, which the log comes to only when all is free
	for range 10 {
		gate <- struct{}{}
	}
	b.await("read", func() bool { return r.engine.Status().Events >= 10 && r.engine.Dirty() == 0 })
	b.do(func(tx *sourcetest.Tx) {
		tx.Alter(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Text("w")))
	})
	gate <- struct{}{}
	free()
	b.await("copied anew", func() bool { return b.logged("backfill done") == 3 })
	r.settle()
	if len(b.parked()) > 0 {
		t.Errorf("parked: %+v", b.parked())
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}
