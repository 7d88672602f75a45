package replicate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestRun_LateOfALostState: a run whose versions were far ahead of the source's clock is killed while a
// delete is on its way, and its state is lost. A fresh start puts the row's document back, and then
// the delete arrives after all.
func TestRun_LateOfALostState(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 10)
	b.tweak = quick
	r := b.start()
	r.settle()
	// Versions of this run go up, by a document that no later one has to do with.
	b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: b.destination("orders"), ID: "3", Version: time.Now().Add(time.Hour).UnixMicro(), Doc: []any{int64(3), "foreign"}}})
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(3)) })
	r.settle()

	var late atomic.Pointer[targets.Op]
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		for _, op := range ops {
			if op.ID == "5" && op.Verb == targets.Delete {
				late.CompareAndSwap(nil, &op)
				return errors.New("no answer")
			}
		}
		return nil
	}
	b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(5)) })
	b.await("a delete on its way", func() bool { return late.Load() != nil })
	r.crash()
	b.target.Before = nil
	b.path += ".new"
	b.puts("orders", 5)
	b.tweak = func(o *replicate.Options) { quick(o); o.Fresh = true }
	r = b.start()
	r.settle()
	b.target.Land([]targets.Op{*late.Load()})
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}
