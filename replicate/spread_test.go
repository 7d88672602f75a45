package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// spreadBench is a table whose rows go to a destination per region.
func spreadBench(t *testing.T, tweak func(*replicate.Options)) *bench {
	b := newBench(t, sourcetest.Table("shop.orders", 2, sourcetest.Text("region"), sourcetest.Int("id"), sourcetest.Text("v")))
	file, err := mappings.Parse("mapping.yaml", []byte(`version: 1
mappings: [{name: orders, from: shop.orders, to: "orders_{region}"}]`), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) {
		o.ChunkRows, o.ReadRows = 13, 5
		o.Compile = func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			return mappings.Compile(file.Mappings, tables, mappings.Rules{})
		}
		if tweak != nil {
			tweak(o)
		}
	}
	return b
}

func regionKey(t *testing.T, region string, id int) source.Key {
	t.Helper()
	key, err := source.NewKey(region, int64(id))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wantSpread compares the ids in each destination, "region: ids".
func (b *bench) wantSpread(want ...string) {
	b.t.Helper()
	names, err := b.target.List(context.Background(), "orders_")
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, name := range names {
		var ids []string
		for _, id := range b.target.IDs(name) {
			ids = append(ids, string(id))
		}
		slices.Sort(ids)
		got = append(got, strings.TrimPrefix(name, "orders_")+": "+strings.Join(ids, " "))
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("documents %q, want %q", got, want)
	}
}

// TestSpread: rows go where their keys say, copied and followed, also to destinations that are new; one whose key changes moves,
// and what goes from a destination that there is not makes none.
func TestSpread(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, nil)
	b.do(func(tx *sourcetest.Tx) {
		tx.Insert(orders, "eu", int64(1), "a").Insert(orders, "us", int64(1), "b").Insert(orders, "eu", int64(2), "c")
	})
	r := b.start()
	r.settle()
	b.wantSpread("eu: eu|1 eu|2", "us: us|1")
	b.do(func(tx *sourcetest.Tx) {
		tx.Insert(orders, "jp", int64(7), "d").ChangeKey(orders, regionKey(t, "eu", 2), regionKey(t, "us", 2)).Delete(orders, regionKey(t, "us", 1))
		tx.Insert(orders, "xx", int64(1), "e").Delete(orders, regionKey(t, "xx", 1))
	})
	r.settle()
	b.wantSpread("eu: eu|1", "jp: jp|7", "us: us|2")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Truncate(orders).Insert(orders, "au", int64(1), "f") })
	r = b.start() // it knows them from the state
	r.settle()
	b.wantSpread("au: au|1", "eu: ", "jp: ", "us: ")
	if s := r.engine.Status(); s.DeadLetters != 0 || len(s.Parked) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSpread_StateLost: a state that is new is refused where any of the destinations holds documents, and --fresh finds those whose
// rows are gone, in destinations that no row goes to any more, too.
func TestSpread_StateLost(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, nil)
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, "eu", int64(1), "a").Insert(orders, "us", int64(1), "b") })
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Delete(orders, regionKey(t, "us", 1)).Insert(orders, "eu", int64(2), "c") })
	b.path += ".new"
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), "orders_eu, orders_us") {
		t.Fatalf("a new state: %v", err)
	}
	tweak := b.tweak
	b.tweak = func(o *replicate.Options) {
		tweak(o)
		o.Fresh = true
	}
	b.target.AllowOldVersions = true
	r = b.start()
	r.settle()
	b.wantSpread("eu: eu|1 eu|2", "us: ")
}

// TestSpread_Saved: a destination is in the state before anything is written to it: killed in between, the next run knows it, and a
// destination that was deleted meanwhile is not made anew behind anybody's back.
func TestSpread_Saved(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, nil)
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, "eu", int64(1), "a") })
	var r *run
	b.target.Before = func(ctx context.Context, ops []targets.Op) error {
		for _, op := range ops {
			store, err := state.OpenReadOnly(ctx, b.path)
			if err != nil {
				return err
			}
			snap, err := store.Load(ctx)
			if err != nil {
				return err
			}
			if _, known := replicate.Places(snap.Plans[0].Identity)[op.Dest.Name]; !known {
				t.Errorf("%s is written to, and the state knows only %s", op.Dest.Name, snap.Plans[0].Identity)
			}
			if err := store.Close(); err != nil {
				return err
			}
		}
		return nil
	}
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.target.Drop("orders_eu")
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), "orders_eu is not there any more") {
		t.Fatalf("after the destination was deleted: %v", err)
	}
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "orders/shop.orders"})
	r = b.start()
	r.settle()
	b.wantSpread("eu: eu|1")
}

// TestSpread_TooMany: a column with too many values parks the mapping, and does not make a destination for each.
func TestSpread_TooMany(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, func(o *replicate.Options) { o.MaxDestinations = 5 })
	b.do(func(tx *sourcetest.Tx) {
		for i := range 20 {
			tx.Insert(orders, fmt.Sprint("r", i), int64(1), "a")
		}
	})
	if err := b.start().finished(); !errors.Is(err, replicate.ErrParked) || !strings.Contains(err.Error(), "one more than 5 destinations of mapping orders") {
		t.Errorf("it ended with %v", err)
	}
	if names, err := b.target.List(t.Context(), "orders_"); err != nil || len(names) != 5 {
		t.Errorf("%d destinations, %v", len(names), err)
	}
}

// TestSpread_NoSuchName: a row whose destination cannot be named is a dead letter, and holds up no other.
func TestSpread_NoSuchName(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, nil)
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, "a b", int64(1), "a").Insert(orders, "EU", int64(1), "b") })
	r := b.start()
	r.settle()
	b.wantSpread("eu: EU|1")
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, "c/d", int64(1), "a").Insert(orders, "eu", int64(1), "b") })
	r.settle()
	b.wantSpread("eu: EU|1 eu|1")
	b.do(func(tx *sourcetest.Tx) { tx.Delete(orders, regionKey(t, "EU", 1)) })
	r.settle()
	b.wantSpread("eu: eu|1")
	if s := r.engine.Status(); s.DeadLetters != 2 {
		t.Errorf("%d dead letters, want 2", s.DeadLetters)
	}
}

// TestSpread_NewColumn: every destination has a field before the first document that has it.
func TestSpread_NewColumn(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := spreadBench(t, nil)
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, "eu", int64(1), "a").Insert(orders, "us", int64(1), "b") })
	r := b.start()
	r.settle()
	wide := sourcetest.Table("shop.orders", 2, sourcetest.Text("region"), sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Text("w"))
	b.do(func(tx *sourcetest.Tx) { tx.Alter(wide) })
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(orders, "us", int64(1), "b", "new").Insert(orders, "jp", int64(1), "c", "also new")
	})
	r.settle()
	for _, name := range []string{"orders_us", "orders_jp"} {
		docs, err := b.target.ReadDocs(t.Context(), name, b.target.IDs(name))
		if err != nil || len(docs) != 1 || !strings.Contains(string(docs[0].Body), `new"`) {
			t.Errorf("%s: %+v, %v", name, docs, err)
		}
	}
	if s := r.engine.Status(); s.DeadLetters != 0 || len(s.Parked) != 0 {
		t.Errorf("%+v", s)
	}
}
