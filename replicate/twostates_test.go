package replicate_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestTwoStates_NewerWriteStays has two runs with states of their own on one table and one destination.
// One is held back between its read and its write, and the other writes a newer row, or deletes it,
// meanwhile: the late write changes nothing.
func TestTwoStates_NewerWriteStays(t *testing.T) {
	for name, deleted := range map[string]bool{"update": false, "delete": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slow := newBench(t, table("orders"))
			slow.target.AllowOldVersions = true // of two runs
			slow.fill("orders", 0, 20)
			held, release, late := make(chan struct{}), make(chan struct{}), make(chan string, 1)
			old := func(ops []targets.Op) bool {
				return slices.ContainsFunc(ops, func(op targets.Op) bool { return op.ID == "7" && len(op.Doc) == 2 && op.Doc[1] == "old" })
			}
			var once, again sync.Once
			slow.tweak = func(o *replicate.Options) {
				quick(o)
				o.Observer = &replicate.Observer{
					WritingFunc: func(ops []targets.Op) {
						if old(ops) {
							once.Do(func() { close(held); <-release })
						}
					},
					OpsWrittenFunc: func(ops []targets.Op, _ error) {
						if old(ops) {
							again.Do(func() { late <- slow.doc("orders", "7") })
						}
					},
				}
			}
			first := slow.start()
			first.settle()
			fast := *slow
			fast.source = sourcetest.NewMemory(table("orders")) // the same table: a double has one reader at a time
			fast.fill("orders", 0, 20)
			both := func(script func(*sourcetest.Tx)) { slow.do(script); fast.do(script) }
			fast.path = filepath.Join(t.TempDir(), "state.db")
			fast.tweak = func(o *replicate.Options) { quick(o); o.Fresh = true }
			second := fast.start()
			second.settle()

			both(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(7), "old") })
			<-held
			want := "new"
			both(func(tx *sourcetest.Tx) {
				if deleted {
					want = ""
					tx.Delete(tableName("orders"), sourcetest.Key(7))
				} else {
					tx.Update(tableName("orders"), int64(7), "new")
				}
			})
			second.settle()
			if got := slow.doc("orders", "7"); got != want {
				t.Fatalf("the second run has written %q", got)
			}
			close(release)
			if got := <-late; got != want {
				t.Errorf("after the late write: %q, want %q", got, want)
			}
			first.settle()
			slow.equal("orders")
			for _, r := range []*run{first, second} {
				if err := r.end(); err != nil {
					t.Error(err)
				}
			}
			slow.equal("orders")
		})
	}
}

// doc returns v of a document, or "" where there is none.
func (b *bench) doc(name string, id targets.ID) string {
	fields, _, ok := b.target.Doc("shop."+name, id)
	if !ok {
		return ""
	}
	v, _ := fields["v"].(string)
	return v
}
