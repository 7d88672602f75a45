package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// lettersOf names the dead letters in the state: "document: reason".
func (b *bench) lettersOf() []string {
	b.t.Helper()
	_, letters := b.state()
	var texts []string
	for _, l := range letters {
		texts = append(texts, l.Document+": "+l.Reason)
	}
	return texts
}

func (b *bench) wantLetters(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.lettersOf()); diff != "" {
		b.t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// TestRun_PoisonRow: one row of a hundred is refused. The others are there, the position is past
// it, a restart keeps its letter, and a later write that succeeds resolves it.
func TestRun_PoisonRow(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.target.Reject("shop.orders", "7", "no such date")
	b.fill("orders", 0, 50)
	r := b.start()
	r.settle()
	b.target.Reject("shop.orders", "77", "too long")
	b.fill("orders", 50, 100)
	r.settle()
	if ids := b.target.IDs("shop.orders"); len(ids) != 98 {
		t.Errorf("%d documents, want 98", len(ids))
	}
	if s := r.engine.Status(); s.DeadLetters != 2 || s.Rejected != 2 {
		t.Errorf("%+v", s)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.wantLetters("77: too long", "7: no such date")
	_, letters := b.state()
	for _, l := range letters {
		if l.KeyText != l.Document || source.Key(l.Key).Text() != l.Document || l.Plan == "" || l.At.IsZero() {
			t.Errorf("letter %+v", l)
		}
	}
	b.target.Reject("shop.orders", "7", "")
	r = b.start()
	b.fill("orders", 100, 101)
	r.settle()
	if s := r.engine.Status(); s.DeadLetters != 2 {
		t.Errorf("after a restart: %d letters", s.DeadLetters)
	}
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(7), "better").Delete(tableName("orders"), sourcetest.Key(50))
	})
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.wantLetters("77: too long")
	if fields, _, _ := b.target.Doc("shop.orders", "7"); fields["v"] != "better" {
		t.Errorf("document 7: %v", fields)
	}
}

// TestRun_UnreadableRow: the source can read all rows but one, in a chunk and for an event.
func TestRun_UnreadableRow(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 50)
	spoil := func(_ context.Context, _ source.Selection, rows []source.Row) error {
		for i, row := range rows {
			if text := row.Key.Text(); text == "9" || text == "60" {
				rows[i].Err = errors.New("column v: invalid byte")
			}
		}
		return nil
	}
	b.source.SetHooks(sourcetest.Hooks{AfterReadFunc: spoil, AfterScanFunc: spoil})
	r := b.start()
	r.settle()
	b.fill("orders", 50, 70)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.wantLetters("60: read: column v: invalid byte", "9: read: column v: invalid byte")
	if ids := b.target.IDs("shop.orders"); len(ids) != 68 {
		t.Errorf("%d documents, want 68", len(ids))
	}
}

// TestRun_LetterBeforePosition kills the run at each save: whenever the position is past a refused
// document, its letter is in the state.
func TestRun_LetterBeforePosition(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 1)
	for id := 1; id < 6; id++ {
		b.target.Reject("shop.orders", targetID(id), "refused")
	}
	var mu sync.Mutex
	var missing []string
	letters := map[string]bool{}
	b.tweak = func(o *replicate.Options) {
		oneAtATime(o)
		o.Observer = &replicate.Observer{StateSavedFunc: func(c state.Change) {
			mu.Lock()
			defer mu.Unlock()
			for _, l := range c.Letters {
				letters[l.Document] = true
			}
			if c.Checkpoint == nil {
				return
			}
			var n int
			if _, err := fmt.Sscanf(c.Checkpoint.Position, "mem:%d", &n); err != nil {
				t.Error(err)
			}
			for id := 1; id < n; id++ { // commit n wrote row n-1
				if !letters[fmt.Sprint(id)] {
					missing = append(missing, fmt.Sprintf("%d at %s", id, c.Checkpoint.Position))
				}
			}
		}}
	}
	r := b.start()
	r.settle()
	for id := 1; id < 6; id++ {
		b.fill("orders", id, id+1)
		r.settle()
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 || len(letters) != 5 {
		t.Errorf("%d letters; positions that were saved without one: %q", len(letters), missing)
	}
}

// strayKeys is a source whose log names keys that no row has, as one would that decodes them wrongly.
type strayKeys struct{ *sourcetest.Memory }

func (s strayKeys) Open(ctx context.Context, from source.Position, subs []source.Subscription) (source.Stream, error) {
	stream, err := s.Memory.Open(ctx, from, subs)
	return strayStream{stream}, err
}

type strayStream struct{ source.Stream }

func (s strayStream) Next(ctx context.Context) (source.Batch, error) {
	batch, err := s.Stream.Next(ctx)
	for i, e := range batch.Events {
		values, keyErr := e.Key.Values()
		if keyErr == nil && len(values) == 1 && e.Action == source.Update {
			if n, ok := values[0].(int64); ok {
				batch.Events[i].Key = sourcetest.Key(n + 500)
			}
		}
	}
	return batch, err
}

// TestRun_WrongKeys: updates arrive under keys that have documents but no rows. Nothing is deleted,
// each is counted once the log has passed the head, and too many end the run.
func TestRun_WrongKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	var mu sync.Mutex
	var missed []mappings.DocKey
	b.tweak = func(o *replicate.Options) {
		o.Source, o.MaxMisses = strayKeys{b.source}, 5
		o.Observer = &replicate.Observer{MissFunc: func(key mappings.DocKey) {
			mu.Lock()
			defer mu.Unlock()
			missed = append(missed, key)
		}}
	}
	r := b.start()
	r.settle()
	dest := b.destination("orders")
	for n := range 5 { // documents that a wrong delete would hit
		land(t, b, dest, n+500)
	}
	update := func(n int) {
		b.do(func(tx *sourcetest.Tx) { tx.Update(tableName("orders"), int64(n), "changed") })
		r.settleOrEnd()
		b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("orders"), int64(1000+n), "later") }) // the log goes on
	}
	for n := range 4 {
		update(n)
		b.await("a miss is counted", func() bool { return r.engine.Status().Misses == n+1 })
	}
	update(4)
	err := r.finished()
	if err == nil || !strings.Contains(err.Error(), "keys of this table are decoded wrongly; no document was deleted for them") ||
		!strings.Contains(err.Error(), "504") {
		t.Errorf("the run ended with %v", err)
	}
	for n := range 5 {
		if _, _, ok := b.target.Doc("shop.orders", targetID(n+500)); !ok {
			t.Errorf("document %d was deleted", n+500)
		}
	}
	if len(missed) != 5 {
		t.Errorf("misses: %v", missed)
	}
}

// TestRun_DeleteOnTheWay is no miss: rows are gone when their insert is read, and their deletes come later.
func TestRun_DeleteOnTheWay(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 3)
	b.tweak = func(o *replicate.Options) { o.MaxMisses = 1 }
	r := b.start()
	r.settle()
	for n := range 20 {
		b.fill("orders", 10+n, 11+n)
		b.do(func(tx *sourcetest.Tx) { tx.Delete(tableName("orders"), sourcetest.Key(10+n)) })
	}
	b.fill("orders", 100, 101)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}

// TestLetters_TargetFailsAtOne: the target fails at one document, in its own words through no fault of
// anybody. That document becomes a letter in the end, and holds up no other.
func TestLetters_TargetFailsAtOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	b.tweak = func(o *replicate.Options) { o.MaxDoubts, o.MaxRejected = 3, 1 }
	var tries atomic.Int64
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		for i, op := range ops {
			if op.ID == "3" {
				tries.Add(1)
				return &targets.PartialError{Items: []targets.ItemError{{Index: i, Class: targets.Doubtful, Reason: "null_pointer_exception"}}}
			}
		}
		return nil
	}
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Error(err)
	}
	b.wantLetters("3: null_pointer_exception")
	if tries.Load() != 3 {
		t.Errorf("tried %d times, want 3", tries.Load())
	}
}

// keyless is a source whose scans cannot make keys of what they read.
type keyless struct{ *sourcetest.Memory }

func (s keyless) ScanRows(ctx context.Context, fence source.Fence, selection source.Selection, from source.Range, limit int) ([]source.Row, source.Range, error) {
	rows, rest, err := s.Memory.ScanRows(ctx, fence, selection, from, limit)
	for i := range rows {
		rows[i] = source.Row{Err: errors.New("no such key")}
	}
	return rows, rest, err
}

// TestLetters_NoKeys: rows without a key share one letter, and are many all the same.
func TestLetters_NoKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	b.tweak = func(o *replicate.Options) { o.Source, o.RejectWindow = keyless{b.source}, 12 }
	b.start()
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	b.wantLetters(": read: no such key")
}
