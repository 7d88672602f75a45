package replicate

import (
	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Observer is told what happens, at named points. All functions are optional. They are called from
// many goroutines, must not block for long, and must not change what they are given.
type Observer struct {
	// BatchReceivedFunc: a batch came from the log, before anything was done with it.
	BatchReceivedFunc func(source.Batch)
	// ChunkReadFunc: a chunk of a backfill was read; its rows are not written yet.
	ChunkReadFunc func(plan mappings.PlanID, number int, rows int)
	// RowsReadFunc: rows were read again because their keys were dirty.
	RowsReadFunc func(plan mappings.PlanID, rows []source.Row)
	// OpsWrittenFunc: a write to the target returned.
	OpsWrittenFunc func(ops []targets.Op, err error)
	// StateSavedFunc: the state is on disk.
	StateSavedFunc func(state.Change)
	// AckedFunc: the source has been told that everything up to the position is saved.
	AckedFunc func(source.Position)
	// DeadLetterFunc: the target rejected a document; the letter is saved with or before the position.
	DeadLetterFunc func(state.Letter)
	// MissFunc: a key of an insert or update has no row, and no delete came for it either.
	MissFunc func(mappings.DocKey)
}

func (o *Observer) batchReceived(b source.Batch) {
	if o != nil && o.BatchReceivedFunc != nil {
		o.BatchReceivedFunc(b)
	}
}

func (o *Observer) chunkRead(plan mappings.PlanID, number, rows int) {
	if o != nil && o.ChunkReadFunc != nil {
		o.ChunkReadFunc(plan, number, rows)
	}
}

func (o *Observer) rowsRead(plan mappings.PlanID, rows []source.Row) {
	if o != nil && o.RowsReadFunc != nil {
		o.RowsReadFunc(plan, rows)
	}
}

func (o *Observer) opsWritten(ops []targets.Op, err error) {
	if o != nil && o.OpsWrittenFunc != nil {
		o.OpsWrittenFunc(ops, err)
	}
}

func (o *Observer) stateSaved(c state.Change) {
	if o != nil && o.StateSavedFunc != nil {
		o.StateSavedFunc(c)
	}
}

func (o *Observer) acked(p source.Position) {
	if o != nil && o.AckedFunc != nil {
		o.AckedFunc(p)
	}
}

func (o *Observer) deadLetter(l state.Letter) {
	if o != nil && o.DeadLetterFunc != nil {
		o.DeadLetterFunc(l)
	}
}

func (o *Observer) miss(key mappings.DocKey) {
	if o != nil && o.MissFunc != nil {
		o.MissFunc(key)
	}
}
