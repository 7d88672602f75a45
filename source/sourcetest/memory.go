package sourcetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// Source is all that a source offers to the engine.
type Source interface {
	source.Log
	source.Reader
	source.Scanner
	source.Catalog
	source.Clock
}

// visibility says when readers see a commit.
type visibility uint8

const (
	atOnce   visibility = iota // as soon as it is made
	held                       // when the test says so
	onDemand                   // when a read asks for it by its fence
)

// Memory is a source in memory. Commits are numbered from 1; position and fence of the state after
// commit n are "mem:<n>". All methods may be called concurrently.
//
// Rows keep the versions that readers may still see, so that a commit can be in the log and yet be
// invisible, as it is on real servers for a moment: see [Memory.Hold] and [Memory.Lag].
type Memory struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something happens: whoever waits looks again

	tables   map[source.Table]*table
	prepared map[string]*Tx // in two phases, between them
	log      []commit
	visible  int // commits that readers see
	mode     visibility
	lost     int // the log begins after this commit
	nowFunc  func() time.Time

	open       *stream
	keepalives int
	batchSize  int
	merge      bool

	hooks   Hooks
	record  record
	waiting int // reads that wait for their fence
}

// NewMemory returns a source with these tables, without rows and with an empty log.
func NewMemory(tables ...source.Columns) *Memory {
	m := &Memory{
		changed: make(chan struct{}),
		tables:  map[source.Table]*table{}, prepared: map[string]*Tx{},
		nowFunc: time.Now,
		record:  newRecord(),
	}
	for _, columns := range tables {
		t := newTable()
		t.define(0, &columns)
		m.tables[columns.Table] = t
	}
	return m
}

// SetBatchSize bounds the events in one batch; a larger transaction comes in several, of which the
// last has a position. 0, the default: each transaction is one batch.
func (m *Memory) SetBatchSize(events int) { m.update(func() { m.batchSize = events }) }

// SetMerge lets a batch hold several transactions when more than one is waiting.
func (m *Memory) SetMerge(on bool) { m.update(func() { m.merge = on }) }

// SetNow replaces the server's clock, which is the machine's by default.
func (m *Memory) SetNow(now func() time.Time) { m.update(func() { m.nowFunc = now }) }

// Hold keeps commits made from now on invisible to readers until Reveal or Release. Their events
// reach the stream at once.
func (m *Memory) Hold() { m.update(func() { m.mode = held }) }

// Reveal makes the n oldest invisible commits visible.
func (m *Memory) Reveal(n int) { m.update(func() { m.visible = min(m.visible+n, len(m.log)) }) }

// Release makes all commits visible, and new ones as soon as they are made.
func (m *Memory) Release() {
	m.update(func() { m.mode, m.visible = atOnce, len(m.log) })
}

// Lag makes each commit from now on visible only when a read asks for it by its fence: a read
// with no fence, or too old a one, surely sees the old state, and none has to wait.
func (m *Memory) Lag() { m.update(func() { m.mode = onDemand }) }

// AwaitWaiting waits until n reads wait for their fence.
func (m *Memory) AwaitWaiting(ctx context.Context, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.await(ctx, func() bool { return m.waiting >= n })
}

// Keepalive makes the open stream say where it is, in a batch without events, once it has given
// all there is.
func (m *Memory) Keepalive() { m.update(func() { m.keepalives++ }) }

// Disconnect makes the open stream go back to its last position, as after a lost connection:
// events after it come again.
func (m *Memory) Disconnect() {
	m.update(func() {
		if m.open != nil {
			m.open.at, m.open.offset = m.open.last, 0
			m.open.retries++
		}
	})
}

// Lose drops the log up to position and one commit more, so that the log can no longer be read
// from position or an earlier one.
func (m *Memory) Lose(position source.Position) error {
	n, err := parse(string(position))
	if err != nil {
		return err
	}
	m.update(func() { m.lost = max(m.lost, n+1) })
	return nil
}

// Last returns the position after the newest commit, visible or not. Head is the position after
// the newest visible one.
func (m *Memory) Last() source.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return positionOf(len(m.log))
}

// Head implements [source.Log].
func (m *Memory) Head(ctx context.Context) (source.Position, source.Fence, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.head(ctx) }); err != nil {
		return "", "", fmt.Errorf("read head: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return positionOf(m.visible), fenceOf(m.visible), nil
}

// Present implements [source.Onlooker].
func (m *Memory) Present(ctx context.Context) (source.Position, source.Fence, error) {
	return m.Head(ctx)
}

// Verify implements [source.Log].
func (m *Memory) Verify(_ context.Context, from source.Position) error {
	n, err := parse(string(from))
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		err = m.holds(n)
	} else {
		err = lost(err)
	}
	if err != nil {
		return fmt.Errorf("verify position: %w", err)
	}
	return nil
}

// holds returns an error, with the lock held, unless the log can be read from after commit n.
func (m *Memory) holds(n int) error {
	switch {
	case n < m.lost:
		return lost(fmt.Errorf("the log begins after %q", positionOf(m.lost)))
	case n > len(m.log):
		return lost(fmt.Errorf("the log ends at %q, before %q", positionOf(len(m.log)), positionOf(n)))
	}
	return nil
}

func lost(why error) error {
	return &source.HintError{Err: fmt.Errorf("%w: %w", source.ErrPositionLost, why), Advice: "start with --fresh"}
}

// Reached implements [source.Log].
func (m *Memory) Reached(_ context.Context, have, want source.Position) (bool, error) {
	h, err := parse(string(have))
	if err != nil {
		return false, err
	}
	w, err := parse(string(want))
	if err != nil {
		return false, err
	}
	return h >= w, nil
}

// Now implements [source.Clock].
func (m *Memory) Now(ctx context.Context) (time.Time, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.now(ctx) }); err != nil {
		return time.Time{}, fmt.Errorf("read clock: %w", err)
	}
	m.mu.Lock()
	now := m.nowFunc
	m.mu.Unlock()
	return now(), nil
}

// update changes something under the lock and wakes whoever waits.
func (m *Memory) update(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.wake()
}

func (m *Memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// await waits, with the lock held before and after, until there is true.
func (m *Memory) await(ctx context.Context, there func() bool) error {
	for !there() {
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		m.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// reach waits, with the lock held, until readers see what the fence asks for.
func (m *Memory) reach(ctx context.Context, fence source.Fence) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if fence == "" {
		return nil
	}
	n, err := parse(string(fence))
	if err != nil {
		return err
	}
	if n > len(m.log) {
		return fmt.Errorf("fence %q is beyond the log's end %q", fence, fenceOf(len(m.log)))
	}
	if m.mode == onDemand && n > m.visible {
		m.visible = n
		m.wake()
	}
	if n <= m.visible {
		return nil
	}
	m.waiting++
	m.wake()
	defer func() { m.waiting-- }()
	return m.await(ctx, func() bool { return n <= m.visible })
}

const prefix = "mem:"

func positionOf(n int) source.Position { return source.Position(prefix + strconv.Itoa(n)) }

func fenceOf(n int) source.Fence { return source.Fence(prefix + strconv.Itoa(n)) }

func parse(text string) (int, error) {
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a place in this log, such as mem:7", text)
	}
	return n, nil
}
