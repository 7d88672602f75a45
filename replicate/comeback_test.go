package replicate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestRun_Deselected leaves a table out of one run and takes it in again: what changed meanwhile was
// not followed, so the table is copied and swept anew.
func TestRun_Deselected(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("users", 0, 3)
	b.round(func() {})
	b.tweak = func(o *replicate.Options) { o.Tables = []source.Pattern{{Schema: "shop", Name: "orders"}} }
	b.round(func() {
		b.fill("users", 10, 12)
		b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("users"), sourcetest.Key(1)) })
		b.puts("orders", 1)
	})
	b.tweak = nil
	b.round(func() {})
	b.equal("users")
}

// TestRun_NewStateOnFilledTarget: a state that was lost is no silent copy of everything. Asked for, it
// begins anew on the documents of the earlier one: those without a row go.
func TestRun_NewStateOnFilledTarget(t *testing.T) {
	b := newBench(t, table("users"))
	b.fill("users", 0, 3)
	b.round(func() {})
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("users"), sourcetest.Key(1)) })
	b.path += ".new"
	before := b.target.Counts()
	if err := b.start().finished(); !errors.Is(err, replicate.ErrFilled) || !strings.Contains(err.Error(), "shop.users") {
		t.Fatalf("the run ended with %v", err)
	}
	if after := b.target.Counts(); after != before {
		t.Errorf("the target was touched: %+v, then %+v", before, after)
	}
	b.tweak = func(o *replicate.Options) { o.Fresh = true }
	b.round(func() {})
	b.equal("users")
}

// TestRun_FreshOnOldState begins anew although there is a state, and keeps its versions above the old ones.
func TestRun_FreshOnOldState(t *testing.T) {
	b := newBench(t, table("users"))
	b.fill("users", 0, 3)
	b.round(func() {})
	b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: b.destination("users"), ID: "77", Version: 1, Doc: []any{int64(77), "stray"}}})
	b.tweak = func(o *replicate.Options) { o.Fresh = true }
	b.round(func() { b.fill("users", 5, 6) })
	b.equal("users")
}

// TestRun_KeyAddedLater follows a pattern with a table that has no usable key, until it gets one. Its
// earlier rows are copied then, in this run and in the next.
func TestRun_KeyAddedLater(t *testing.T) {
	refused := table("orders")
	refused.Refused = "no primary key"
	b := newBench(t, refused, table("other"))
	b.source.Lag()
	b.round(func() {
		b.fill("orders", 0, 3)
		b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) })
		b.puts("orders", 7)
	})
	b.equal("orders")
	b.round(func() {})
	b.equal("orders")
}

// TestRun_KeyChanged alters the key of a table while a document of the old key is being read, which a
// driver answers by ErrStale: it must not be tried for ever.
func TestRun_KeyChanged(t *testing.T) {
	b := newBench(t, table("orders"))
	r := b.start()
	r.settle()
	gate := make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	defer open()
	var reads atomic.Int32
	b.source.SetHooks(sourcetest.Hooks{ReadFunc: func(_ context.Context, s source.Selection, keys []source.Key) error {
		if reads.Add(1) == 1 {
			<-gate
		}
		for _, k := range keys {
			if v, err := k.Values(); err != nil || len(v) != len(s.Key) {
				return source.ErrStale
			}
		}
		return nil
	}})
	b.puts("orders", 1)
	b.await("reading", func() bool { return reads.Load() > 0 })
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(1)) })
	b.do(func(tx *sourcetest.Tx) {
		tx.Alter(sourcetest.Table("shop.orders", 2, sourcetest.Int("id"), sourcetest.Text("v")))
	})
	b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(2), "x") })
	open()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if ids := b.target.IDs("shop.orders"); len(ids) != 1 || ids[0] != "2|x" {
		t.Errorf("documents %q: want the one with the new key", ids)
	}
}

// TestRun_DroppedInBackfill leaves no bulk mode behind on the documents that are kept.
func TestRun_DroppedInBackfill(t *testing.T) {
	b := newBench(t, table("users"), table("x"))
	b.fill("users", 0, 3)
	var dropped atomic.Bool
	b.source.SetHooks(sourcetest.Hooks{ScanFunc: func(_ context.Context, s source.Selection, _ source.Range) error {
		if s.Table.Name == "users" && dropped.CompareAndSwap(false, true) {
			b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("users")) })
		}
		return nil
	}})
	b.round(func() {})
	begin := slices.Index(b.target.BulkCalls(), "begin shop.users")
	end := slices.Index(b.target.BulkCalls(), "end shop.users")
	if begin < 0 || end < begin {
		t.Errorf("bulk mode: %q", b.target.BulkCalls())
	}
}

// TestRun_RecreatedWhileDown drops and creates a table while nothing runs, in such a way that the
// saved position lies between the two: the new rows are copied, and documents of the old ones go.
func TestRun_RecreatedWhileDown(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("orders")) })
	b.fill("orders", 15, 25)
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// round runs the engine once, settled before and after what happens meanwhile.
func (b *bench) round(meanwhile func()) {
	b.t.Helper()
	r := b.start()
	r.settle()
	meanwhile()
	r.settle()
	if err := r.end(); err != nil {
		b.t.Fatal(err)
	}
}
