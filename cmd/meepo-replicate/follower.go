package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// follower is the run that is on a state file, as another process sees it.
type follower struct {
	store *state.Store
	log   source.Log
}

// lookEvery is the time between two looks at what a run has saved.
const lookEvery = 50 * time.Millisecond

// errRunEnded: what was waited for will not come, as nobody works on it.
var errRunEnded = errors.New("the run on the state file has ended")

// openFollower opens the state for looking. Nil: there is none yet.
func openFollower(ctx context.Context, path string, log source.Log, ends *ends) (*follower, error) {
	store, err := state.OpenReadOnly(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ends.add(func(context.Context) error { return store.Close() })
	return &follower{store: store, log: log}, nil
}

// passed returns when the target holds everything up to a position.
func (f *follower) passed(ctx context.Context, want source.Position) error {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		running := f.store.Running()
		saved, err := f.store.Checkpoint(ctx)
		if err != nil {
			return err
		}
		if saved != nil {
			reached, err := f.log.Reached(ctx, source.Position(saved.Position), want)
			if err != nil {
				return fmt.Errorf("compare positions: %w", err)
			}
			if reached {
				return nil
			}
		}
		if !running {
			return &source.HintError{Err: fmt.Errorf("%w before it had reached %s", errRunEnded, want), Advice: "start it again, then this"}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
