package replicate

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// blocks starts call and waits until it is blocked in the lanes.
func blocks(t *testing.T, l *lanes, call func() error) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	until(t, "the call is blocked", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.news.changed != nil
	})
	return ended
}

func until(t *testing.T, what string, check func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestLanes_AddBlocksAtTheLimit(t *testing.T) {
	l, tok := newLanes(2, ""), newToken()
	for n := range 2 {
		if err := l.add(t.Context(), docOf(n*2), tok, false); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := blocks(t, l, func() error { return l.add(ctx, docOf(4), tok, false) })
	cancel()
	if err := <-cancelled; err == nil {
		t.Error("add above the limit ended without room")
	}
	ended := blocks(t, l, func() error { return l.add(t.Context(), docOf(4), tok, false) })
	if _, _, err := l.take(t.Context(), limitOf(1)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || l.waiting != 2 {
		t.Errorf("add after a take: %v, %d wait", err, l.waiting)
	}
}

func TestLanes_CloseWaitsForWhatFlies(t *testing.T) {
	l, tok := newLanes(2, ""), newToken()
	if err := l.add(t.Context(), docOf(0), tok, false); err != nil {
		t.Fatal(err)
	}
	entries, _, err := l.take(t.Context(), limitOf(5))
	if err != nil {
		t.Fatal(err)
	}
	l.close()
	ended := blocks(t, l, func() error {
		got, _, err := l.take(t.Context(), limitOf(5))
		if err != nil || len(got) != 1 {
			return fmt.Errorf("second round: %v, %w", got, err)
		}
		l.finish(got, nil)
		got, _, err = l.take(t.Context(), limitOf(5))
		if err != nil || got != nil {
			return fmt.Errorf("at the end: %v, %w", got, err)
		}
		return nil
	})
	l.finish(entries, map[*entry]bool{entries[0]: true})
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLanes_Quiesce waits for what flies of its plan and for its open chunks, and for nothing else.
func TestLanes_Quiesce(t *testing.T) {
	l, tok := newLanes(10, ""), newToken()
	add := func(n int) {
		if err := l.add(t.Context(), docOf(n), tok, false); err != nil {
			t.Fatal(err)
		}
	}
	take := func() []*entry {
		entries, _, err := l.take(t.Context(), limitOf(1))
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	add(0)
	flying := take()
	add(1)
	other := take()
	add(2) // only waits: its read is yet to come
	c, _ := l.openChunk("p0")
	foreign, _ := l.openChunk("p1")
	done := make(chan error, 1)
	var wait sync.WaitGroup
	wait.Go(func() { done <- l.quiesce(t.Context(), "p0") })
	until(t, "the barrier stands", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.barrier) == 1
	})
	pending := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.barrier) == 1
	}
	late, _ := l.openChunk("p0")
	l.finish(flying, nil)
	if !pending() {
		t.Error("quiesce ended with a chunk open")
	}
	l.closeChunk(c)
	wait.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.quiesce(ctx, "p1"); err == nil || pending() {
		t.Errorf("quiesce with an ended context: %v", err)
	}
	l.closeChunk(late)
	l.closeChunk(foreign)
	l.finish(other, nil)
	if err := l.quiesce(t.Context(), "p1"); err != nil {
		t.Error(err)
	}
}
