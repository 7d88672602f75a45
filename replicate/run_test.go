package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

func TestRun_BackfillThenFollow(t *testing.T) {
	b := newBench(t, table("orders"), table("items"))
	b.fill("orders", 0, 500)
	b.fill("items", 0, 50)
	r := b.start()
	r.settle()
	b.equal("orders")
	b.do(func(tx *sourcetest.Tx) {
		tx.Insert(tableName("orders"), int64(1000), "new").Update(tableName("orders"), int64(3), "changed")
		tx.Delete(tableName("orders"), sourcetest.Key(4)).ChangeKey(tableName("items"), sourcetest.Key(7), sourcetest.Key(700))
	})
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	b.equal("items")
}

func TestRun_Once(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5000)
	b.tweak = func(o *replicate.Options) { o.Once = true }
	if err := b.start().finished(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// TestRun_ConcurrentWriters changes rows at random while the engine copies and follows, with reads
// that see a commit only if their fence asks for it, and with crashes.
func TestRun_ConcurrentWriters(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"))
			b.source.SetBatchSize(7)
			b.fill("orders", 0, 400)
			b.source.Lag() // from here on, so that the copy has rows to see
			b.tweak = func(o *replicate.Options) { o.ChunkRows, o.ReadRows, o.MaxDirty = 13, 5, 40 }
			r := b.start()
			for round := range 4 {
				var writers sync.WaitGroup
				for w := range 2 {
					writers.Go(func() { b.scribble(rand.New(rand.NewPCG(seed, uint64(round*2+w))), w, 60) })
				}
				writers.Wait()
				if round%2 == 0 {
					r.crash()
					r = b.start()
				}
			}
			r.settle()
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			b.equal("orders")
		})
	}
}

// scribble makes n random transactions on the keys of one writer.
func (b *bench) scribble(rnd *rand.Rand, writer, n int) {
	for range n {
		_ = b.source.Do(func(tx *sourcetest.Tx) { // a transaction that fails changes nothing, which is fine here
			for range 1 + rnd.IntN(10) {
				id := int64(rnd.IntN(300)*2 + writer)
				switch rnd.IntN(4) {
				case 0, 1:
					tx.Put(tableName("orders"), id, fmt.Sprintf("w%d", rnd.IntN(1000)))
				case 2:
					tx.Put(tableName("orders"), id, "x").Delete(tableName("orders"), sourcetest.Key(id))
				case 3:
					to := id + 600
					tx.Put(tableName("orders"), id, "moved").Put(tableName("orders"), to, "x").Delete(tableName("orders"), sourcetest.Key(to)).
						ChangeKey(tableName("orders"), sourcetest.Key(id), sourcetest.Key(to))
				}
			}
		})
	}
}

// TestRun_FencedReads: readers see a commit only if their fence asks for it. Each read of an event
// asks for its batch, and each chunk for what was taken in before it.
func TestRun_FencedReads(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	b.source.Lag()
	r := b.start()
	r.settle()
	for i := range 5 {
		b.do(func(tx *sourcetest.Tx) {
			tx.Update(tableName("orders"), int64(3), fmt.Sprint("changed", i)).Delete(tableName("orders"), sourcetest.Key(10+i))
			tx.Insert(tableName("orders"), int64(100+i), "new")
		})
		r.settle()
		b.equal("orders")
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	for _, scan := range b.source.Scans() {
		if scan.Fence == "" {
			t.Errorf("range %q was scanned without a fence", scan.Range)
		}
	}
}

// TestRun_ForeignState: a saved position that is not of this source's history ends the run before
// anything is read behind its fence, which may never come.
func TestRun_ForeignState(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.round(func() {})
	b.source = sourcetest.NewMemory(table("orders")) // restored from before all that
	var asked atomic.Int32
	b.source.SetHooks(sourcetest.Hooks{ColumnsFunc: func(context.Context, source.Table) error {
		asked.Add(1)
		return nil
	}})
	err := b.start().finished()
	var hint interface{ Hint() string }
	if !errors.Is(err, source.ErrPositionLost) || !errors.As(err, &hint) {
		t.Errorf("the run ended with %v", err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d tables were described", n)
	}
}
