package replicate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

const idMapping = "{name: o, from: shop.orders, to: orders, id: 'o:{id}'}"

func (b *bench) askBackfill() {
	b.ask(state.Request{Verb: state.BackfillPlan, Plan: "o/shop.orders", At: time.Now()})
}

func (b *bench) wantOldIDs() {
	b.t.Helper()
	parked := b.parked()
	if len(parked) != 1 {
		b.t.Fatalf("parked: %+v", parked)
	}
	if want := "mapping o has changed since it was copied: id was the key, is now o:{id}, and destination orders holds documents with the old ids, which nothing would remove"; parked[0].Reason != want {
		b.t.Errorf("reason %q, want %q", parked[0].Reason, want)
	}
	if want := "name another destination with to, or remove orders; then meepo-replicate backfill o"; parked[0].Advice != want {
		b.t.Errorf("advice %q, want %q", parked[0].Advice, want)
	}
	if got := b.idsOf("orders"); got != "1 2" {
		b.t.Errorf("documents %s", got)
	}
}

// TestOldIDs: ids of another form do not come beside the old ones, which no sweep would know, whatever is asked for: a
// backfill before the start or in the run, or to follow without a copy. Without the old ones a backfill goes on.
func TestOldIDs(t *testing.T) {
	for name, try := range map[string]func(b *bench){
		"started":         func(*bench) {},
		"asked before":    (*bench).askBackfill,
		"accepted":        func(b *bench) { b.accepting("o") },
		"accepted, asked": func(b *bench) { b.accepting("o"); b.askBackfill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := edited(t, wholeMapping, idMapping)
			try(b)
			b.round(func() { b.puts("orders", 2) })
			b.wantOldIDs()
			r := b.start() // it is known still what the ids were
			b.askBackfill()
			b.await("refused", func() bool { return b.logged("mapping parked") >= 2 && b.pending() == 0 })
			r.settle()
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			b.wantOldIDs()
			if b.logged("followed again") > 0 {
				t.Error("the log says that it is followed again, which it is not")
			}
			b.target.Drop("orders")
			b.askBackfill()
			b.round(func() {})
			if got := b.idsOf("orders"); got != "o:1 o:2" || len(b.parked()) > 0 {
				t.Errorf("documents %s, parked %+v", got, b.parked())
			}
		})
	}
}

// TestOldIDs_Fresh: a fresh start, which is to remove what no row stands for, does not pass over them either.
func TestOldIDs_Fresh(t *testing.T) {
	b := edited(t, wholeMapping, idMapping)
	mapped := b.tweak
	b.tweak = func(o *replicate.Options) { mapped(o); o.Fresh = true }
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), "holds documents with the old ids") {
		t.Error(err)
	}
}

// TestOldIDs_Elsewhere: another destination has none.
func TestOldIDs_Elsewhere(t *testing.T) {
	b := edited(t, wholeMapping, strings.Replace(idMapping, "to: orders", "to: orders_v2", 1))
	b.askBackfill()
	b.round(func() {})
	if got := b.idsOf("orders_v2"); got != "o:1 o:2" || len(b.parked()) > 0 {
		t.Errorf("documents %s, parked %+v", got, b.parked())
	}
}

// TestOldIDs_LookAhead: check, which has not looked into the destination, gives the same advice.
func TestOldIDs_LookAhead(t *testing.T) {
	b := edited(t, wholeMapping, idMapping)
	snap, _ := b.state()
	options := replicate.Options{}
	b.tweak(&options)
	list, err := replicate.LookAhead(t.Context(), snap, options.Compile, []source.Columns{table("orders"), table("users")}, "")
	if err != nil || len(list) != 1 || !strings.HasPrefix(strings.Join(replicate.Hints(list[0].Refused), ""), "name another destination") {
		t.Errorf("%+v, %v", list, err)
	}
}
