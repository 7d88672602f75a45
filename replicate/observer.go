package replicate

import (
	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Observer is told what happens, at named points: metrics, tests and crash points all use it, and
// there is no other hook. All functions are optional. They are called from many goroutines, must not
// block for long, and must not change or keep what they are given.
type Observer struct {
	// BatchReceivedFunc: a batch came from the log, before anything was done with it.
	BatchReceivedFunc func(source.Batch)
	// BackfillPlannedFunc: a table was split, and the ranges of its backfill are saved.
	BackfillPlannedFunc func(plan mappings.PlanID, ranges int)
	// ChunkReadFunc: a chunk of a backfill was read; its rows are not written yet.
	ChunkReadFunc func(plan mappings.PlanID, number int, rows int)
	// ChunkDoneFunc: all rows of a chunk are durable, dead letters or superseded; its progress is not saved yet.
	ChunkDoneFunc func(plan mappings.PlanID, number int, rows int)
	// BackfillDoneFunc: the last range of a backfill is done; that is not saved yet.
	BackfillDoneFunc func(plan mappings.PlanID)
	// SweepBegunFunc: a sweep is about to list what the destination holds.
	SweepBegunFunc func(plan mappings.PlanID)
	// SweepDoneFunc: every document that a sweep listed is settled; that is not saved yet.
	SweepDoneFunc func(plan mappings.PlanID)
	// DirtyFunc: an event of the batch that was received last made documents dirty; none of them can have
	// been taken for it yet.
	DirtyFunc func(docs []mappings.DocKey)
	// TakenFunc: documents went in flight, each with the fence that their read captured.
	TakenFunc func(docs []mappings.DocKey, fence source.Fence)
	// SettledFunc: documents are not in flight any more.
	SettledFunc func(docs []mappings.DocKey)
	// RowsReadFunc: rows were read again because their keys were dirty.
	RowsReadFunc func(plan mappings.PlanID, rows []source.Row)
	// WritingFunc: operations are about to be sent to the target.
	WritingFunc func(ops []targets.Op)
	// OpsWrittenFunc: a write to the target returned.
	OpsWrittenFunc func(ops []targets.Op, err error)
	// RetryFunc: one end ("source" or "target") did not answer, and is tried again.
	RetryFunc func(end string, err error)
	// ConflictFunc: the target holds a version that this state did not issue.
	ConflictFunc func(key mappings.DocKey, stored, ours int64)
	// SavingFunc: something is to be saved, by the frontier, at the start or by a job; the state is not on disk yet.
	SavingFunc func(state.Change)
	// StateSavedFunc: the state is on disk.
	StateSavedFunc func(state.Change)
	// AckedFunc: the source has been told that everything up to the position is saved.
	AckedFunc func(source.Position)
	// DeadLetterFunc: the target rejected a document; the letter is saved with or before the position.
	DeadLetterFunc func(state.Letter)
	// MissFunc: a key of an insert or update has no row, and no delete came for it either.
	MissFunc func(mappings.DocKey)
	// ParkedFunc: a plan is left alone from now on.
	ParkedFunc func(state.Parked)
}
