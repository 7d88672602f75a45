package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// waitFlags are the flags of wait alone.
type waitFlags struct {
	position   string
	timeout    time.Duration
	searchable bool
}

func newWaitCommand(p *process) *cobra.Command {
	var how waitFlags
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Return when the target holds everything up to a position of the source",
		Long: `Wait until the run on the state file has written everything up to a position of the source, so that who has written
there reads it here. The position is a set of GTIDs, an LSN, file:position, what status shows, or now: the source's newest.
With --searchable, searches of Elasticsearch find it, too. It returns within some 100 ms of the run's save, and changes nothing.

Exit code 0 if it is there, 6 if it is not in time.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWait(cmd, p, how) },
	}
	flags := cmd.Flags()
	flags.StringVar(&how.position, "position", "now", "the `POSITION` to wait for")
	flags.DurationVar(&how.timeout, "timeout", 10*time.Second, "for how long")
	flags.BoolVar(&how.searchable, "searchable", false, "let searches find it, by a refresh")
	completeChoices(cmd, "position")
	completeChoices(cmd, "timeout")
	addFlags(flags, byCompare)
	completeSettings(cmd)
	return cmd
}

func runWait(cmd *cobra.Command, p *process, how waitFlags) (err error) {
	c, warnings, err := loadConfig(cmd, byCompare)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	ends := &ends{}
	defer func() { err = errors.Join(err, ends.close(cmd.Context())) }()
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return err
	}
	ends.add(func(context.Context) error { return src.Close() })
	follower, err := openFollower(ctx, c.State, src, ends)
	if err != nil {
		return err
	}
	if follower == nil {
		return &usageError{"there is no state file " + c.State, "name the one of your run by --state, or start a run: it makes the file"}
	}
	want, err := positionMeant(ctx, src, how.position)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, how.timeout)
	defer cancel()
	if err := follower.passed(waiting, want); err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return follower.late(ctx, want, how.timeout)
		}
		return err
	}
	if how.searchable {
		return refresh(ctx, c, follower, log, ends)
	}
	return nil
}

// positionMeant reads a position that somebody has named. One that the source itself has not reached would never come, or nobody
// knows when.
func positionMeant(ctx context.Context, src sourceDriver, text string) (source.Position, error) {
	head, _, err := src.Present(ctx)
	if err != nil || text == "now" {
		return head, err
	}
	want, err := src.ReadPosition(ctx, text)
	if err != nil {
		return "", &usageError{"--position: " + err.Error(), strings.Join(replicate.Hints(err), "; ")}
	}
	there, err := src.Reached(ctx, head, want)
	if err == nil && there {
		return want, nil
	}
	return "", &usageError{fmt.Sprintf("--position %s: the source has not come to it, it is at %s", text, head), "is it of this server?"}
}

// refresh lets searches find what is in the destinations of a run.
func refresh(ctx context.Context, c *config, f *follower, log *slog.Logger, ends *ends) error {
	snap, err := f.store.Load(ctx)
	if err != nil {
		return err
	}
	dst, err := startTarget(ctx, c, log, ends)
	if err != nil {
		return err
	}
	refresher, ok := dst.(targets.Refresher)
	if !ok { // what is written there is found at once
		return nil
	}
	var dests []string
	for _, plan := range snap.Plans {
		if mappings.IsSpread(plan.Destination) {
			dests = append(dests, slices.Collect(maps.Keys(replicate.Places(plan.Identity)))...)
		} else if !slices.Contains(dests, plan.Destination) {
			dests = append(dests, plan.Destination)
		}
	}
	return refresher.Refresh(ctx, dests)
}

// late says that a position was not reached in time.
func (f *follower) late(ctx context.Context, want source.Position, after time.Duration) error {
	saved, err := f.store.Checkpoint(ctx)
	if err != nil {
		return err
	}
	at := "nothing is saved yet"
	if saved != nil {
		at = "saved is " + saved.Position
	}
	return &lateError{fmt.Sprintf("the target does not hold everything up to %s after %s: %s", want, after, at)}
}

// lateError: what was waited for has not come.
type lateError struct{ text string }

// Error says what.
func (e *lateError) Error() string { return e.text }

// Hint says where to look.
func (e *lateError) Hint() string { return "see meepo-replicate status, or wait longer with --timeout" }
