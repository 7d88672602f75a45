package replicate

import (
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// token stands for something that is done when a number of documents are durable or dead letters:
// a batch of the log, a chunk of a backfill, a page of a sweep. Documents hold on to it.
type token struct {
	frontier *frontier // of a log batch; nil for others
	pending  int       // documents and holders that are not done; guarded by the lanes' mutex
	done     chan struct{}

	position  source.Position
	fence     source.Fence
	committed time.Time
	change    state.Change // goes into the same state transaction as the position: jobs, plans
	next      *token
	settled   func() // called once when it is done, if set; must not wait for the lanes
}

func newToken() *token { return &token{pending: 1, done: make(chan struct{})} }

// frontier finds the newest position before which everything is done: tokens enter in the log's
// order and are done in any order.
type frontier struct {
	mu     sync.Mutex
	first  *token // the oldest that is not done, or done but not taken yet
	last   *token
	signal chan struct{} // has a value when take may find something
}

func newFrontier() *frontier { return &frontier{signal: make(chan struct{}, 1)} }

// push appends a token in log order.
func (f *frontier) push(t *token) {
	t.frontier = f
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.first = t
	} else {
		f.last.next = t
	}
	f.last = t
}

// extend moves the newest token's position on, for a batch without events: so a quiet log costs no
// memory while an older token is stuck. It reports false where there is no token that ends on a
// commit boundary; then the batch needs one of its own.
func (f *frontier) extend(position source.Position, fence source.Fence) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil || f.last.position == "" {
		return false
	}
	f.last.position, f.last.fence = position, fence
	f.wake()
	return true
}

// wake tells the saver that a token is done.
func (f *frontier) wake() {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

// take removes the finished tokens at the front and merges them to what may be saved now: the
// newest position among them and what belongs to it. A token without a position (the middle of a
// transaction) is passed, but what it carries waits for the next position, so nothing is saved
// of half a transaction. Checkpoint is nil if there is no new position.
func (f *frontier) take() state.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	var change state.Change
	var held []*token
	for t := f.first; t != nil && t.isDone(); t = t.next {
		held = append(held, t)
		if t.position == "" {
			continue
		}
		for _, h := range held {
			change.Merge(h.change)
		}
		held = held[:0]
		change.Checkpoint = &state.Checkpoint{Position: string(t.position), Fence: string(t.fence), Committed: t.committed}
		f.first = t.next
	}
	if f.first == nil {
		f.last = nil
	}
	return change
}

// oldest returns the commit time of the oldest token that is not done, and whether there is one.
func (f *frontier) oldest() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t := f.first; t != nil; t = t.next {
		if !t.isDone() {
			return t.committed, true
		}
	}
	return time.Time{}, false
}

func (t *token) isDone() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}
