package replicate_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

const (
	usersMapping = "{name: u, from: shop.users, to: users}"
	wholeMapping = "{name: o, from: shop.orders, to: orders}"
	barMapping   = "{name: o, from: shop.orders, to: orders, fields: {v: {to: w}}}"
)

// accepting adds to what the bench's runs accept.
func (b *bench) accepting(names ...string) {
	before := b.tweak
	b.tweak = func(o *replicate.Options) { before(o); o.AcceptStale = names }
}

// forgetDefinitions makes the state one of an earlier program's.
func (b *bench) forgetDefinitions() {
	b.t.Helper()
	store, err := state.Open(context.Background(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	snap, err := store.Load(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range snap.Plans {
		snap.Plans[i].Definition = ""
	}
	if err := store.Save(context.Background(), state.Change{Plans: snap.Plans}); err != nil {
		b.t.Fatal(err)
	}
}

// cutOff starts a run and returns it when some, and not all, of a plan's rows are copied.
func (b *bench) cutOff(plan string) *run {
	b.t.Helper()
	var chunks atomic.Int64
	b.source.SetHooks(sourcetest.Hooks{ScanFunc: func(ctx context.Context, _ source.Selection, _ source.Range) error {
		if chunks.Add(1) > 3 { // one of the other table may be among them
			<-ctx.Done()
		}
		return ctx.Err()
	}})
	r := b.start()
	b.await("a chunk is saved", func() bool {
		snap, _ := b.state()
		for _, rest := range snap.Ranges {
			if rest.Plan == plan && rest.Rows > 0 && rest.Rest != "" {
				return true
			}
		}
		return false
	})
	return r
}

// edited copies two rows under one mapping, and then has the next runs use another one.
func edited(t *testing.T, before, after string) *bench {
	t.Helper()
	b := newBench(t, table("orders"), table("users"))
	b.mapped(before, usersMapping)
	b.fill("orders", 1, 3)
	b.round(func() {})
	b.mapped(after, usersMapping)
	return b
}

// TestEdited_Parks: an edited mapping that makes other documents is not followed, nor copied by itself, until somebody
// asks for a backfill: while the run is on, or before it. Others go on.
func TestEdited_Parks(t *testing.T) {
	for name, running := range map[string]bool{"asked of the run": true, "asked before the run": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := edited(t, wholeMapping, barMapping)
			ask := func() {
				b.ask(state.Request{Verb: state.BackfillPlan, Plan: "o/shop.orders", At: time.Now()})
			}
			r := b.start()
			b.await("parked", func() bool { return len(b.parked()) == 1 })
			b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(1)) })
			b.puts("users", 7)
			r.settle()
			parked := b.parked()[0]
			if want := "mapping o has changed since it was copied: fields.v.to was not said, is now w"; parked.Reason != want {
				t.Errorf("reason %q, want %q", parked.Reason, want)
			}
			if want := "meepo-replicate backfill o copies it again, in place; or a start with --accept-stale o follows it as it is now, and leaves documents as they are until their rows change"; parked.Advice != want {
				t.Errorf("advice %q, want %q", parked.Advice, want)
			}
			if got := b.fields("orders", 1, 2) + "; " + b.fields("users", 7); got != "1 v=v1, 2 v=v2; 7 v=put7" {
				t.Errorf("documents %s", got)
			}
			if running {
				ask()
				b.await("taken up", func() bool { return len(b.parked()) == 0 })
				r.settle()
			}
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			if !running {
				ask()
				b.round(func() {})
			}
			if got := b.fields("orders", 1, 2); got != "1 none, 2 w=v2" {
				t.Errorf("documents %s", got)
			}
			b.source.ResetRecord()
			b.round(func() {})
			if scans := b.source.Scans(); len(scans) > 0 || len(b.parked()) > 0 {
				t.Errorf("not settled: %d scans, parked %v", len(scans), b.parked())
			}
		})
	}
}

// TestEdited_AcceptStale: documents stay as they are until their rows change, whether that is accepted at the first start
// or later, and what happened to the rows while the mapping was parked is said to be missing. The next start goes on.
func TestEdited_AcceptStale(t *testing.T) {
	for name, first := range map[string]bool{"at the first start": true, "parked before": false} {
		for _, accept := range []string{"o", "shop.orders", "o/shop.orders", "all"} {
			t.Run(name+", "+accept, func(t *testing.T) {
				t.Parallel()
				b := edited(t, wholeMapping, barMapping)
				if !first {
					b.round(func() { b.puts("orders", 1) })
				}
				b.accepting(accept)
				b.source.ResetRecord()
				b.round(func() { b.puts("orders", 2) })
				b.mapped(barMapping, usersMapping)
				b.round(func() { b.puts("orders", 3) })
				if got := b.fields("orders", 1, 2, 3); got != "1 v=v1, 2 w=put2, 3 w=put3" {
					t.Errorf("documents %s", got)
				}
				if scans := b.source.Scans(); len(scans) > 0 || len(b.parked()) > 0 {
					t.Errorf("%d scans, parked %v", len(scans), b.parked())
				}
				if b.logged("documents stay as they are until their rows change") == 0 || (b.logged("what has changed meanwhile is not in the target") == 0) != first {
					t.Errorf("the log:\n%s", b.log)
				}
			})
		}
	}
}

// TestEdited_AcceptStaleGoesOn: a copy that was under way goes on, with the mapping as it is now; once it was broken off by
// parking, only a backfill makes it whole, and that is said.
func TestEdited_AcceptStaleGoesOn(t *testing.T) {
	for name, parkedFirst := range map[string]bool{"at the first start": false, "parked before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, table("orders"), table("users"))
			b.mapped(wholeMapping, usersMapping)
			quickly := b.tweak
			b.tweak = func(o *replicate.Options) { quickly(o); o.ChunkRows, o.Parallel = 5, 1 }
			b.fill("orders", 0, 50)
			r := b.cutOff("o/shop.orders")
			r.crash()
			b.source.SetHooks(sourcetest.Hooks{})
			b.mapped(barMapping, usersMapping)
			if parkedFirst {
				b.round(func() {})
				if parked := b.parked(); len(parked) != 1 || strings.Contains(parked[0].Advice, "accept-stale") {
					t.Fatalf("parked: %+v", parked)
				}
			}
			b.accepting("o")
			b.round(func() {})
			if parked := b.parked(); (len(parked) == 1) != parkedFirst {
				t.Fatalf("parked: %+v", parked)
			}
			if got := len(b.target.IDs("orders")); got != 50 && !parkedFirst {
				t.Errorf("%d documents", got)
			}
		})
	}
}

// TestEdited_NothingOfConcern: an edit that makes no document another does nothing, also where the table has changed at the
// same time: then that is for the policies.
func TestEdited_NothingOfConcern(t *testing.T) {
	const glob = "{name: o, from: 'shop.o*', to: orders, fields: {v: {to: v}}}"
	b := edited(t, wholeMapping, glob)
	b.source.ResetRecord()
	b.round(func() {})
	if scans := b.source.Scans(); len(scans) > 0 || len(b.parked()) > 0 {
		t.Errorf("%d scans, parked %v", len(scans), b.parked())
	}
	b = edited(t, wholeMapping, glob)
	b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "w")) })
	b.round(func() {})
	if got := b.fields("orders", 1); got != "1 v=v1 w=<nil>" || len(b.parked()) > 0 {
		t.Errorf("documents %s, parked %v", got, b.parked())
	}
}

// TestEdited_Destination: another `to` is an edit like others; copied again, the new destination is whole.
func TestEdited_Destination(t *testing.T) {
	b := edited(t, wholeMapping, "{name: o, from: shop.orders, to: orders_v2}")
	b.round(func() {})
	if parked := b.parked(); len(parked) != 1 || !strings.Contains(parked[0].Reason, "to was orders, is now orders_v2") {
		t.Fatalf("parked: %+v", parked)
	}
	b.ask(state.Request{Verb: state.BackfillPlan, Plan: "o/shop.orders", At: time.Now()})
	b.round(func() {})
	if got := b.fields("orders_v2", 1, 2); got != "1 v=v1, 2 v=v2" {
		t.Errorf("documents %s", got)
	}
}

// TestEdited_StaleElsewhere: documents that are to stay as they are have to be where the mapping goes; a destination that holds
// none is not taken for it.
func TestEdited_StaleElsewhere(t *testing.T) {
	b := edited(t, wholeMapping, "{name: o, from: shop.orders, to: orders_v2}")
	b.accepting("o")
	b.round(func() {})
	parked := b.parked()
	if len(parked) != 1 || strings.Contains(parked[0].Advice, "--accept-stale") || !strings.Contains(parked[0].Advice, "backfill o") {
		t.Fatalf("parked: %+v", parked)
	}
}

// TestEdited_OnlyMapping: without another mapping there is nothing to go on with, so the run ends and says the same; where
// faults are to stop a run, so does this one.
func TestEdited_OnlyMapping(t *testing.T) {
	for _, onFault := range []string{replicate.FaultPark, replicate.FaultStop} {
		b := newBench(t, table("orders"))
		b.mapped(wholeMapping)
		b.fill("orders", 0, 1)
		b.round(func() {})
		b.mapped(barMapping)
		quickly := b.tweak
		b.tweak = func(o *replicate.Options) { quickly(o); o.OnFault = onFault }
		err := b.start().finished()
		if !errors.Is(err, replicate.ErrChanged) || !strings.Contains(strings.Join(replicate.Hints(err), ""), "meepo-replicate backfill o ") {
			t.Errorf("%s: the run ended with %v", onFault, err)
		}
		if want := map[string]int{replicate.FaultPark: 1, replicate.FaultStop: 0}[onFault]; len(b.parked()) != want {
			t.Errorf("%s: parked %v", onFault, b.parked())
		}
	}
}

// TestEdited_UnknownName: a name that nothing has is a mistake to be told.
func TestEdited_UnknownName(t *testing.T) {
	b := edited(t, wholeMapping, barMapping)
	b.accepting("orders_x")
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), `no mapping and no table "orders_x"`) {
		t.Errorf("the run ended with %v", err)
	}
}

// TestEdited_OlderState: a state of an earlier program does not say what plans were made of. They go on, and what has
// changed is copied again, as it was then.
func TestEdited_OlderState(t *testing.T) {
	for name, after := range map[string]string{"unchanged": wholeMapping, "edited": barMapping} {
		b := edited(t, wholeMapping, after)
		b.forgetDefinitions()
		b.source.ResetRecord()
		b.round(func() {})
		if scanned := len(b.source.Scans()) > 0; scanned != (name == "edited") || len(b.parked()) > 0 {
			t.Errorf("%s: copied again %t, parked %v", name, scanned, b.parked())
		}
		snap, _ := b.state()
		for _, p := range snap.Plans {
			if _, err := mappings.ParseDefinition(p.Definition); err != nil {
				t.Errorf("%s: %s: %v", name, p.Plan, err)
			}
		}
	}
}

// TestEdited_Marked: documents whose rows are gone keep what a mask of later is to hide, as there is no row to make them anew of. That is
// said where the edit is, and where it is taken; not where the mark itself is new.
func TestEdited_Marked(t *testing.T) {
	const (
		marking = "{name: o, from: shop.orders, to: orders, on_delete: {mark: gone}}"
		masked  = "{name: o, from: shop.orders, to: orders, on_delete: {mark: gone}, fields: {v: {mask: redact}}}"
		says    = "documents that are marked keep the fields they had, masked by now or left out or not: delete those of orders that have gone, if that matters"
	)
	gone := func(b *bench) {
		b.mapped(marking, usersMapping)
		b.round(func() { b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(1)) }) })
		b.mapped(masked, usersMapping)
	}
	backfill := state.Request{Verb: state.BackfillPlan, Plan: "o/shop.orders"}
	for name, take := range map[string]func(b *bench){
		"asked of the run": func(b *bench) {
			b.round(func() {
				b.ask(backfill)
				b.await("taken up", func() bool { return len(b.parked()) == 0 })
			})
		},
		"asked before the run": func(b *bench) { b.ask(backfill); b.round(func() {}) },
		"accepted":             func(b *bench) { b.accepting("o"); b.round(func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := edited(t, marking, masked)
			gone(b)
			b.round(func() {})
			if parked := b.parked(); len(parked) != 1 || !strings.HasSuffix(parked[0].Advice, "; "+says) {
				t.Fatalf("parked: %+v", parked)
			}
			before := b.logged(says)
			take(b)
			if b.logged(says) == before {
				t.Errorf("nothing is said where it is taken; the log:\n%s", b.log)
			}
			if got := b.fields("orders", 1); !strings.Contains(got, "v=v1") {
				t.Errorf("the marked document is %s", got)
			}
		})
	}
	b := edited(t, wholeMapping, marking)
	b.round(func() {})
	if parked := b.parked(); len(parked) != 1 || strings.Contains(parked[0].Advice, "marked") {
		t.Errorf("a new mark: %+v", parked)
	}
}
