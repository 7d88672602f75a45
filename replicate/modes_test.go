package replicate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestRun_DrainSavesAll: after a drain the next run reads nothing again.
func TestRun_DrainSavesAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.source.SetBatchSize(4)
	b.fill("orders", 0, 100)
	b.tweak = func(o *replicate.Options) { o.ChunkRows = 10 }
	r := b.start()
	r.settle()
	b.puts("orders", 1, 2, 3)
	b.await("the events have come", func() bool { return r.engine.Status().Events == 3 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	b.source.ResetRecord()
	r = b.start()
	b.source.Keepalive()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if reads, scans := b.source.Reads(), b.source.Scans(); len(reads)+len(scans) > 0 {
		t.Errorf("the second run read %v and scanned %v", reads, scans)
	}
	if opened := b.source.Opened(); !slices.Equal(opened, []source.Position{b.source.Last()}) {
		t.Errorf("the second run followed from %v, want %s", opened, b.source.Last())
	}
}

// TestRun_DrainInBackfill: the chunk under way is finished, and the next run goes on after it.
func TestRun_DrainInBackfill(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 100)
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
	b.tweak = func(o *replicate.Options) { o.ChunkRows = 10 }
	r := b.start()
	<-scanned
	ended := make(chan error, 1)
	go func() { ended <- r.end() }()
	b.await("it stops", func() bool { return b.logged("stopping") == 1 })
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	snap, _ := b.state()
	if len(snap.Ranges) != 1 || snap.Ranges[0].Rows == 0 {
		t.Errorf("saved ranges %+v", snap.Ranges)
	}
	b.source.ResetRecord()
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	b.wantScansFrom(snap)
	want := []string{"begin shop.orders", "end shop.orders"}
	if got := b.target.BulkCalls(); !slices.Equal(got, want) {
		t.Errorf("bulk mode: %q, want %q", got, want)
	}
}

// TestRun_BulkModeAfterACrash: a run dies between the end of a backfill and the end of bulk mode.
func TestRun_BulkModeAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 10)
	r := b.start()
	r.settle()
	if got := b.target.BulkCalls(); !slices.Equal(got, []string{"begin shop.orders", "end shop.orders"}) {
		t.Errorf("bulk mode of a whole run: %q", got)
	}
	r.crash()
	if err := b.target.BeginBulk(t.Context(), "shop.orders"); err != nil { // as if it had died before EndBulk
		t.Fatal(err)
	}
	r = b.start()
	b.puts("orders", 11)
	r.settle()
	if got := b.target.BulkCalls(); got[len(got)-1] != "end shop.orders" || len(got) != 4 {
		t.Errorf("bulk mode after a crash: %q", got)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

func TestRun_OnceWithWriters(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 200)
	b.source.Lag() // from here on, so that the copy has rows to see
	b.tweak = func(o *replicate.Options) { o.Once, o.ChunkRows = true, 11 }
	r := b.start()
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() { b.scribble(rand.New(rand.NewPCG(7, uint64(w))), w, 40) })
	}
	writers.Wait()
	if err := r.finished(); err != nil {
		t.Fatal(err)
	}
	b.source.Release()                           // else the head is behind what nobody has read
	if err := b.start().finished(); err != nil { // what came after the first one's end
		t.Fatal(err)
	}
	b.equal("orders")
}

func TestRun_FollowOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 10)
	b.tweak = func(o *replicate.Options) { o.FollowOnly = true }
	r := b.start()
	b.await("it follows", func() bool { return len(b.source.Opened()) == 1 })
	b.puts("orders", 3, 20)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if ids := fmt.Sprint(b.target.IDs("shop.orders")); ids != "[20 3]" || len(b.source.Scans()) > 0 {
		t.Errorf("documents %s after %d scans", ids, len(b.source.Scans()))
	}
	b.tweak = nil
	r = b.start()
	b.puts("orders", 4)
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("shop.orders")); ids != "[20 3 4]" {
		t.Errorf("documents %s after a restart", ids)
	}
}

// TestRun_NewTableAtRestart is copied, and what was known is not.
func TestRun_NewTableAtRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("items"))
	b.fill("orders", 0, 10)
	b.fill("items", 0, 10)
	b.tweak = func(o *replicate.Options) { o.Tables = []source.Pattern{{Schema: "shop", Name: "orders"}} }
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.tweak = nil
	b.source.ResetRecord()
	r = b.start()
	r.settle()
	b.equal("orders")
	b.equal("items")
	for _, scan := range b.source.Scans() {
		if scan.Table != tableName("items") {
			t.Errorf("%s was scanned", scan.Table)
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_ChangedAtRestart: a table that changed while nobody followed is copied and swept.
func TestRun_ChangedAtRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 10)
	r := b.start()
	r.settle()
	land(t, b, b.destination("orders"), 500) // only a sweep finds it
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "colour")) })
	b.source.ResetRecord()
	r = b.start()
	r.settle()
	if n := b.logged("it is copied again"); n != 1 || len(b.source.Scans()) == 0 {
		t.Errorf("%d warnings, %d scans", n, len(b.source.Scans()))
	}
	if ids := b.target.IDs("shop.orders"); len(ids) != 10 || slices.Contains(ids, "500") {
		t.Errorf("documents %q", ids)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_RateLimit: rows of chunks and of events take their share of the limit.
func TestRun_RateLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 50)
	b.tweak = func(o *replicate.Options) { o.RowsPerSecond = 500 }
	begin := time.Now()
	r := b.start()
	r.settle()
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("50 rows at 500 per second took %v", took)
	}
	read := r.engine.Status().RowsRead
	b.fill("orders", 100, 150)
	r.settle()
	if took, rows := time.Since(begin), r.engine.Status().RowsRead; took < time.Duration(rows)*2*time.Millisecond || rows == read {
		t.Errorf("%d rows took %v", rows, took)
	}
	if perSecond, burst := r.engine.RateLimit(); perSecond != 500 || burst != 2000 {
		t.Errorf("limit %v, burst %d", perSecond, burst)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}
