package replicate_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// crashPoints are the observer's points, each with what is called there.
var crashPoints = map[string]func(at func()) *replicate.Observer{
	"BatchReceived": func(at func()) *replicate.Observer {
		return &replicate.Observer{BatchReceivedFunc: func(source.Batch) { at() }}
	},
	"ChunkRead": func(at func()) *replicate.Observer {
		return &replicate.Observer{ChunkReadFunc: func(mappings.PlanID, int, int) { at() }}
	},
	"RowsRead": func(at func()) *replicate.Observer {
		return &replicate.Observer{RowsReadFunc: func(mappings.PlanID, []source.Row) { at() }}
	},
	"OpsWritten": func(at func()) *replicate.Observer {
		return &replicate.Observer{OpsWrittenFunc: func([]targets.Op, error) { at() }}
	},
	"StateSaved": func(at func()) *replicate.Observer {
		return &replicate.Observer{StateSavedFunc: func(state.Change) { at() }}
	},
	"Acked": func(at func()) *replicate.Observer {
		return &replicate.Observer{AckedFunc: func(source.Position) { at() }}
	},
	"DeadLetter": func(at func()) *replicate.Observer {
		return &replicate.Observer{DeadLetterFunc: func(state.Letter) { at() }}
	},
}

// TestRun_CrashAtEachPoint ends the run the first, second and fourth time that it comes to a point,
// while it copies and follows; the next run makes all equal, and scans nothing that was done.
func TestRun_CrashAtEachPoint(t *testing.T) {
	for name, observe := range crashPoints {
		for _, nth := range []int64{1, 2, 4} {
			t.Run(fmt.Sprint(name, nth), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, table("orders"))
				b.source.SetBatchSize(3)
				b.fill("orders", 0, 120)
				b.source.Lag() // from here on, so that the copy has rows to see
				for id := 3; id < 120; id += 20 {
					b.target.Reject("shop.orders", targetID(id), "refused")
				}
				crashed := make(chan struct{})
				var count atomic.Int64
				b.tweak = func(o *replicate.Options) {
					o.ChunkRows = 10
					o.Observer = observe(func() {
						if count.Add(1) == nth {
							close(crashed)
						}
					})
				}
				r := b.start()
				go func() {
					<-crashed
					r.cancel()
				}()
				i := 0
				b.await("the point is reached", func() bool {
					i++
					b.do(func(tx *sourcetest.Tx) {
						tx.Update(tableName("orders"), int64(3+20*(i%6)), fmt.Sprint("changed", i))
						tx.Update(tableName("orders"), int64(i%12*7), fmt.Sprint("changed", i)).Delete(tableName("orders"), sourcetest.Key(i%12*5+1))
						tx.Put(tableName("orders"), int64(200+i%50), fmt.Sprint("new", i))
					})
					return count.Load() >= nth
				})
				r.crash()
				b.finishAfterCrash()
			})
		}
	}
}

// finishAfterCrash runs the engine once more and checks what it does.
func (b *bench) finishAfterCrash() {
	t := b.t
	t.Helper()
	snap, _ := b.state()
	for id := 3; id < 120; id += 20 {
		b.target.Reject("shop.orders", targetID(id), "")
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(id), "accepted") })
	}
	b.source.ResetRecord()
	b.tweak = func(o *replicate.Options) { o.ChunkRows = 10 }
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	b.wantLetters()
	b.wantScansFrom(snap)
	if opened := b.source.Opened(); snap.Checkpoint != nil && string(opened[0]) != snap.Checkpoint.Position {
		t.Errorf("followed from %s, saved was %s", opened[0], snap.Checkpoint.Position)
	}
}

// wantScansFrom checks that ranges were scanned on from where the state says, each row once.
func (b *bench) wantScansFrom(snap state.Snapshot) {
	b.t.Helper()
	if snap.Checkpoint == nil || len(snap.Jobs) > 0 {
		return // the backfill begins anew
	}
	var rest []source.Range
	for _, r := range snap.Ranges {
		rest = append(rest, source.Range(r.Rest))
	}
	seen := map[source.Key]bool{}
	for _, scan := range b.source.Scans() {
		if !slices.Contains(rest, scan.Range) {
			b.t.Errorf("scanned %q, which was done before", scan.Range)
		}
		rest = append(rest, scan.Rest)
		for _, key := range scan.Keys {
			if seen[key] {
				b.t.Errorf("row %s was scanned twice", key.Text())
			}
			seen[key] = true
		}
	}
}

// TestRun_CrashKeepsProgress: with half of the chunks done and saved, these are not read again.
func TestRun_CrashKeepsProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 100)
	half := make(chan struct{})
	var saved atomic.Int64
	b.tweak = func(o *replicate.Options) {
		oneAtATime(o)
		o.ChunkRows = 10
		o.Observer = &replicate.Observer{StateSavedFunc: func(c state.Change) {
			if n := int64(len(c.Ranges)); n > 0 && saved.Add(n) >= 5 && saved.Load()-n < 5 {
				close(half)
			}
		}}
	}
	r := b.start()
	<-half
	r.crash()
	snap, _ := b.state()
	if len(snap.Ranges) != 1 || snap.Ranges[0].Rows < 50 {
		t.Fatalf("saved ranges: %+v", snap.Ranges)
	}
	b.tweak = func(o *replicate.Options) { o.ChunkRows = 10 }
	b.source.ResetRecord()
	r = b.start()
	r.settle()
	if s := r.engine.Status().Plans[0]; s.Rows != 100 || !s.Done {
		t.Errorf("after both runs: %+v", s)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	b.wantScansFrom(snap)
	rows := int64(0)
	for _, scan := range b.source.Scans() {
		rows += int64(len(scan.Keys))
	}
	if rows+snap.Ranges[0].Rows != 100 {
		t.Errorf("%d rows were scanned after %d", rows, snap.Ranges[0].Rows)
	}
}

// orderedStore checks at each save that what it promises has happened, and nothing too early.
type orderedStore struct {
	replicate.Store
	b *bench
}

func (s orderedStore) Save(ctx context.Context, c state.Change) error {
	if c.Checkpoint != nil {
		if slices.Contains(s.b.source.Acked(), source.Position(c.Checkpoint.Position)) {
			s.b.t.Errorf("position %s was acknowledged before it was saved", c.Checkpoint.Position)
		}
		var n int
		if _, err := fmt.Sscanf(c.Checkpoint.Position, "mem:%d", &n); err != nil {
			s.b.t.Error(err)
		}
		for id := 1; id < n; id++ { // commit n+1 has row n
			if _, _, ok := s.b.target.Doc("shop.orders", targetID(id)); !ok {
				s.b.t.Errorf("position %s was saved before document %d was written", c.Checkpoint.Position, id)
			}
		}
	}
	return s.Store.Save(ctx, c)
}

// TestRun_DurableThenSavedThenAcked holds the write of every third document while later ones go on.
func TestRun_DurableThenSavedThenAcked(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	gate := make(chan struct{})
	var written atomic.Int64
	b.target.Before = func(ctx context.Context, ops []targets.Op) error {
		if ops[0].ID == "3" || ops[0].ID == "6" {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
		return nil
	}
	b.target.After = func(context.Context, []targets.Op) error { written.Add(1); return nil }
	b.tweak = func(o *replicate.Options) { o.ReadRows, o.State = 1, orderedStore{o.State, b} }
	r := b.start()
	r.settle()
	for id := 1; id < 10; id++ {
		b.fill("orders", id, id+1)
	}
	b.await("all that are not held are written", func() bool { return written.Load() == 1+7 })
	if got := b.source.Acked(); slices.Contains(got, source.Position("mem:4")) {
		t.Errorf("acknowledged %v, while document 3 is not written", got)
	}
	close(gate)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if got := b.source.Acked(); len(got) == 0 || got[len(got)-1] != b.source.Last() {
		t.Errorf("acknowledged %v, want %s at the end", got, b.source.Last())
	}
	b.equal("orders")
}
