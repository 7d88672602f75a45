package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// drift is what somebody has done to documents that a run had made equal: of 99 rows, so many have to be written.
const drift = 5

// drifted copies a table of 99 rows, loses the state, and lets rows and documents drift apart. How many documents were stored
// by then comes with it.
func drifted(t *testing.T, mapping string) (*bench, int) {
	t.Helper()
	b := newBench(t, table("orders"))
	b.mapped(mapping)
	b.fill("orders", 1, 100)
	b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(500), "out") })
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.path += ".new"
	b.target.AllowOldVersions = true
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(10), "changed").Delete(tableName("orders"), sourcetest.Key(11))
		tx.Insert(tableName("orders"), int64(200), "new").Update(tableName("orders"), int64(12), "out")
	})
	_, version, _ := b.target.Doc("orders", targetID(13))
	b.target.Land([]targets.Op{{Verb: targets.Delete, Dest: &targets.Destination{Name: "orders"}, ID: targetID(13), Version: version + 1}})
	return b, b.target.Counts().Stored
}

const healed = "{name: o, from: shop.orders, to: orders, where: 'v != \"out\"'}"

// wantHealed: the target is equal, and only the drift was written.
func (b *bench) wantHealed(stored int) {
	b.t.Helper()
	if got := b.target.Counts().Stored - stored; got != drift {
		b.t.Errorf("%d documents were written, want the %d that differ", got, drift)
	}
	ids := b.target.IDs("orders")
	if len(ids) != 98 { // 99, without 11 and 12, with 200
		b.t.Errorf("%d documents", len(ids))
	}
	if got := b.fields("orders", 10, 11, 12, 13, 200, 500); got != "10 v=changed, 11 none, 12 none, 13 v=v13, 200 v=new, 500 none" {
		b.t.Errorf("documents %s", got)
	}
}

// TestComparing_Heal: after a state was lost, only what differs is written.
func TestComparing_Heal(t *testing.T) {
	b, stored := drifted(t, healed)
	tweak := b.tweak
	b.tweak = func(o *replicate.Options) { tweak(o); o.Heal = true }
	r := b.start()
	r.settle()
	b.wantHealed(stored)
	if s := r.engine.Status(); s.Unchanged != 96 { // 95 documents, and the row that is out and has none
		t.Errorf("%d documents were found as they should be", s.Unchanged)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestComparing_Adopt: the same for a mapping that takes over what somebody has filled, without being asked to begin anew.
func TestComparing_Adopt(t *testing.T) {
	b, stored := drifted(t, "{name: o, from: shop.orders, to: orders, adopt: true, where: 'v != \"out\"'}")
	r := b.start()
	r.settle()
	b.wantHealed(stored)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.mapped(healed) // it is ours by now
	r = b.start()
	r.settle()
	b.wantHealed(stored)
}

// TestComparing_GoesOn: a comparing copy that was cut off goes on as one, whoever starts it.
func TestComparing_GoesOn(t *testing.T) {
	b, stored := drifted(t, healed)
	tweak := b.tweak
	b.tweak = func(o *replicate.Options) { tweak(o); o.Heal, o.Parallel, o.ChunkRows = true, 1, 13 }
	var looks atomic.Int64
	held := make(chan struct{})
	b.target.BeforeCompare = func(ctx context.Context, _ []targets.Op) error {
		if looks.Add(1) == 3 {
			close(held)
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	r := b.start()
	select {
	case <-held:
	case <-time.After(patience):
		t.Fatal("it compares less than that")
	}
	r.crash()
	b.tweak = tweak
	r = b.start()
	r.settle()
	b.wantHealed(stored)
}

// TestComparing_WhatChangesMeanwhile: a row that changes while its chunk is compared, and one that comes for a document without a
// row, end as they are.
func TestComparing_WhatChangesMeanwhile(t *testing.T) {
	b, _ := drifted(t, healed)
	tweak := b.tweak
	b.tweak = func(o *replicate.Options) { tweak(o); o.Heal = true }
	var n atomic.Int64
	b.target.BeforeCompare = func(_ context.Context, ops []targets.Op) error {
		if n.Add(1) > 30 {
			return nil
		}
		b.do(func(tx *sourcetest.Tx) {
			tx.Put(tableName("orders"), int64(20), fmt.Sprint("again ", n.Load())).Put(tableName("orders"), int64(11), "back")
		})
		if n.Load()%3 == 0 {
			return errors.New("the target is away")
		}
		return nil
	}
	r := b.start()
	r.settle()
	last := fmt.Sprintf("20 v=again %d, 11 v=back", min(n.Load(), 30))
	b.await("the last of it", func() bool { return b.fields("orders", 20, 11) == last })
}
