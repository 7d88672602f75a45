package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

func (b *bench) puts(name string, ids ...int) {
	b.t.Helper()
	b.do(func(tx *sourcetest.Tx) {
		for _, id := range ids {
			tx.Put(tableName(name), int64(id), fmt.Sprintf("put%d", id))
		}
	})
}

// TestRun_TablesComeAndGo: created, renamed within, out of and into what is selected, dropped.
func TestRun_TablesComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 3)
	b.source.Lag() // from here on, so that the copy has rows to see
	outside := source.Table{Schema: "attic", Name: "old"}
	old := sourcetest.Table(outside.String(), 1, sourcetest.Int("id"), sourcetest.Text("v"))
	b.do(func(tx *sourcetest.Tx) {
		tx.Create(old).Insert(outside, int64(1), "attic").Insert(outside, int64(2), "attic")
	})
	r := b.start()
	r.settle()

	b.do(func(tx *sourcetest.Tx) { tx.Create(table("items")).Insert(tableName("items"), int64(1), "first") })
	b.puts("items", 2, 3)
	r.settle()
	b.equal("items")

	b.do(func(tx *sourcetest.Tx) { tx.Rename(outside, tableName("restored")) })
	b.puts("restored", 2, 9)
	r.settle()
	b.equal("restored")

	b.do(func(tx *sourcetest.Tx) { tx.Rename(tableName("items"), tableName("goods")) })
	b.puts("goods", 7)
	r.settle()
	b.equal("goods")
	if ids := fmt.Sprint(b.target.IDs("shop.items")); ids != "[1 2 3]" {
		t.Errorf("documents of the renamed table: %s, want them kept", ids)
	}

	b.do(func(tx *sourcetest.Tx) { tx.Rename(tableName("goods"), outside) })
	b.do(func(tx *sourcetest.Tx) { tx.Insert(outside, int64(50), "unseen") })
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("restored")) })
	b.puts("orders", 1)
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("shop.goods")); ids != "[1 2 3 7]" {
		t.Errorf("documents of the table renamed away: %s", ids)
	}
	if ids := fmt.Sprint(b.target.IDs("shop.restored")); ids != "[1 2 9]" {
		t.Errorf("documents of the dropped table: %s", ids)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if snap, _ := b.state(); len(snap.Plans) != 1 || snap.Plans[0].Source != "shop.orders" || len(snap.Jobs) != 0 {
		t.Errorf("the state knows %+v", snap)
	}
}

// TestRun_ReplacedTable: shadow-table tools swap a filled copy in. What only the old one had goes.
func TestRun_ReplacedTable(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	b.source.Lag() // from here on, so that the copy has rows to see
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) {
		tx.Create(table("_orders_new"))
		for id := 10; id < 30; id++ {
			tx.Insert(tableName("_orders_new"), int64(id), "copied")
		}
		tx.Rename(tableName("orders"), tableName("_orders_old")).Rename(tableName("_orders_new"), tableName("orders"))
	})
	b.puts("orders", 11, 100)
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("_orders_old")) })
	r.settle()
	b.equal("orders")

	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("orders")).Insert(tableName("orders"), int64(5), "again") })
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_RecreatedUnderAReader: the log has said that the table is gone, and a worker meets a new
// one of the same name before the log tells of that. The old one's documents go all the same.
func TestRun_RecreatedUnderAReader(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("items"))
	b.fill("orders", 0, 10)
	var armed atomic.Bool
	reading, read, follow := make(chan struct{}), make(chan struct{}), make(chan struct{})
	hooks := sourcetest.Hooks{ReadFunc: func(ctx context.Context, _ source.Selection, _ []source.Key) error {
		if armed.CompareAndSwap(true, false) {
			close(reading)
			<-read
			return source.ErrNoTable
		}
		return nil
	}}
	b.source.SetHooks(hooks)
	r := b.start()
	r.settle()
	armed.Store(true)
	b.puts("orders", 4)
	<-reading
	hooks.NextFunc = func(ctx context.Context) error {
		select {
		case <-follow:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	b.source.SetHooks(hooks)
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	b.await("the drop is taken in", func() bool { return b.logged("table is gone") == 1 })
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("orders")).Insert(tableName("orders"), int64(3), "again") })
	close(read)
	b.await("the worker is done", func() bool { return r.engine.Dirty() == 0 })
	close(follow)
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_DroppedUnderAReader: a worker finds the table gone before the log says so. The state
// forgets the table all the same.
func TestRun_DroppedUnderAReader(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("items"))
	b.fill("items", 0, 10)
	var armed atomic.Bool
	follow := make(chan struct{})
	hooks := sourcetest.Hooks{ReadFunc: func(_ context.Context, s source.Selection, _ []source.Key) error {
		if armed.CompareAndSwap(true, false) {
			b.do(func(tx *sourcetest.Tx) { tx.Drop(s.Table) })
		}
		return nil
	}}
	b.source.SetHooks(hooks)
	r := b.start()
	r.settle()
	hooks.NextFunc = func(ctx context.Context) error {
		select {
		case <-follow:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	b.source.SetHooks(hooks)
	armed.Store(true)
	b.puts("items", 4)
	b.await("the worker is done", func() bool { return !armed.Load() && r.engine.Dirty() == 0 })
	close(follow)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if snap, _ := b.state(); len(snap.Plans) != 1 || len(snap.Ranges) != 1 {
		t.Errorf("the state knows %+v", snap)
	}
}

// withColumn is the table with one column more.
func withColumn(name, column string) source.Columns {
	return sourcetest.Table("shop."+name, 1, sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Text(column))
}

// evolving takes every change of a table as it comes.
func evolving(o *replicate.Options) { o.OnSchemaChange = string(mappings.Evolve) }

func (b *bench) wantField(id int, field, want string) {
	b.t.Helper()
	if fields, _, _ := b.target.Doc("shop.orders", targetID(id)); fmt.Sprint(fields[field]) != want {
		b.t.Errorf("document %d: %v, want %s %q", id, fields, field, want)
	}
}

// TestRun_AlteredTable: rows written after a column was added have its field, also where the log
// tells of the change only after the rows were read.
func TestRun_AlteredTable(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.tweak = evolving
	b.source.Lag() // from here on, so that the copy has rows to see
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "colour")) })
	b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("orders"), int64(7), "v7", "red") })
	r.settle()
	b.wantField(7, "colour", "red")
	b.do(func(tx *sourcetest.Tx) { // the column goes and another comes; the row's read is stale
		tx.Put(tableName("orders"), int64(8), "v8", "green")
		tx.Alter(withColumn("orders", "size"))
		tx.Put(tableName("orders"), int64(9), "v9", "large")
	})
	r.settle()
	b.wantField(9, "size", "large")
	b.wantField(8, "v", "v8")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.source.ResetRecord()
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if scans := b.source.Scans(); len(scans) > 0 {
		t.Errorf("a change that was followed is copied again after a restart: %d scans", len(scans))
	}
}

// TestRun_AlteredDuringBackfill: chunks that were compiled for the old shape are read again.
func TestRun_AlteredDuringBackfill(t *testing.T) {
	t.Parallel()
	b := newBench(t, withColumn("orders", "colour"))
	b.do(func(tx *sourcetest.Tx) {
		for id := range 50 {
			tx.Insert(tableName("orders"), int64(id), "v", "c")
		}
	})
	var once sync.Once
	b.source.SetHooks(sourcetest.Hooks{ScanFunc: func(context.Context, source.Selection, source.Range) error {
		once.Do(func() { b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "size")) }) })
		return nil
	}})
	b.tweak = func(o *replicate.Options) { evolving(o); o.ChunkRows = 10 }
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	for id := range 50 {
		b.wantField(id, "v", "v")
	}
}

// TestRun_MismatchEndsIt: a target that cannot take the new shape is for a person to look at.
func TestRun_MismatchEndsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.target.BeforePrepare = func(_ context.Context, dests []*targets.Destination) error {
		if len(dests[0].Fields) > 2 {
			return fmt.Errorf("field colour: %w", targets.ErrMismatch)
		}
		return nil
	}
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "colour")) })
	if err := r.finished(); err == nil {
		t.Error("the run goes on")
	}
}

// TestRun_NewMismatchesAreSaidTogether: at the first start everything that does not fit is said at once,
// and nothing is made.
func TestRun_NewMismatchesAreSaidTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("a"), table("b"), table("c"))
	wrong := func(name string) *targets.Destination {
		return &targets.Destination{Name: "shop." + name, Fields: []targets.Field{{Name: "v", Kind: targets.KindGeometry}}}
	}
	if err := b.target.Prepare(t.Context(), []*targets.Destination{wrong("b"), wrong("c")}); err != nil {
		t.Fatal(err)
	}
	err := b.start().finished()
	if !errors.Is(err, targets.ErrMismatch) {
		t.Fatalf("the run ended with %v", err)
	}
	for _, name := range []string{"shop.b", "shop.c"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	if id, err := b.target.Identify(t.Context(), "shop.a"); id != "" || err != nil {
		t.Errorf("shop.a was made: %s, %v", id, err)
	}
}
