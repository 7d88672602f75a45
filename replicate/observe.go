package replicate

import (
	"context"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Observe joins observers: each is told what it wants to know, in the order of the list. Nil is
// nobody. In the result every function is set, but for TakenFunc and SettledFunc, whose arguments
// cost something to make: they are nil if nobody wants them.
func Observe(list ...*Observer) *Observer {
	return &Observer{
		BatchReceivedFunc:   one(list, func(o *Observer) func(source.Batch) { return o.BatchReceivedFunc }),
		BackfillPlannedFunc: two(list, func(o *Observer) func(mappings.PlanID, int) { return o.BackfillPlannedFunc }),
		ChunkReadFunc:       three(list, func(o *Observer) func(mappings.PlanID, int, int) { return o.ChunkReadFunc }),
		ChunkDoneFunc:       three(list, func(o *Observer) func(mappings.PlanID, int, int) { return o.ChunkDoneFunc }),
		BackfillDoneFunc:    one(list, func(o *Observer) func(mappings.PlanID) { return o.BackfillDoneFunc }),
		SweepBegunFunc:      one(list, func(o *Observer) func(mappings.PlanID) { return o.SweepBegunFunc }),
		SweepDoneFunc:       one(list, func(o *Observer) func(mappings.PlanID) { return o.SweepDoneFunc }),
		DirtyFunc:           one(list, func(o *Observer) func([]mappings.DocKey) { return o.DirtyFunc }),
		TakenFunc:           wanted(list, func(o *Observer) bool { return o.TakenFunc != nil }, two(list, func(o *Observer) func([]mappings.DocKey, source.Fence) { return o.TakenFunc })),
		SettledFunc:         wanted(list, func(o *Observer) bool { return o.SettledFunc != nil }, one(list, func(o *Observer) func([]mappings.DocKey) { return o.SettledFunc })),
		RowsReadFunc:        two(list, func(o *Observer) func(mappings.PlanID, []source.Row) { return o.RowsReadFunc }),
		WritingFunc:         one(list, func(o *Observer) func([]targets.Op) { return o.WritingFunc }),
		OpsWrittenFunc:      two(list, func(o *Observer) func([]targets.Op, error) { return o.OpsWrittenFunc }),
		RetryFunc:           two(list, func(o *Observer) func(string, error) { return o.RetryFunc }),
		ConflictFunc:        three(list, func(o *Observer) func(mappings.DocKey, int64, int64) { return o.ConflictFunc }),
		SavingFunc:          one(list, func(o *Observer) func(state.Change) { return o.SavingFunc }),
		StateSavedFunc:      one(list, func(o *Observer) func(state.Change) { return o.StateSavedFunc }),
		AckedFunc:           one(list, func(o *Observer) func(source.Position) { return o.AckedFunc }),
		DeadLetterFunc:      one(list, func(o *Observer) func(state.Letter) { return o.DeadLetterFunc }),
		MissFunc:            one(list, func(o *Observer) func(mappings.DocKey) { return o.MissFunc }),
		ParkedFunc:          one(list, func(o *Observer) func(state.Parked) { return o.ParkedFunc }),
	}
}

func one[A any](list []*Observer, of func(*Observer) func(A)) func(A) {
	tell := set(list, func(o *Observer) (func(A), bool) { f := of(o); return f, f != nil })
	return func(a A) {
		for _, f := range tell {
			f(a)
		}
	}
}

func two[A, B any](list []*Observer, of func(*Observer) func(A, B)) func(A, B) {
	tell := set(list, func(o *Observer) (func(A, B), bool) { f := of(o); return f, f != nil })
	return func(a A, b B) {
		for _, f := range tell {
			f(a, b)
		}
	}
}

func three[A, B, C any](list []*Observer, of func(*Observer) func(A, B, C)) func(A, B, C) {
	tell := set(list, func(o *Observer) (func(A, B, C), bool) { f := of(o); return f, f != nil })
	return func(a A, b B, c C) {
		for _, f := range tell {
			f(a, b, c)
		}
	}
}

// set collects the functions that are set.
func set[F any](list []*Observer, of func(*Observer) (F, bool)) (found []F) {
	for _, o := range list {
		if o == nil {
			continue
		}
		if f, ok := of(o); ok {
			found = append(found, f)
		}
	}
	return found
}

// wanted is f if anybody is there who wants to be told.
func wanted[F any](list []*Observer, wants func(*Observer) bool, f F) (none F) {
	for _, o := range list {
		if o != nil && wants(o) {
			return f
		}
	}
	return none
}

// observedStore tells an observer of every save, whoever makes it.
type observedStore struct {
	Store
	observer *Observer
}

// notSaved marks a save that failed, whatever it was for.
type notSaved struct{ error }

// Unwrap returns what the store said.
func (e *notSaved) Unwrap() error { return e.error }

// Save saves between SavingFunc and StateSavedFunc.
func (s observedStore) Save(ctx context.Context, change state.Change) error {
	s.observer.SavingFunc(change)
	if err := s.Store.Save(ctx, change); err != nil {
		return &notSaved{err}
	}
	s.observer.StateSavedFunc(change)
	return nil
}
