package replicate

import (
	"context"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// marks leaves the saved position in the target now and then, numbered, and notes in the state which
// number the target holds for sure. A target whose number is lower went back in time (invariant 8).
type marks struct {
	state  string
	number int64 // the last one written, or known of
}

func newMarks(snap state.Snapshot) *marks { return &marks{state: snap.ID, number: snap.Mark} }

// markLoop writes a mark when the saved position has moved. A mark that cannot be written is left out:
// it guards against restored backups, and nothing else waits for it.
func (r *Replicator) markLoop(ctx context.Context) error {
	marker, ok := r.opts.Target.(targets.Marker)
	if !ok {
		return nil
	}
	m := r.marks
	if found, err := marker.ReadMark(ctx, m.state); err == nil {
		m.number = max(m.number, found.Number) // one that was written just before a crash
	}
	ticker := time.NewTicker(r.opts.MarkEvery)
	defer ticker.Stop()
	var marked string
	warned := false
	for {
		at := r.saver.current()
		if at.Position != marked {
			err := marker.WriteMark(ctx, m.state, targets.Mark{Number: m.number + 1, Position: at.Position})
			switch {
			case err == nil:
				marked, warned = at.Position, false
				m.number++
				r.saver.note(state.Change{Mark: m.number})
			case ctx.Err() == nil && !warned:
				warned = true
				r.log.Warn("no mark can be left in the target, so that a restored backup of it would not be noticed", "error", err)
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
