package replicate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestRun_SupersededChunk: between a chunk's read and its writes, one of its rows is changed and
// written, and one is deleted. The chunk's old rows are not even sent.
func TestRun_SupersededChunk(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 30)
	var once sync.Once
	scanned, release := make(chan struct{}), make(chan struct{})
	b.source.SetHooks(sourcetest.Hooks{AfterScanFunc: func(ctx context.Context, _ source.Selection, _ []source.Row) error {
		once.Do(func() { close(scanned) })
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	}})
	var mu sync.Mutex
	var sent []string
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		mu.Lock()
		defer mu.Unlock()
		for _, op := range ops {
			if op.ID == "3" || op.ID == "4" {
				sent = append(sent, fmt.Sprint(op.ID, op.Verb, op.Doc))
			}
		}
		return nil
	}
	r := b.start()
	<-scanned
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(3), "changed").Delete(tableName("orders"), sourcetest.Key(4))
	})
	b.await("the events are written", func() bool { mu.Lock(); defer mu.Unlock(); return len(sent) == 2 })
	close(release)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if len(sent) != 2 {
		t.Errorf("sent %q", sent)
	}
}

// TestRun_OneFlightPerDocument: a row changes again and again while its document is being written.
// The target watches that it is never under way twice, and the changes meanwhile cost one more read.
func TestRun_OneFlightPerDocument(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	var armed atomic.Bool
	writing, release := make(chan struct{}), make(chan struct{})
	b.target.Before = func(ctx context.Context, _ []targets.Op) error {
		if armed.CompareAndSwap(true, false) {
			close(writing)
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	}
	r := b.start()
	r.settle()
	armed.Store(true)
	b.puts("orders", 0)
	<-writing
	b.source.ResetRecord()
	for i := range 20 {
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(0), fmt.Sprint(i)) })
	}
	b.await("the changes are taken in", func() bool { return r.engine.Status().Events >= 21 })
	close(release)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if n := b.source.KeyReads(tableName("orders"), sourcetest.Key(0)); n < 1 || n > 2 {
		t.Errorf("the row was read %d times for 20 changes during one write", n)
	}
}

// TestRun_VersionBeforeRead: a version that is drawn while rows are being read is higher than theirs,
// and a read that is tried again gets a new one.
func TestRun_VersionBeforeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 3)
	var mu sync.Mutex
	var engine *replicate.Replicator
	var failed, during int64 // versions drawn in a read that then fails, and in the one after it
	after := func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		version, err := engine.DrawVersion(ctx)
		if err != nil {
			return err
		}
		if failed == 0 {
			failed = version
			return errDown
		}
		during = version
		return nil
	}
	b.source.SetHooks(sourcetest.Hooks{
		AfterReadFunc: func(ctx context.Context, _ source.Selection, _ []source.Row) error { return after(ctx) },
		AfterScanFunc: func(ctx context.Context, _ source.Selection, _ []source.Row) error { return after(ctx) },
	})
	writes := 0
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if v := ops[0].Version; v <= failed || v >= during {
			t.Errorf("version %d: want it after %d, of the read that failed, and before %d, of this read", v, failed, during)
		}
		failed, writes = 0, writes+1
		return nil
	}
	b.tweak = oneAtATime
	mu.Lock()
	r := b.start()
	engine = r.engine
	mu.Unlock()
	r.settle()
	b.puts("orders", 1)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if writes != 2 {
		t.Errorf("%d writes", writes)
	}
}

// TestRun_LargeTransaction: while a transaction that comes in many batches is not wholly in the
// target, its position is not saved, also not when the run is killed in it.
func TestRun_LargeTransaction(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	b.source.SetBatchSize(5)
	var armed atomic.Bool
	reached := make(chan struct{}, 1)
	var batches atomic.Int64
	b.source.SetHooks(sourcetest.Hooks{NextFunc: func(ctx context.Context) error {
		if armed.Load() && batches.Add(1) == 8 {
			reached <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}})
	r := b.start()
	r.settle()
	before := b.source.Last()
	armed.Store(true)
	b.fill("orders", 100, 200)
	<-reached
	b.await("what has come is written", func() bool { return r.engine.Dirty() == 0 && len(b.target.IDs("shop.orders")) > 20 })
	r.crash()
	if snap, _ := b.state(); snap.Checkpoint.Position != string(before) {
		t.Errorf("saved %s in the middle of a transaction, want %s", snap.Checkpoint.Position, before)
	}
	armed.Store(false)
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// TestRun_MemoryBound: with the target down, the log is left alone when enough documents wait.
func TestRun_MemoryBound(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	var down atomic.Bool
	b.target.Before = func(context.Context, []targets.Op) error {
		if down.Load() {
			return errDown
		}
		return nil
	}
	b.tweak = func(o *replicate.Options) { o.MaxDirty, o.ReadRows, o.Workers = 30, 5, 2 }
	r := b.start()
	r.settle()
	down.Store(true)
	for i := range 40 {
		b.fill("orders", 100+i*10, 110+i*10)
	}
	b.await("the lanes are full", func() bool { return r.engine.Waiting() == 30 })
	down.Store(false)
	most := 0
	for r.engine.Status().Position != b.source.Last() {
		most = max(most, r.engine.Waiting())
		select {
		case err := <-r.done:
			t.Fatal(err)
		default:
		}
	}
	r.settle()
	if most > 30 {
		t.Errorf("%d documents waited, want at most 30", most)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// TestRun_HotRowBound: with the target down, one row that changes for ever does not fill the memory.
func TestRun_HotRowBound(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	var down atomic.Bool
	b.target.Before = func(context.Context, []targets.Op) error {
		if down.Load() {
			return errDown
		}
		return nil
	}
	b.tweak = func(o *replicate.Options) { o.MaxDirty = 10 }
	r := b.start()
	r.settle()
	down.Store(true)
	const changes = 1000
	for i := range changes {
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(0), fmt.Sprint(i)) })
	}
	b.await("the log is left alone", func() bool { return r.engine.Blocked() })
	if n := r.engine.Status().Events; n >= changes/2 {
		t.Errorf("%d changes were taken in", n)
	}
	down.Store(false)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// TestRun_ProgressWithoutPosition is refused.
func TestRun_ProgressWithoutPosition(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	store, err := state.Open(t.Context(), b.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), state.Change{NewRanges: []state.Range{{Plan: string(mappings.PlanID("shop.orders")), Rest: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), "progress without a position") {
		t.Errorf("the run ended with %v", err)
	}
}
