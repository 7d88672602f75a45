package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

func targetID(n int) targets.ID { return targets.ID(fmt.Sprint(n)) }

// land puts a document into the target that the engine has not written.
func land(t *testing.T, b *bench, dest *targets.Destination, n int) {
	t.Helper()
	items := b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: dest, ID: targetID(n),
		Version: time.Now().UnixMicro() - time.Hour.Microseconds(), Doc: []any{int64(n), "stray"}}})
	if len(items) > 0 {
		t.Fatal(items)
	}
}

func (b *bench) truncate() {
	b.t.Helper()
	b.do(func(tx *sourcetest.Tx) { tx.Truncate(tableName("orders")) })
}

// TestRun_Truncate: the documents go, and a row that is inserted right after it stays.
func TestRun_Truncate(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("items"))
	b.fill("orders", 0, 50)
	b.fill("items", 0, 5)
	b.source.Lag() // from here on, so that the copy has rows to see
	b.tweak = func(o *replicate.Options) { o.ReadRows = 7 }
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(1), "late") })
	b.truncate()
	b.fill("orders", 10, 12)
	r.settle()
	b.equal("orders")
	b.equal("items")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if snap, _ := b.state(); len(snap.Jobs) != 0 {
		t.Errorf("jobs left: %v", snap.Jobs)
	}
}

func TestRun_TruncateIgnored(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.tweak = func(o *replicate.Options) { o.OnTruncate = replicate.TruncateIgnore }
	r := b.start()
	r.settle()
	b.truncate()
	b.fill("orders", 10, 12)
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("shop.orders")); ids != "[0 1 10 11 2 3 4]" {
		t.Errorf("documents %s", ids)
	}
}

func TestRun_TruncateStops(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.tweak = func(o *replicate.Options) { o.OnTruncate = replicate.TruncateStop }
	r := b.start()
	r.settle()
	before := b.source.Last()
	b.truncate()
	err := r.finished()
	var hint interface{ Hint() string }
	if err == nil || !errors.As(err, &hint) {
		t.Fatalf("the run ended with %v", err)
	}
	if snap, _ := b.state(); snap.Checkpoint.Position != string(before) || len(b.target.IDs("shop.orders")) != 5 {
		t.Errorf("saved %+v, documents %v", snap.Checkpoint, b.target.IDs("shop.orders"))
	}
	b.tweak = nil // the operator has decided
	r = b.start()
	r.settle()
	b.equal("orders")
}

// TestRun_TruncateBetweenScanAndWrite: a chunk was read, and the table is truncated before its rows
// are claimed, or while they are being written.
func TestRun_TruncateBetweenScanAndWrite(t *testing.T) {
	for _, at := range []string{"scan", "write"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"))
			b.fill("orders", 0, 30)
			var once sync.Once
			reached, release := make(chan struct{}), make(chan struct{})
			hold := func(ctx context.Context) error {
				once.Do(func() { close(reached) })
				select {
				case <-release:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
			if at == "scan" {
				b.source.SetHooks(sourcetest.Hooks{AfterScanFunc: func(ctx context.Context, _ source.Selection, _ []source.Row) error { return hold(ctx) }})
			} else {
				b.target.Before = func(ctx context.Context, _ []targets.Op) error { return hold(ctx) }
			}
			var saved atomic.Bool
			want := source.Position("")
			b.tweak = func(o *replicate.Options) {
				o.Observer = &replicate.Observer{AckedFunc: func(p source.Position) {
					if p == want {
						saved.Store(true)
					}
				}}
			}
			n, err := nextPosition(b)
			if err != nil {
				t.Fatal(err)
			}
			want = n
			r := b.start()
			<-reached
			b.truncate()
			b.await("the truncation is saved", saved.Load)
			close(release)
			b.fill("orders", 40, 42)
			r.settle()
			b.equal("orders")
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// nextPosition is where the log will be after the next commit.
func nextPosition(b *bench) (source.Position, error) {
	var n int
	_, err := fmt.Sscanf(string(b.source.Last()), "mem:%d", &n)
	return source.Position(fmt.Sprintf("mem:%d", n+1)), err
}

// TestRun_SweepBeginsAnew when its cursor expires, and leaves ids alone that no row can have.
func TestRun_SweepBeginsAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 40)
	var scans atomic.Int64
	b.target.BeforeScan = func(_ context.Context, _ string, after targets.Cursor) error {
		if scans.Add(1) == 4 {
			b.target.ExpireCursors()
		}
		return nil
	}
	b.tweak = func(o *replicate.Options) { o.ReadRows = 5 }
	r := b.start()
	r.settle()
	dest := b.destination("orders")
	foreign := targets.ID("made by hand")
	b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: dest, ID: foreign, Version: 1, Doc: []any{int64(0), "x"}}})
	land(t, b, dest, 777)
	b.truncate()
	b.fill("orders", 3, 5)
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("shop.orders")); ids != "[3 4 made by hand]" {
		t.Errorf("documents %s", ids)
	}
	if scans.Load() < 6 {
		t.Errorf("%d pages were scanned", scans.Load())
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_SweepAfterACrash: the run dies in the middle of a sweep, the next one does it again.
func TestRun_SweepAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 40)
	var hold atomic.Bool
	reached := make(chan struct{}, 100)
	b.target.BeforeScan = func(ctx context.Context, _ string, after targets.Cursor) error {
		if !hold.Load() || after == "" {
			return nil
		}
		reached <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	b.tweak = func(o *replicate.Options) { o.ReadRows = 5 }
	r := b.start()
	r.settle()
	hold.Store(true)
	b.truncate()
	<-reached
	r.crash()
	if snap, _ := b.state(); len(snap.Jobs) != 1 {
		t.Errorf("jobs in the state: %v", snap.Jobs)
	}
	hold.Store(false)
	r = b.start()
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}
