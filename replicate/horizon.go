package replicate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// horizon knows how far the source has got without the log's help, so that lag grows while the log
// is stalled or half dead: it remembers where the head was and when, until the saved position gets there.
type horizon struct {
	log source.Log

	mu     sync.Mutex
	ahead  []headSeen // not reached by the saved position yet, the oldest first
	looked time.Time  // when the head was last seen, by the source's clock; zero: not yet
	start  time.Time  // the saved position at the start held all up to then; zero: used
	runway time.Duration
}

// headSeen is a head of the log: what is before it was committed after since, or up to it.
type headSeen struct {
	position source.Position
	since    time.Time
}

const (
	// headPatience is how long the source may take to say where its head is.
	headPatience = 10 * time.Second
	// headsKept bounds the heads that are remembered; beyond that, two become one.
	headsKept = 128
	// runwayEvery is how many looks at the head there are per look at the runway.
	runwayEvery = 6
)

func newHorizon(log source.Log, at state.Checkpoint) *horizon {
	h := &horizon{log: log, start: at.Committed, runway: -1}
	if h.start.IsZero() {
		h.start = at.Saved
	}
	return h
}

// seen notes where the head was at a time of the source's clock, or soon after.
func (h *horizon) seen(position source.Position, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looked = at
	since := at
	if !h.start.IsZero() && h.start.Before(at) {
		since = h.start // what was committed before the run began is as old as that
	}
	h.start = time.Time{}
	if n := len(h.ahead); n > 0 && h.ahead[n-1].position == position {
		return
	}
	h.ahead = append(h.ahead, headSeen{position, since})
	if len(h.ahead) <= headsKept {
		return
	}
	// Of the two that are closest together the later position stays, with the earlier time: lag is
	// never said too small.
	closest := 0
	for i := range len(h.ahead) - 2 {
		if h.span(i) < h.span(closest) {
			closest = i
		}
	}
	h.ahead[closest+1].since = h.ahead[closest].since
	h.ahead = slices.Delete(h.ahead, closest, closest+1)
}

// span is the time that heads i and i+1 would stand for together.
func (h *horizon) span(i int) time.Duration { return h.ahead[i+2].since.Sub(h.ahead[i].since) }

// lag is the age of the oldest head that the saved position has not reached. While the source does
// not say where its head is, it is the time since it last did.
func (h *horizon) lag(saved source.Position, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.ahead) > 0 {
		reached, err := h.log.Reached(context.Background(), saved, h.ahead[0].position)
		if err != nil || !reached { // positions of different servers: neither has reached the other
			return max(now.Sub(h.ahead[0].since), 0)
		}
		h.ahead = h.ahead[1:]
	}
	if quiet := now.Sub(h.looked); !h.looked.IsZero() && quiet > silence {
		return quiet
	}
	return 0
}

// horizonLoop looks at the head now and then. A source that fails or hangs is no error here: lag
// says so, and whoever reads from it deals with it.
func (r *Replicator) horizonLoop(ctx context.Context) error {
	ticker := time.NewTicker(r.opts.HeadEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		r.lookAtHead(ctx)
		if n%runwayEvery == 0 {
			r.lookAtRunway(ctx)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lookAtHead asks for the time first: what the head holds then may be a little newer.
func (r *Replicator) lookAtHead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, headPatience)
	defer cancel()
	before := time.Now()
	now, err := r.opts.Source.Now(ctx)
	if err != nil {
		return
	}
	r.versions.measured(now.Sub(before))
	if head, _, err := r.opts.Source.Head(ctx); err == nil {
		r.horizon.seen(head, now)
	}
}

// lookAtRunway asks how long the source will keep the log that is still needed.
func (r *Replicator) lookAtRunway(ctx context.Context) {
	retention, ok := r.opts.Source.(source.Retention)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, headPatience)
	defer cancel()
	saved := r.saver.current()
	runway, known, err := retention.Runway(ctx, source.Position(saved.Position), r.versions.sourceNow().Add(-r.lag()))
	if err != nil || !known {
		runway = -1
	}
	r.horizon.mu.Lock()
	defer r.horizon.mu.Unlock()
	r.horizon.runway = runway
}

// lag is how far the target is behind, by what the log has told and by what the source has.
func (r *Replicator) lag() time.Duration {
	saved := r.saver.current()
	now := r.versions.sourceNow()
	lag := r.horizon.lag(source.Position(saved.Position), now)
	if committed, waiting := r.frontier.oldest(); waiting && !committed.IsZero() {
		lag = max(lag, now.Sub(committed))
	}
	return lag
}

// runwayLeft is the runway as it was last known; negative: unknown.
func (r *Replicator) runwayLeft() time.Duration {
	r.horizon.mu.Lock()
	defer r.horizon.mu.Unlock()
	return r.horizon.runway
}
