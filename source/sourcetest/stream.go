package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// stream reads the log. Its fields are under the memory's lock.
type stream struct {
	memory        *Memory
	subscriptions []source.Subscription
	at            int   // commits given
	offset        int   // changes given of the commit after them
	last          int   // commits given at the last position
	keepalives    int   // answered
	retries       int   // since the last batch
	failed        error // final
	closed        bool
}

var errClosed = errors.New("stream is closed")

// Open implements [source.Log].
func (m *Memory) Open(_ context.Context, from source.Position, subscriptions []source.Subscription) (source.Stream, error) {
	n, err := parse(string(from))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open != nil {
		return nil, errors.New("open log: a stream is open already")
	}
	if err := m.holds(n); err != nil {
		return nil, fmt.Errorf("open log at %q: %w", from, err)
	}
	m.open = &stream{memory: m, subscriptions: subscriptions, at: n, last: n, keepalives: m.keepalives}
	m.record.opened = append(m.record.opened, from)
	m.wake()
	return m.open, nil
}

// Next implements [source.Stream].
func (s *stream) Next(ctx context.Context) (source.Batch, error) {
	m := s.memory
	hookErr := m.before(ctx, func(h Hooks) error { return h.next(ctx) })
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.failed == nil {
		s.failed = hookErr
	}
	if s.failed == nil && !s.closed {
		s.failed = m.await(ctx, s.ready)
	}
	if s.failed == nil && !s.closed && s.at < m.lost {
		s.failed = source.ErrPositionLost
	}
	switch {
	case s.closed:
		return source.Batch{}, fmt.Errorf("read log: %w", errClosed)
	case s.failed != nil:
		return source.Batch{}, fmt.Errorf("read log: %w", s.failed)
	case s.at == len(m.log): // nothing new: asked where we are
		s.keepalives = m.keepalives
		return source.Batch{Position: positionOf(s.at), Fence: fenceOf(s.at), Time: m.nowFunc()}, nil
	}
	return s.batch(), nil
}

// ready reports whether there is something to give or to say.
func (s *stream) ready() bool {
	m := s.memory
	return s.closed || s.at < m.lost || s.at < len(m.log) || s.keepalives < m.keepalives
}

// batch takes the next events, up to the size of a batch.
func (s *stream) batch() source.Batch {
	m := s.memory
	batch := source.Batch{Retries: s.retries}
	s.retries = 0
	for s.at < len(m.log) {
		commit := m.log[s.at]
		batch.Fence, batch.Time, batch.Position = fenceOf(s.at+1), commit.time, ""
		for s.offset < len(commit.changes) {
			if m.batchSize > 0 && len(batch.Events) == m.batchSize {
				return batch
			}
			if event, ok := s.wanted(commit.changes[s.offset]); ok {
				batch.Events = append(batch.Events, event)
			}
			s.offset++
		}
		s.at, s.offset = s.at+1, 0
		batch.Position = positionOf(s.at)
		if !m.merge || m.batchSize > 0 && len(batch.Events) == m.batchSize {
			break
		}
	}
	s.last = s.at
	return batch
}

// wanted returns the event as subscribed, with the columns asked for.
func (s *stream) wanted(c change) (source.Event, bool) {
	if c.event.Action.OfTransaction() {
		return c.event, true
	}
	for _, subscription := range s.subscriptions {
		event := c.event
		if !subscription.Tables.Match(event.Table) && (event.To.IsZero() || !subscription.Tables.Match(event.To)) {
			continue
		}
		if len(subscription.Columns) > 0 && event.Action.OfRow() {
			wanted := make([]source.Column, len(subscription.Columns))
			for i, name := range subscription.Columns {
				wanted[i].Name = name
			}
			if c.old != nil {
				event.Old = project(c.columns, wanted, c.old)
			}
			if c.new != nil {
				event.New = project(c.columns, wanted, c.new)
			}
		}
		return event, true
	}
	return source.Event{}, false
}

// Ack implements [source.Stream].
func (s *stream) Ack(_ context.Context, position source.Position) error {
	if _, err := parse(string(position)); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	s.memory.update(func() { s.memory.record.acked = append(s.memory.record.acked, position) })
	return nil
}

// Close implements [source.Stream].
func (s *stream) Close(context.Context) error {
	m := s.memory
	m.update(func() {
		s.closed = true
		if m.open == s {
			m.open = nil
		}
	})
	return nil
}

// AwaitAck waits until position, or a later one, has been acknowledged.
func (m *Memory) AwaitAck(ctx context.Context, position source.Position) error {
	want, err := parse(string(position))
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.await(ctx, func() bool {
		return slices.ContainsFunc(m.record.acked, func(p source.Position) bool {
			n, err := parse(string(p))
			return err == nil && n >= want
		})
	})
}
