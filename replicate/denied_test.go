package replicate_test

import (
	"context"
	"fmt"
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
)

// denying lets the source refuse the rows of orders, or hide the whole table, while it is set.
func (b *bench) denying(hides bool) *atomic.Bool {
	var on atomic.Bool
	denied := func(table source.Table) error {
		if on.Load() && table == tableName("orders") {
			return &source.HintError{Err: fmt.Errorf("%w: SELECT command denied", source.ErrDenied), Advice: "GRANT SELECT ON shop.orders"}
		}
		return nil
	}
	hooks := sourcetest.Hooks{
		ReadFunc:  func(_ context.Context, s source.Selection, _ []source.Key) error { return denied(s.Table) },
		SplitFunc: func(_ context.Context, s source.Selection) error { return denied(s.Table) },
		ScanFunc:  func(_ context.Context, s source.Selection, _ source.Range) error { return denied(s.Table) },
	}
	if hides {
		hooks.ColumnsFunc = func(_ context.Context, table source.Table) error { return denied(table) }
	}
	b.source.SetHooks(hooks)
	return &on
}

// TestDenied_OneTable: the account may not read one table any more. Its plan is parked with what to do, all
// others go on, and resumed it is equal again.
func TestDenied_OneTable(t *testing.T) {
	for name, one := range map[string]struct {
		hides bool
		touch func(b *bench)
	}{
		"rows refused":            {touch: func(b *bench) { b.puts("orders", 10, 11, 12) }},
		"hidden, met by a row":    {true, func(b *bench) { b.puts("orders", 10, 11, 12) }},
		"hidden, met by an ALTER": {true, func(b *bench) { b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) }) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"), table("users"))
			b.fill("orders", 0, 5)
			b.tweak = quick
			on := b.denying(one.hides)
			r := b.start()
			r.settle()
			on.Store(true)
			one.touch(b)
			b.await("parked", func() bool { return len(b.parked()) == 1 })
			for i := range 10 { // more than there are workers
				b.puts("orders", 100+i)
				b.puts("users", i)
			}
			r.settle()
			b.equal("users")
			if p := b.parked()[0]; p.Plan != "shop.orders" || !strings.Contains(p.Reason, "denied") || !strings.Contains(p.Advice, "GRANT SELECT") {
				t.Errorf("parked: %+v", p)
			}
			on.Store(false)
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
			b.await("resumed", func() bool { return len(b.parked()) == 0 })
			r.settle()
			b.equal("orders")
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDenied_BetweenRuns: what may not be seen at the start is not taken for gone.
func TestDenied_BetweenRuns(t *testing.T) {
	for name, hides := range map[string]bool{"rows refused": false, "table hidden": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"), table("users"))
			b.fill("orders", 0, 5)
			b.tweak = quick
			on := b.denying(hides)
			r := b.start()
			r.settle()
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			on.Store(true)
			b.puts("orders", 7)
			r = b.start()
			b.await("parked", func() bool { return len(b.parked()) == 1 })
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			r = b.start()
			b.puts("users", 7)
			r.settle()
			b.equal("users")
			if len(b.parked()) != 1 {
				t.Error("the parked plan was forgotten at the next start")
			}
			on.Store(false)
			b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
			b.await("resumed", func() bool { return len(b.parked()) == 0 })
			r.settle()
			b.equal("orders")
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDenied_InACopy: the table is denied when its copy begins, or while it goes on.
func TestDenied_InACopy(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 50)
	b.fill("users", 0, 50)
	on := b.denying(false)
	deny := sync.OnceFunc(func() { on.Store(true) })
	b.tweak = func(o *replicate.Options) {
		quick(o)
		o.ChunkRows = 5
		o.Observer = &replicate.Observer{ChunkDoneFunc: func(plan mappings.PlanID, _, _ int) {
			if plan == "shop.orders" {
				deny()
			}
		}}
	}
	r := b.start()
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	r.settle()
	b.equal("users")
	on.Store(false)
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("resumed", func() bool { return len(b.parked()) == 0 })
	r.crash()
}
