package replicate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// pass lets time go by, which costs none in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

// stall makes a source's calls hang from when it is called until it is over.
type stall struct{ on, over chan struct{} }

func newStall() *stall { return &stall{make(chan struct{}), make(chan struct{})} }

func (s *stall) hang(ctx context.Context) error {
	select {
	case <-s.on:
	default:
		return nil
	}
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func wantAbout(t *testing.T, what string, got, want, within time.Duration) {
	t.Helper()
	if got < want-within || got > want+within {
		t.Errorf("%s is %v, want about %v", what, got, want)
	}
}

// TestLag_HeadMovesWhileTheStreamGivesNothing: the log goes on in the source, but the stream is half
// dead. The last event is long done, and still the target is behind.
func TestLag_HeadMovesWhileTheStreamGivesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		b.fill("orders", 0, 10)
		dead := newStall()
		b.source.SetHooks(sourcetest.Hooks{NextFunc: dead.hang})
		r := b.start()
		r.settle()
		close(dead.on)
		b.source.Keepalive() // ends the call of Next that is under way
		pass(time.Minute)
		if lag := r.engine.Status().Lag; lag != 0 {
			t.Errorf("with nothing new in the source, lag is %v", lag)
		}
		b.fill("orders", 10, 11)
		pass(10 * time.Minute)
		s := r.engine.Status()
		wantAbout(t, "lag", s.Lag, 10*time.Minute, 10*time.Second)
		wantAbout(t, "the log's silence", s.LogSilent, 11*time.Minute, 10*time.Second)
		if s.Unhealthy() == "" || len(s.Unready()) == 0 {
			t.Errorf("health %q, readiness %q", s.Unhealthy(), s.Unready())
		}
		close(dead.over)
		r.settle()
		pass(10 * time.Second)
		if s := r.engine.Status(); s.Lag != 0 || len(s.Unready()) > 0 {
			t.Errorf("after the stream is back, lag is %v and readiness %q", s.Lag, s.Unready())
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestLag_SourceSaysNothing: neither the log nor the head answers. Whether there is something new
// cannot be known, so the target counts as being as it was when it last could.
func TestLag_SourceSaysNothing(t *testing.T) {
	failing := func(context.Context) error { return errors.New("connection refused") }
	for name, broken := range map[string]func(context.Context) error{"hangs": nil, "fails": failing} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, table("orders"))
				b.fill("orders", 0, 10)
				dead := newStall()
				r := b.start()
				r.settle()
				pass(time.Minute)
				if lag := r.engine.Status().Lag; lag != 0 {
					t.Errorf("of a quiet source, lag is %v", lag)
				}
				head := broken
				if head == nil {
					head = dead.hang
				}
				b.source.SetHooks(sourcetest.Hooks{NextFunc: dead.hang, HeadFunc: head, NowFunc: head})
				close(dead.on)
				pass(10 * time.Minute)
				wantAbout(t, "lag", r.engine.Status().Lag, 10*time.Minute, 10*time.Second)
				close(dead.over)
				b.source.SetHooks(sourcetest.Hooks{})
				pass(30 * time.Second)
				if lag := r.engine.Status().Lag; lag != 0 {
					t.Errorf("after the source is back, lag is %v", lag)
				}
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestLag_BySourceClock: the source's clock is hours ahead of ours, which is no lag, and its
// commits are old by its own clock, which is.
func TestLag_BySourceClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		b.source.SetNow(func() time.Time { return time.Now().Add(7 * time.Hour) })
		dead := newStall()
		b.source.SetHooks(sourcetest.Hooks{ReadFunc: func(ctx context.Context, _ source.Selection, _ []source.Key) error { return dead.hang(ctx) }})
		r := b.start()
		r.settle()
		close(dead.on)
		pass(time.Minute)
		if lag := r.engine.Status().Lag; lag != 0 {
			t.Errorf("of a source whose clock is ahead, lag is %v", lag)
		}
		b.fill("orders", 0, 1)
		pass(20 * time.Minute)
		wantAbout(t, "lag", r.engine.Status().Lag, 20*time.Minute, 10*time.Second)
		close(dead.over)
		r.settle()
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestLag_OfABusyTargetIsNoSilence: while the intake waits for documents to be written, the log is
// not silent, since nobody listens.
func TestLag_OfABusyTargetIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		b.tweak = func(o *replicate.Options) { o.MaxDirty = 5 }
		dead := newStall()
		b.source.SetHooks(sourcetest.Hooks{ReadFunc: func(ctx context.Context, _ source.Selection, _ []source.Key) error { return dead.hang(ctx) }})
		r := b.start()
		r.settle()
		close(dead.on)
		b.fill("orders", 0, 50)
		b.await("a blocked intake", r.engine.Blocked)
		pass(10 * time.Minute)
		s := r.engine.Status()
		if s.Unhealthy() != "" {
			t.Errorf("health: %s", s.Unhealthy())
		}
		wantAbout(t, "lag", s.Lag, 10*time.Minute, 10*time.Second)
		close(dead.over)
		r.settle()
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestLag_AfterARestart: what was committed while no run was on is as old as the saved position
// says, not as young as the run.
func TestLag_AfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		b.source.SetNow(func() time.Time { return time.Now().Add(7 * time.Hour) }) // which nothing but the look at the head reads
		r := b.start()
		r.settle()
		b.fill("orders", 0, 1) // so that the time of a commit is saved
		r.settle()
		if err := r.end(); err != nil {
			t.Error(err)
		}
		pass(time.Hour)
		b.fill("orders", 1, 2)
		dead := newStall()
		close(dead.on)
		b.source.SetHooks(sourcetest.Hooks{NextFunc: dead.hang})
		r = b.start()
		pass(time.Minute)
		wantAbout(t, "lag", r.engine.Status().Lag, time.Hour+time.Minute, 10*time.Second)
		close(dead.over)
		r.settle()
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestLag_OneLookHangs: an answer is lost for good. The look is given up, and the next one works.
func TestLag_OneLookHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		r := b.start()
		r.settle()
		pass(time.Minute)
		lost := make(chan struct{}, 1)
		lost <- struct{}{}
		b.source.SetHooks(sourcetest.Hooks{HeadFunc: func(ctx context.Context) error {
			select {
			case <-lost:
				<-ctx.Done()
				return ctx.Err()
			default:
				return nil
			}
		}})
		pass(time.Minute)
		if lag := r.engine.Status().Lag; lag != 0 || len(lost) > 0 {
			t.Errorf("lag is %v", lag)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// deaf is a source whose stream, once it is deaf, shows signs of life and nothing else.
type deaf struct {
	*sourcetest.Memory
	dead *stall
}

func (d *deaf) Open(ctx context.Context, from source.Position, s []source.Subscription) (source.Stream, error) {
	stream, err := d.Memory.Open(ctx, from, s)
	return &deafStream{stream, d.dead}, err
}

type deafStream struct {
	source.Stream
	dead *stall
}

func (s *deafStream) Next(ctx context.Context) (source.Batch, error) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if s.dead.hang(short) != nil {
		return source.Batch{}, ctx.Err()
	}
	return s.Stream.Next(ctx)
}

// TestLag_StreamLivesButGivesNothing: the stream shows signs of life, so that only the head tells
// that events are missing.
func TestLag_StreamLivesButGivesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, table("orders"))
		dead := newStall()
		b.tweak = func(o *replicate.Options) { o.Source = &deaf{b.source, dead} }
		r := b.start()
		r.settle()
		close(dead.on)
		b.source.Keepalive() // ends the call of Next that is under way
		pass(time.Second)
		b.fill("orders", 0, 10)
		pass(10 * time.Minute)
		s := r.engine.Status()
		wantAbout(t, "lag", s.Lag, 10*time.Minute, 10*time.Second)
		if s.Unhealthy() != "" || len(s.Unready()) == 0 {
			t.Errorf("health %q, readiness %q", s.Unhealthy(), s.Unready())
		}
		close(dead.over)
		r.crash()
	})
}
