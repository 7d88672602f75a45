package sourcetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

// testSubscription: tables that were not asked for have no events, and do not hold positions up.
func testSubscription(t *testing.T, s *suite) {
	item, other := s.create(t, "item", Numbered), s.create(t, "other", Worded)
	from, _ := s.settle(t)
	s.insert(t, other, Worded, []source.Value{"a"})
	s.insert(t, item, Numbered, numbers(1, 1)...)
	s.insert(t, other, Worded, []source.Value{"b"})
	subscriptions := []source.Subscription{{Tables: source.Pattern(item)}, {Tables: source.Pattern(s.marker)}}
	got := s.events(s.follow(t, from, s.mark(t), subscriptions))
	if diff := cmp.Diff([]string{"write item 1"}, got); diff != "" {
		t.Error(diff)
	}
}

// testSubscribedColumns: columns that were asked for come with their old and new values.
func testSubscribedColumns(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	if s.KeepOld != nil {
		s.KeepOld(t, item)
	}
	from, _ := s.settle(t)
	key := []source.Value{int64(1)}
	s.change(t, Change{Action: source.Insert, Table: item, Key: key, Data: "a", N: 1})
	s.change(t, Change{Action: source.Update, Table: item, Key: key, Data: "b", N: 2})
	s.change(t, Change{Action: source.Delete, Table: item, Key: key})
	subscriptions := []source.Subscription{
		{Tables: source.Pattern(item), Columns: []string{"n", "data"}}, {Tables: source.Pattern(s.marker)},
	}
	var got []source.Event
	for _, batch := range s.follow(t, from, s.mark(t), subscriptions) {
		for _, e := range batch.Events {
			if e.Table == item {
				got = append(got, e)
			}
		}
	}
	want := []source.Event{
		{Action: source.Insert, Table: item, Key: Key(1), New: []source.Value{int64(1), "a"}},
		{Action: source.Update, Table: item, Key: Key(1), Old: []source.Value{int64(1), "a"}, New: []source.Value{int64(2), "b"}},
		{Action: source.Delete, Table: item, Key: Key(1), Old: []source.Value{int64(2), "b"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// testStreamLife: Next waits, ends with its context, and a closed stream makes room for another.
func testStreamLife(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	from, _ := s.settle(t)
	stream, err := s.Source.Open(t.Context(), from, s.all())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Ack(t.Context(), from); err != nil {
		t.Errorf("ack: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		for { // a keepalive is fine
			if _, err := stream.Next(ctx); err != nil {
				ended <- err
				return
			}
		}
	}()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("next with an ended context: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("next does not end with its context")
	}
	closeStream(t, stream)
	closeStream(t, stream)
	s.insert(t, item, Numbered, numbers(1, 1)...)
	if diff := cmp.Diff([]string{"write item 1"}, s.events(s.follow(t, from, s.mark(t), s.all()))); diff != "" {
		t.Errorf("second stream: %s", diff)
	}
}

// testVerify: a position stays part of the history while the log goes on. What was never a position
// here is refused by the error for that, with a hint, and not by another one.
func testVerify(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	head := s.head(t)
	s.insert(t, item, Numbered, numbers(1, 3)...)
	end, _ := s.settle(t)
	for _, position := range []source.Position{head, end} {
		if err := s.Source.Verify(t.Context(), position); err != nil {
			t.Errorf("%q: %v", position, err)
		}
	}
	err := s.Source.Verify(t.Context(), "a place in the log of nobody:7")
	var hint interface{ Hint() string }
	if !errors.Is(err, source.ErrPositionLost) || !errors.As(err, &hint) || hint.Hint() == "" {
		t.Errorf("no position at all: %v", err)
	}
}

// testClock: the clock tells a plausible time and does not stand still for ever.
func testClock(t *testing.T, s *suite) {
	now, err := s.Source.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(now).Abs(); off > 24*time.Hour {
		t.Errorf("the server's clock is off by %v", off)
	}
	table := s.create(t, "item", Numbered)
	from, _ := s.settle(t)
	s.insert(t, table, Numbered, numbers(1, 1)...)
	for _, batch := range s.follow(t, from, s.mark(t), s.all()) {
		if !batch.Time.IsZero() && batch.Time.Sub(now).Abs() > time.Hour {
			t.Errorf("a commit at %v, the clock says %v", batch.Time, now)
		}
	}
}
