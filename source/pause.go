package source

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Backoff is the pause between two looks at something that will come: short first, so that the usual case is
// quick, then longer, since who asks without pause slows down whom it waits for. The zero value is ready.
type Backoff struct {
	Limit time.Duration // of the pause; zero: 20 ms
	next  time.Duration
}

// Wait pauses. Its error is the context's.
func (b *Backoff) Wait(ctx context.Context) error {
	limit := b.Limit
	if limit == 0 {
		limit = 20 * time.Millisecond
	}
	b.next = min(max(2*b.next, 200*time.Microsecond), limit)
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", context.Cause(ctx))
	}
}

// maxOutagePause is the longest pause between two attempts to connect.
const maxOutagePause = 30 * time.Second

// Outage is a time without a log: one line when it begins, one when it is over.
type Outage struct {
	Log *slog.Logger
	// Refused reports whether the server itself has said no, in a way that time alone rarely changes.
	Refused func(error) bool

	since    time.Time
	attempts int
	refusals int
}

// Add notes a failure and returns how often in a row the server has refused us.
func (o *Outage) Add(ctx context.Context, cause error) int {
	if o.attempts == 0 {
		o.since = time.Now()
		o.Log.WarnContext(ctx, "connection to the source's log lost, reconnecting", slog.String("error", cause.Error()))
	}
	o.attempts++
	o.refusals++
	if !o.Refused(cause) {
		o.refusals = 0
	}
	return o.refusals
}

// Wait doubles its pause to a limit. The jitter keeps many readers from coming back at once. It reports
// false if done was closed meanwhile.
func (o *Outage) Wait(ctx context.Context, done <-chan struct{}) (bool, error) {
	pause := min(100*time.Millisecond<<min(o.attempts-1, 16), maxOutagePause)
	timer := time.NewTimer(pause/2 + rand.N(pause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-done:
		return false, nil
	case <-ctx.Done():
		return true, context.Cause(ctx)
	}
}

// End notes that the log is read again.
func (o *Outage) End(ctx context.Context) {
	if o.attempts > 0 {
		o.Log.InfoContext(ctx, "recovered: reading the source's log again",
			slog.Duration("after", time.Since(o.since).Round(time.Millisecond)), slog.Int("attempts", o.attempts))
	}
	o.attempts, o.refusals = 0, 0
}
