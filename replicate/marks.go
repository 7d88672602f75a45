package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// marks leaves two things in the target. The saved position, numbered, now and then; the state notes which
// number the target holds for sure, so that a lower one says that the target went back in time (invariant
// 8). And the ceiling of this state's versions, before any of them is issued: another state that begins
// on the same target, because this one was lost, begins above it. Otherwise a request that is under way
// when this process is killed, and lands late, would undo what the next one has written.
type marks struct {
	marker targets.Marker // nil: the target keeps no marks
	state  string
	log    *slog.Logger

	mu     sync.Mutex
	known  bool         // whether last is at least what the target holds
	last   targets.Mark // the one written last, or tried
	warned bool         // that it cannot be written, since it last could
}

func newMarks(o Options, snap state.Snapshot) *marks {
	marker, _ := o.Target.(targets.Marker)
	return &marks{marker: marker, state: snap.ID, log: o.Logger, last: targets.Mark{Number: snap.Mark}}
}

// write leaves a mark with a position, or a ceiling, that it changes, and returns its number. Each try has a
// number of its own, so that none that lands late replaces a later one.
func (m *marks) write(ctx context.Context, change func(*targets.Mark)) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known {
		found, err := m.marker.ReadMark(ctx, m.state)
		if err != nil {
			return 0, err
		}
		m.last.Number, m.last.Ceiling = max(found.Number, m.last.Number), max(found.Ceiling, m.last.Ceiling)
		m.known = true
	}
	change(&m.last)
	m.last.Number++
	if err := m.marker.WriteMark(ctx, m.state, m.last); err != nil {
		m.known = false
		return 0, err
	}
	m.warned = false
	return m.last.Number, nil
}

// reserve tells the target of a ceiling of versions.
func (m *marks) reserve(ctx context.Context, ceiling int64) error {
	if m.marker == nil {
		return nil
	}
	_, err := m.write(ctx, func(mark *targets.Mark) { mark.Ceiling = max(mark.Ceiling, ceiling) })
	if errors.Is(err, targets.ErrDenied) {
		m.failed(err)
		return nil
	}
	return err
}

// failed says once what it means that the target takes no marks.
func (m *marks) failed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.warned {
		m.warned = true
		m.log.Warn("no mark can be left in the target, so that a restored backup of it would not be noticed, "+
			"nor a late write of a run whose state was lost", "error", err)
	}
}

// ceiling is above every version that any state has reserved in this target. Zero: none has.
func (m *marks) ceiling(ctx context.Context) (int64, error) {
	if m.marker == nil {
		return 0, nil
	}
	ceiling, err := m.marker.Ceiling(ctx)
	if errors.Is(err, targets.ErrDenied) {
		m.failed(err)
		return 0, nil
	}
	return ceiling, err
}

// saveLease keeps a lease of versions: first in the target, for another state, and then in the state.
func (r *Replicator) saveLease(ctx context.Context, change state.Change) error {
	err := r.targetHealth.retry(ctx, func() error { return r.marks.reserve(ctx, change.Lease.High) })
	if err != nil {
		return fmt.Errorf("reserve versions in the target: %w", err)
	}
	return r.opts.State.Save(ctx, change)
}

// markLoop writes a mark when the saved position has moved. One that cannot be written is left out:
// it guards against restored backups, and nothing else waits for it.
func (r *Replicator) markLoop(ctx context.Context) error {
	if r.marks.marker == nil {
		return nil
	}
	ticker := time.NewTicker(r.opts.MarkEvery)
	defer ticker.Stop()
	var marked string
	for {
		if at := r.saver.current().Position; at != marked {
			number, err := r.marks.write(ctx, func(mark *targets.Mark) { mark.Position = at })
			switch {
			case err == nil:
				marked = at
				r.saver.note(state.Change{Mark: number})
			case ctx.Err() == nil:
				r.marks.failed(err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// identityLoop looks at one destination after the other, so that one that is deleted or replaced is
// noticed although nothing is written to it. What cannot be told now is looked at again later.
func (r *Replicator) identityLoop(ctx context.Context) error {
	if r.plans.identify == nil {
		return nil
	}
	ticker := time.NewTicker(r.opts.MarkEvery)
	defer ticker.Stop()
	for next := 0; ; next++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		flows := r.plans.all()
		if len(flows) == 0 {
			continue
		}
		f := flows[next%len(flows)]
		if err := r.plans.stillThere(ctx, f, once); isFault(err) {
			if err := r.park(f, err); err != nil {
				return err
			}
		}
	}
}
