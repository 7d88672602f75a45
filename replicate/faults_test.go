package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

var errDown = errors.New("connection refused")

func oneAtATime(o *replicate.Options) { o.Workers, o.Parallel = 1, 1 }

// TestRun_LostDestinationEndsIt ends the run although all other workers have nothing to do.
func TestRun_LostDestinationEndsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	r := b.start()
	r.settle()
	b.target.Drop("shop.orders")
	b.fill("orders", 20, 21)
	err := r.finished()
	var hint interface{ Hint() string }
	if err == nil || !errors.As(err, &hint) || !errors.Is(err, targets.ErrReplaced) || !strings.Contains(hint.Hint(), "resume shop.orders") {
		t.Fatalf("the run ended with %v, want an error with a hint", err)
	}
	if ids := b.target.IDs("shop.orders"); len(ids) != 0 {
		t.Errorf("written to a destination that is gone: %q", ids)
	}
}

func TestRun_LogLostEndsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	r := b.start()
	r.settle()
	if err := b.source.Lose(b.source.Last()); err != nil {
		t.Fatal(err)
	}
	b.fill("orders", 20, 22)
	if err := r.finished(); !errors.Is(err, source.ErrPositionLost) {
		t.Errorf("the run ended with %v", err)
	}
}

// fullStore has no room for a lease.
type fullStore struct{ replicate.Store }

var errFull = errors.New("disk full")

func (s fullStore) Save(ctx context.Context, c state.Change) error {
	if c.Lease != nil {
		return errFull
	}
	return s.Store.Save(ctx, c)
}

// TestRun_LeaseNotSavedEndsIt: a state that cannot be saved is no outage of the source, to be waited for.
func TestRun_LeaseNotSavedEndsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	b.tweak = func(o *replicate.Options) { o.State = fullStore{o.State} }
	if err := b.start().finished(); !errors.Is(err, errFull) {
		t.Errorf("the run ended with %v", err)
	}
}

// TestRun_TargetDown: nothing is lost, and the log says once that it began and once that it is over.
func TestRun_TargetDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	var down atomic.Bool
	var failed atomic.Int64
	b.target.Before = func(context.Context, []targets.Op) error {
		if down.Load() {
			failed.Add(1)
			return errDown
		}
		return nil
	}
	b.fill("orders", 0, 50)
	b.tweak = oneAtATime // else one more may fail when another has succeeded already
	r := b.start()
	r.settle()
	for outage := range 2 {
		down.Store(true)
		failed.Store(0)
		saved := r.engine.Status().Position
		b.fill("orders", 100+outage*10, 105+outage*10)
		b.await("several failures", func() bool { return failed.Load() > 3 })
		if got := r.engine.Status().Position; got != saved {
			t.Errorf("position %s was saved while nothing could be written", got)
		}
		down.Store(false)
		r.settle()
		b.equal("orders")
	}
	b.await("the end of the outage is in the log", func() bool { return b.logged("target recovered") == 2 })
	if n := b.logged("target does not answer"); n != 2 {
		t.Errorf("%d warnings for 2 outages:\n%s", n, b.log)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

func TestRun_SourceDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 50)
	var down atomic.Bool
	var failed atomic.Int64
	fail := func() error {
		if down.Load() {
			failed.Add(1)
			return errDown
		}
		return nil
	}
	b.tweak = oneAtATime
	down.Store(true)
	b.source.SetHooks(sourcetest.Hooks{
		ReadFunc:  func(context.Context, source.Selection, []source.Key) error { return fail() },
		ScanFunc:  func(context.Context, source.Selection, source.Range) error { return fail() },
		SplitFunc: func(context.Context, source.Selection) error { return fail() },
	})
	r := b.start()
	b.await("splits fail", func() bool { return failed.Load() > 2 })
	down.Store(false)
	r.settle()
	down.Store(true)
	failed.Store(0)
	b.fill("orders", 100, 110)
	b.await("reads fail", func() bool { return failed.Load() > 2 })
	down.Store(false)
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if w, i := b.logged("source does not answer"), b.logged("source recovered"); w != 2 || i != 2 {
		t.Errorf("%d warnings and %d recoveries for 2 outages:\n%s", w, i, b.log)
	}
}

// TestRun_BusyTarget takes fewer documents while the target says that it is busy, waits as long as
// it asks, and comes back to more.
func TestRun_BusyTarget(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	var mu sync.Mutex
	var sizes []int
	busy := 3
	const asked = 150 * time.Millisecond
	var last time.Time
	b.target.Before = func(_ context.Context, ops []targets.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if !last.IsZero() && busy > 0 && time.Since(last) < asked {
			t.Errorf("tried again after %v", time.Since(last))
		}
		sizes = append(sizes, len(ops))
		if busy == 0 {
			return nil
		}
		busy--
		last = time.Now()
		items := make([]targets.ItemError, len(ops))
		for i := range ops {
			items[i] = targets.ItemError{Index: i, Class: targets.Retryable, Reason: "429"}
		}
		return &targets.PartialError{Items: items, RetryAfter: asked}
	}
	b.fill("orders", 0, 64)
	b.tweak = oneAtATime
	r := b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if got, want := fmt.Sprint(sizes), "[64 32 16 8 16 32 8]"; got != want {
		t.Errorf("writes of %s documents, want %s", got, want)
	}
	if s := r.engine.Status(); s.Retries != 64+32+16 {
		t.Errorf("%d retries", s.Retries)
	}
}

// TestRun_AnswerLost: a write is done but its answer is lost. It is tried again, and the conflict
// with our own version is success.
func TestRun_AnswerLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	var lost atomic.Int64
	b.target.After = func(context.Context, []targets.Op) error {
		if lost.Add(1)%2 == 1 {
			return errDown
		}
		return nil
	}
	b.fill("orders", 0, 30)
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(3), "changed").Delete(tableName("orders"), sourcetest.Key(4))
	})
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
	if s := r.engine.Status(); s.Conflicts != 0 || lost.Load() < 4 {
		t.Errorf("%d conflicts after %d writes", s.Conflicts, lost.Load())
	}
}

// TestRun_ForeignVersion: somebody else has written with higher versions. The row is read and
// written again above them, also the row of a chunk and a delete.
func TestRun_ForeignVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 10)
	dest := b.destination("orders")
	if err := b.target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	land := func(id targets.ID, ahead time.Duration) int64 {
		version := time.Now().Add(ahead).UnixMicro()
		b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: dest, ID: id, Version: version, Doc: []any{int64(0), "foreign"}}})
		return version
	}
	foreign := land("3", time.Hour)
	b.tweak = func(o *replicate.Options) { o.Fresh = true }
	r := b.start()
	r.settle()
	b.equal("orders")
	if _, version, _ := b.target.Doc("shop.orders", "3"); version <= foreign {
		t.Errorf("version %d, the foreign one was %d", version, foreign)
	}
	land("4", 3*time.Hour)
	land("5", 2*time.Hour)
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(4), "ours").Delete(tableName("orders"), sourcetest.Key(5))
	})
	r.settle()
	b.equal("orders")
	if s := r.engine.Status(); s.Conflicts < 2 {
		t.Errorf("%d conflicts", s.Conflicts)
	}
	// Above the highest version there is none: the document is a dead letter, and the others go on.
	b.target.Land([]targets.Op{{Verb: targets.Upsert, Dest: dest, ID: "6", Version: math.MaxInt64, Doc: []any{int64(6), "foreign for ever"}}})
	b.do(func(tx *sourcetest.Tx) {
		tx.Update(tableName("orders"), int64(6), "ours").Update(tableName("orders"), int64(7), "ours")
	})
	r.settle()
	if _, version, _ := b.target.Doc("shop.orders", "6"); version != math.MaxInt64 {
		t.Errorf("version %d", version)
	}
	b.wantLetters("6: the target holds version 9223372036854775807 of somebody else's, above which there is none")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}
