package replicate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// under gives the bench a mapping of the table orders with a condition.
func (b *bench) under(where string) {
	b.t.Helper()
	file, err := mappings.Parse("mapping.yaml", []byte("version: 1\nmappings: [{from: shop.orders, where: '"+where+"'}]"), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) {
		o.ChunkRows, o.ReadRows = 13, 5
		o.Compile = func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			return mappings.Compile(file.Mappings, tables, mappings.Rules{})
		}
	}
}

func (b *bench) wantIDs(want ...string) {
	b.t.Helper()
	var got []string
	for _, id := range b.target.IDs("shop.orders") {
		got = append(got, string(id))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("documents %v, want %v", got, want)
	}
}

// TestRun_Where: rows that do not meet the condition have no document; one that stops meeting it loses
// its own, one that meets it again gets it back; and copying anew finds what has no right to be there.
func TestRun_Where(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := newBench(t, table("orders"))
	b.under(`v startsWith "in"`)
	b.do(func(tx *sourcetest.Tx) {
		tx.Insert(orders, int64(1), "in").Insert(orders, int64(2), "out").Insert(orders, int64(3), "in").Insert(orders, int64(4), nil)
	})
	r := b.start()
	r.settle()
	b.wantIDs("1", "3")
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(orders, int64(1), "out").Update(orders, int64(2), "in").Update(orders, int64(3), nil).Update(orders, int64(4), "in")
	})
	r.settle()
	b.wantIDs("2", "4")
	b.do(func(tx *sourcetest.Tx) { tx.Update(orders, int64(1), "in again").Delete(orders, sourcetest.Key(4)) })
	r.settle()
	b.wantIDs("1", "2")

	// Somebody else's hand, and a copy over it: documents of rows that do not match, and of none.
	for _, id := range []targets.ID{"3", "99"} {
		b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: b.destination("orders"), ID: id, Doc: []any{int64(3), "x"}, Version: 1}})
	}
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "shop.orders", At: time.Now()})
	b.await("the request done", func() bool { return b.pending() == 0 })
	r.settle()
	b.wantIDs("1", "2")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestRun_WhereFirstCopy: a copy into a destination that held nothing deletes nothing for rows that do not match, yet
// rows that change meanwhile end as they should, over crashes too.
func TestRun_WhereFirstCopy(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := newBench(t, table("orders"))
	b.under(`v == "in"`)
	b.do(func(tx *sourcetest.Tx) {
		for id := range int64(500) {
			tx.Insert(orders, id, []any{"in", "out", "out", nil}[id%4])
		}
	})
	tweak, deletes := b.tweak, make(chan int, 1)
	deletes <- 0
	b.tweak = func(o *replicate.Options) {
		tweak(o)
		o.Observer = &replicate.Observer{OpsWrittenFunc: func(ops []targets.Op, _ error) {
			n := <-deletes
			for _, op := range ops {
				if op.Verb == targets.Delete {
					n++
				}
			}
			deletes <- n
		}}
	}
	r := b.start()
	r.settle()
	if n := <-deletes; n != 0 {
		t.Errorf("%d deletes in a first copy", n)
	}
	deletes <- 0
	if ids := b.target.IDs("shop.orders"); len(ids) != 125 {
		t.Errorf("%d documents, want 125", len(ids))
	}
	r.crash()

	b = newBench(t, table("orders"))
	b.under(`v == "in"`)
	b.do(func(tx *sourcetest.Tx) {
		for id := range int64(300) {
			tx.Insert(orders, id, []any{"in", "out", nil}[id%3])
		}
	})
	rnd := rand.New(rand.NewPCG(3, 1))
	for range 4 {
		r = b.start()
		for range 40 {
			b.do(func(tx *sourcetest.Tx) { tx.Update(orders, rnd.Int64N(300), []any{"in", "out", nil}[rnd.IntN(3)]) })
		}
		r.crash()
	}
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, row := range b.source.Rows(orders) {
		if row[1] == "in" {
			want = append(want, fmt.Sprint(row[0]))
		}
	}
	b.wantIDs(want...)
}

// TestRun_ExpressionFails: a row of which something cannot be computed is a dead letter, and no longer
// one when it can.
func TestRun_ExpressionFails(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := newBench(t, table("orders"))
	b.under(`int(v) > 3`)
	b.do(func(tx *sourcetest.Tx) {
		tx.Insert(orders, int64(1), "4").Insert(orders, int64(2), "many").Insert(orders, int64(3), "x")
	})
	r := b.start()
	r.settle()
	b.wantIDs("1")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.lettersOf(), "; "); strings.Count(got, "where: the text is no number") != 2 {
		t.Errorf("dead letters %s", got)
	}
	r = b.start()
	b.do(func(tx *sourcetest.Tx) { tx.Update(orders, int64(2), "5").Update(orders, int64(3), "1") })
	r.settle()
	b.wantIDs("1", "2")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.wantLetters()
}

// TestRun_MarkTime: a mark says when the row went by the source's clock, also where versions had to go above those of
// somebody else, far ahead of it.
func TestRun_MarkTime(t *testing.T) {
	t.Parallel()
	orders := tableName("orders")
	b := newBench(t, table("orders"))
	file, err := mappings.Parse("mapping.yaml", []byte("version: 1\nmappings: [{from: shop.orders, on_delete: {mark: gone}}]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) {
		o.Compile = func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			return mappings.Compile(file.Mappings, tables, mappings.Rules{})
		}
	}
	ahead := targets.Mark{Number: 1, Ceiling: time.Now().Add(time.Hour).UnixMicro()}
	if err := b.target.WriteMark(t.Context(), "another", ahead); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Insert(orders, int64(1), "v") })
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Delete(orders, sourcetest.Key(1)) })
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	fields, version, _ := b.target.Doc("shop.orders", "1")
	at, err := time.Parse(time.RFC3339, fmt.Sprint(fields["gone"]))
	if err != nil || version < ahead.Ceiling {
		t.Fatalf("mark %v, version %d, %v", fields["gone"], version, err)
	}
	if away := time.Since(at).Abs(); away > time.Minute {
		t.Errorf("the mark says %s, which is %s away", at, away)
	}
}
