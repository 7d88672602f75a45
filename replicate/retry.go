package replicate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// The pause between two tries: it doubles from the first to the longest, and a random part of it
// is left out so that many callers do not come back at once.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

// outage follows the health of one end, so that however many callers fail, the log says once that
// it began, now and then that it lasts, and once that it is over.
type outage struct {
	log  *slog.Logger
	what string                      // "source", "target"
	told func(end string, err error) // of each failure

	mu       sync.Mutex
	since    time.Time
	failures int
	reported time.Time
}

// reportEvery is how often a lasting outage is repeated in the log.
const reportEvery = time.Minute

func (o *outage) failed(err error) {
	o.told(o.what, err)
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.failures++
	if o.since.IsZero() {
		o.since = now
	}
	if o.reported.IsZero() || now.Sub(o.reported) >= reportEvery {
		o.reported = now
		does := "does not answer"
		if errors.As(err, new(*targets.PartialError)) { // it has answered
			does = "does not take some documents"
		}
		o.log.Warn(o.what+" "+does+", trying again", "error", err, "failures", o.failures)
	}
}

func (o *outage) succeeded() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures == 0 {
		return
	}
	o.log.Info(o.what+" recovered", "failures", o.failures, "after", time.Since(o.since).Round(time.Millisecond).String())
	o.since, o.reported, o.failures = time.Time{}, time.Time{}, 0
}

// retry calls fn until it succeeds, ctx ends, or the error is one that trying again cannot mend.
func (o *outage) retry(ctx context.Context, fn func() error) error {
	for try := 0; ; try++ {
		err := fn()
		if err == nil {
			o.succeeded()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if final(err) {
			return err
		}
		o.failed(err)
		if err := pause(ctx, try, 0); err != nil {
			return err
		}
	}
}

// final reports whether trying again cannot help without somebody doing something.
func final(err error) bool {
	for _, sentinel := range []error{
		source.ErrPositionLost, source.ErrNoTable, source.ErrDenied, source.ErrStale,
		targets.ErrMismatch, targets.ErrReplaced, targets.ErrCursor,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	var state *notSaved // neither end is to blame, and nothing may go on without it
	return errors.As(err, &state)
}

// pause waits before the try after the given one, at least as long as the other end asked for.
func pause(ctx context.Context, try int, asked time.Duration) error {
	span := longestPause
	if try < 10 {
		span = min(firstPause<<try, longestPause)
	}
	span = max(span/2+rand.N(span/2+1), asked) // jitter needs no good randomness
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
