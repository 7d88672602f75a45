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
