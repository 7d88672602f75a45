package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/compare"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// repair has the findings done again by a run: by the one that is on the state file, or by one of its own that ends
// when they are. The run reads each row anew behind its fence, so that what has changed since is no matter. Then
// those are compared again.
func (v *verification) repair(ctx context.Context) error {
	wrong := v.result.Wrong()
	switch {
	case v.follower == nil:
		return &usageError{"--repair needs the state of the run that keeps the target, and there is none at " + v.c.State, "name it by --state"}
	case wrong > int64(v.how.maxRepairs) || v.dropped > 0:
		return &usageError{fmt.Sprintf("%s are more than --max-repairs %d, nothing was repaired", count(wrong, "document"), v.how.maxRepairs),
			"look whether the mapping is the one of the run; then raise --max-repairs, or copy anew: meepo-replicate backfill MAPPING"}
	}
	question := fmt.Sprintf("write again, or remove, %s?", count(wrong, "document"))
	if !v.how.yes {
		yes, err := v.process.confirmed(question)
		if err != nil {
			return err
		}
		if !yes {
			return &usageError{"nothing was repaired", "add --yes"}
		}
	}
	var requests []state.Request
	var keys []mappings.DocKey
	for _, f := range v.findings {
		switch f.Kind {
		case compare.Missing, compare.Different, compare.Orphan:
			requests = append(requests, state.Request{Verb: state.RepairKey, Plan: string(f.Plan), Key: string(f.Key), At: time.Now().UTC()})
			keys = append(keys, mappings.DocKey{Plan: f.Plan, Key: f.Key})
		}
	}
	if err := v.done(ctx, requests); err != nil {
		return err
	}
	return v.secondLook(ctx, keys)
}

// done asks for requests and returns when a run has done them.
func (v *verification) done(ctx context.Context, requests []state.Request) error {
	store, err := state.OpenToAsk(ctx, v.c.State)
	if err != nil {
		return err
	}
	asked, err := store.Ask(ctx, requests)
	if err == nil && store.Running() {
		return errors.Join(awaitRequests(ctx, store, asked), store.Close())
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	return v.runOnce(ctx)
}

// awaitRequests returns when a run has done what was asked.
func awaitRequests(ctx context.Context, store *state.Store, asked state.Asked) error {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		running := store.Running()
		pending, err := store.PendingRequests(ctx, &asked)
		if err != nil || len(pending) == 0 {
			return err
		}
		if !running {
			return &source.HintError{Err: fmt.Errorf("%w before it had repaired all", errRunEnded), Advice: "the next run does the rest"}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// runOnce runs until the target is equal to the source, with what was asked for before.
func (v *verification) runOnce(ctx context.Context) (err error) {
	ends := &ends{}
	defer func() { err = errors.Join(err, ends.close(ctx)) }()
	chosen, err := v.c.selectTables()
	if err != nil {
		return err
	}
	c := *v.c
	c.Once = true
	options, err := prepareRun(ctx, &c, chosen, v.log, v.process.stderr, ends)
	if err != nil {
		return err
	}
	engine, err := replicate.New(options)
	if err != nil {
		return err
	}
	return engine.Run(ctx, v.process.drain)
}

// secondLook compares what was repaired.
func (v *verification) secondLook(ctx context.Context, keys []mappings.DocKey) error {
	again := &verification{how: v.how, process: v.process, comparing: comparing{c: v.c, sides: v.sides, follower: v.follower, log: v.log, began: time.Now(), keys: keys}}
	if err := again.run(ctx); err != nil {
		return err
	}
	if wrong := again.result.Wrong(); wrong > 0 {
		if err := again.print(v.process.stdout); err != nil {
			return err
		}
		return &silentError{exitDiffers}
	}
	if v.how.json {
		return nil
	}
	_, err := fmt.Fprintf(v.process.stdout, "repaired %s, and compared them again: equal\n", count(int64(len(keys)), "document"))
	return err
}
