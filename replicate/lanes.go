package replicate

import (
	"context"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// work is what is to be done for one document: who waits for it, and whether finding no row
// proves that the document must go (invariant 6: the newest thing that made it dirty decides).
type work struct {
	tokens  []*token
	proof   bool
	deleted bool // whether a delete or a sweep is among what made it dirty, newest or not
	emptied bool // whether the table was emptied or replaced since: then no row is no riddle
}

func (w *work) add(t *token, proof bool) {
	w.tokens = append(w.tokens, t)
	w.proof = proof
	w.deleted = w.deleted || proof
	w.emptied = false
}

// entry is a document that is dirty or in flight. While it is in flight, what makes it dirty again
// gathers in again and causes one more read afterwards.
type entry struct {
	key      mappings.DocKey
	now      work
	again    work
	inFlight bool
}

// lanes hold every document that is dirty or in flight, each once (invariant 3). Different
// documents go in parallel, and a document waits for itself.
type lanes struct {
	limit int // of waiting documents, before add blocks; see also holdsPerDocument

	mu      sync.Mutex
	entries map[mappings.DocKey]*entry
	queues  map[mappings.PlanID][]*entry
	order   []mappings.PlanID // plans with a queue, the next one first
	waiting int
	holds   int          // of documents on tokens
	fence   source.Fence // of the newest batch taken in
	chunks  map[*chunk]struct{}
	barrier map[*barrier]struct{}
	closed  bool
	news    news // for callers that are blocked
}

// holdsPerDocument bounds the memory that few documents can take up which change again and again
// while they cannot be written: on average, this many batches may wait for one document.
const holdsPerDocument = 8

// chunk is an open chunk of a backfill. Until its rows are claimed it remembers every document of
// its plan that became dirty or was written meanwhile: those reads are newer than the chunk's rows.
type chunk struct {
	plan  mappings.PlanID
	token *token
	dirty map[source.Key]struct{}
}

// barrier waits for the documents that were in flight, and the chunks that were open, when it was made.
type barrier struct {
	entries map[*entry]struct{}
	chunks  map[*chunk]struct{}
	done    chan struct{}
}

func newLanes(limit int, fence source.Fence) *lanes {
	return &lanes{
		limit: limit, fence: fence,
		entries: map[mappings.DocKey]*entry{}, queues: map[mappings.PlanID][]*entry{},
		chunks: map[*chunk]struct{}{}, barrier: map[*barrier]struct{}{},
	}
}

// setFence raises the fence that later reads must see. It comes before the batch's events are
// added, so that no read of theirs can be behind an older one.
func (l *lanes) setFence(fence source.Fence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fence != "" {
		l.fence = fence
	}
}

// newestFence returns what every read that begins now must see (invariant 1).
func (l *lanes) newestFence() source.Fence {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fence
}

// add makes a document dirty on behalf of t, and blocks while too many wait.
func (l *lanes) add(ctx context.Context, key mappings.DocKey, t *token, proof bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.full() {
		if err := l.news.wait(ctx, &l.mu); err != nil {
			return err
		}
	}
	t.pending++
	l.holds++
	l.supersede(key)
	e := l.entries[key]
	switch {
	case e == nil:
		e = &entry{key: key}
		e.now.add(t, proof)
		l.entries[key] = e
		l.enqueue(e)
	case e.inFlight:
		e.again.add(t, proof)
	default:
		e.now.add(t, proof)
	}
	return nil
}

// full reports whether add has to wait. The mutex is held.
func (l *lanes) full() bool { return l.waiting >= l.limit || l.holds >= holdsPerDocument*l.limit }

// supersede tells the open chunks of the plan that a document is, or will be, written from a read
// that is newer than theirs. The mutex is held.
func (l *lanes) supersede(key mappings.DocKey) {
	for c := range l.chunks {
		if c.plan == key.Plan && c.dirty != nil {
			c.dirty[key.Key] = struct{}{}
		}
	}
}

// enqueue lets an entry wait for a worker. The mutex is held.
func (l *lanes) enqueue(e *entry) {
	queue := l.queues[e.key.Plan]
	if len(queue) == 0 {
		l.order = append(l.order, e.key.Plan)
	}
	l.queues[e.key.Plan] = append(queue, e)
	l.waiting++
	l.news.spread()
}

// take blocks for waiting documents of one plan, up to limit(plan) of them, and marks them in flight. The
// fence is captured in the same step. It returns nothing when the lanes are closed and empty.
func (l *lanes) take(ctx context.Context, limit func(mappings.PlanID) int) ([]*entry, source.Fence, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.waiting == 0 {
		if l.closed && len(l.entries) == 0 {
			return nil, "", nil
		}
		if err := l.news.wait(ctx, &l.mu); err != nil {
			return nil, "", err
		}
	}
	plan := l.order[0]
	l.order = l.order[1:]
	queue := l.queues[plan]
	n := min(len(queue), max(limit(plan), 1))
	taken := queue[:n:n]
	if n == len(queue) {
		delete(l.queues, plan)
	} else {
		l.queues[plan] = queue[n:]
		l.order = append(l.order, plan)
	}
	l.waiting -= n
	for _, e := range taken {
		e.inFlight = true
	}
	l.news.spread()
	return taken, l.fence, nil
}

// finish ends the flight of documents that are durable, dead letters or need no write. Those that
// became dirty again, and those that redo names, wait for one more round.
func (l *lanes) finish(entries []*entry, redo map[*entry]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		e.inFlight = false
		for b := range l.barrier {
			delete(b.entries, e)
			l.checkBarrier(b)
		}
		if redo[e] {
			if len(e.again.tokens) > 0 {
				e.now.proof, e.now.emptied = e.again.proof, e.again.emptied
			}
			e.now.tokens = append(e.now.tokens, e.again.tokens...)
			e.again = work{}
			l.enqueue(e)
			continue
		}
		l.supersede(e.key)
		l.holds -= len(e.now.tokens)
		for _, t := range e.now.tokens {
			l.release(t)
		}
		if len(e.again.tokens) == 0 {
			delete(l.entries, e.key)
			continue
		}
		e.now, e.again = e.again, work{}
		l.enqueue(e)
	}
	l.news.spread()
}

// releaseToken gives up one hold on a token: its maker's, when all documents have been added.
func (l *lanes) releaseToken(t *token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(t)
}

func (l *lanes) release(t *token) {
	t.pending--
	if t.pending == 0 {
		close(t.done)
		if t.frontier != nil {
			t.frontier.wake()
		}
		if t.settled != nil {
			t.settled()
		}
	}
}

// openChunk opens a chunk of a plan and captures the fence of its read.
func (l *lanes) openChunk(plan mappings.PlanID) (*chunk, source.Fence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &chunk{plan: plan, token: newToken(), dirty: map[source.Key]struct{}{}}
	l.chunks[c] = struct{}{}
	return c, l.fence
}

// claim puts the chunk's rows in flight and returns an entry per key, nil where the row is
// superseded: its document is dirty or in flight already, or was since the chunk was opened.
func (l *lanes) claim(c *chunk, keys []source.Key) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	claimed := make([]*entry, len(keys))
	for i, key := range keys {
		doc := docKey(c.plan, key)
		if _, dirty := c.dirty[key]; dirty || l.entries[doc] != nil {
			continue
		}
		e := &entry{key: doc, now: work{tokens: []*token{c.token}}, inFlight: true}
		l.entries[doc] = e
		c.token.pending++
		l.holds++
		claimed[i] = e
	}
	c.dirty = nil
	return claimed
}

// closeChunk closes a chunk. Its maker has waited for its token, or gives it up.
func (l *lanes) closeChunk(c *chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.chunks, c)
	for b := range l.barrier {
		delete(b.chunks, c)
		l.checkBarrier(b)
	}
}

// quiesce waits until no document of the plan is in flight that was when it was called, and no
// chunk open that was: what they write may be older than what comes now.
func (l *lanes) quiesce(ctx context.Context, plan mappings.PlanID) error {
	b := &barrier{entries: map[*entry]struct{}{}, chunks: map[*chunk]struct{}{}, done: make(chan struct{})}
	l.mu.Lock()
	for key, e := range l.entries {
		if e.inFlight && key.Plan == plan {
			b.entries[e] = struct{}{}
		}
	}
	for c := range l.chunks {
		if c.plan == plan {
			b.chunks[c] = struct{}{}
		}
	}
	l.barrier[b] = struct{}{}
	l.checkBarrier(b)
	l.mu.Unlock()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		delete(l.barrier, b)
		l.mu.Unlock()
		return context.Cause(ctx)
	}
}

func (l *lanes) checkBarrier(b *barrier) {
	if len(b.entries)+len(b.chunks) > 0 {
		return
	}
	if _, open := l.barrier[b]; open {
		delete(l.barrier, b)
		close(b.done)
	}
}

// load returns how many documents wait, and of each plan how many are in flight.
func (l *lanes) load() (waiting int, inFlight map[mappings.PlanID]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	inFlight = map[mappings.PlanID]int{}
	for key, e := range l.entries {
		if e.inFlight {
			inFlight[key.Plan]++
		}
	}
	return l.waiting, inFlight
}

// close lets take return nothing once all is done: no more documents will be added.
func (l *lanes) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.news.spread()
}

// emptied notes that a plan's table was emptied or replaced: documents that were made dirty before
// may have no row now, and no delete of theirs will come.
func (l *lanes) emptied(plan mappings.PlanID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, e := range l.entries {
		if key.Plan == plan {
			e.now.emptied = true
			e.again.emptied = len(e.again.tokens) > 0
		}
	}
}

// explained reports whether it is known why an in-flight document has no row: its table was emptied,
// or a delete or sweep is among what made it dirty again.
func (l *lanes) explained(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.now.emptied || e.again.deleted
}
