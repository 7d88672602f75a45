package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Replicator keeps one target equal to tables of one source. It is used for one Run.
type Replicator struct {
	opts    Options
	log     *slog.Logger
	limiter *rate.Limiter

	sourceHealth, targetHealth *outage
	counters                   counters
	progress                   *progress
	plans                      *plans
	recorded                   map[mappings.PlanID]planRecord // of the start and the intake only

	// Made at the start of Run from the saved state.
	versions *versions
	lanes    *lanes
	frontier *frontier
	misses   *misses
	jobs     *jobs
	saver    *saver
	ready    chan struct{} // closed when the above are there, for Status
}

// New checks the options and makes a Replicator. Nothing is opened or started yet.
func New(opts Options) (*Replicator, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Replicator{
		opts: opts, log: opts.Logger, ready: make(chan struct{}), progress: newProgress(), recorded: map[mappings.PlanID]planRecord{},
		limiter:      rate.NewLimiter(rate.Inf, 0),
		sourceHealth: &outage{log: opts.Logger, what: "source"},
		targetHealth: &outage{log: opts.Logger, what: "target"},
	}
	if opts.RowsPerSecond > 0 {
		burst := max(opts.ReadRows, opts.ChunkRows, int(math.Ceil(opts.RowsPerSecond)))
		r.limiter = rate.NewLimiter(rate.Limit(opts.RowsPerSecond), burst)
		r.limiter.AllowN(time.Now(), burst) // begin at the rate, not with a burst
	}
	preparer, _ := opts.Target.(targets.Preparer)
	r.plans = &plans{
		catalog: opts.Source, patterns: opts.Tables, compile: opts.Compile, prepare: preparer,
		health: r.sourceHealth, target: r.targetHealth, log: opts.Logger, warned: map[string]bool{}, ahead: map[source.Table][]*flow{},
	}
	return r, nil
}

// errDrained ends the parts that take in new work when the run is to end well.
var errDrained = errors.New("drained")

// Run replicates until drain is closed, ctx ends, or, with Options.Once, the target is equal. A
// closed drain finishes what is in flight, saves, and returns nil; a ctx that ends leaves at once.
// Any other error is final; the state is as of the last save, and a later Run goes on from there.
func (r *Replicator) Run(ctx context.Context, drain <-chan struct{}) error {
	start, err := r.start(ctx)
	if err != nil {
		return err
	}
	stream, err := r.opts.Source.Open(ctx, start, r.subscriptions())
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	err = r.work(ctx, stream, drain)
	return errors.Join(err, stream.Close(context.WithoutCancel(ctx)))
}

func (r *Replicator) subscriptions() []source.Subscription {
	subscriptions := make([]source.Subscription, len(r.opts.Tables))
	for i, p := range r.opts.Tables {
		subscriptions[i] = source.Subscription{Tables: p}
	}
	return subscriptions
}

// work runs all parts. Those that take in work end first, on drain or error; then the workers finish
// what is in the lanes; then the saver saves for the last time.
func (r *Replicator) work(ctx context.Context, stream source.Stream, drain <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	soft, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.saver.ack = stream.Ack

	var intake errgroup.Group
	take := func(loop func() error) {
		intake.Go(func() error {
			err := loop()
			draining := errors.Is(context.Cause(soft), errDrained) && errors.Is(err, context.Canceled)
			if draining || errors.Is(err, errDrained) {
				return nil
			}
			if err != nil {
				stop(err)
			}
			return err
		})
	}
	take(func() error { return r.intakeLoop(soft, stream) })
	take(func() error { return r.planLoop(ctx, soft) })
	take(func() error { return r.sweepLoop(soft) })
	for range r.opts.Parallel {
		take(func() error { return r.rangeLoop(ctx, soft) })
	}
	take(func() error {
		select {
		case <-drain:
			r.log.Info("stopping: finishing what is in flight")
			stop(errDrained)
		case <-soft.Done():
		}
		return nil
	})
	if r.opts.Once {
		take(func() error {
			err := r.awaitEqual(soft)
			if err == nil {
				stop(errDrained)
			}
			return err
		})
	}

	r.finish(ctx, g, &intake)
	return g.Wait()
}

// finish runs the parts that outlive the intake: the workers, until the lanes are empty, and the
// saver, until the workers are done.
func (r *Replicator) finish(ctx context.Context, g, intake *errgroup.Group) {
	workers, working := errgroup.WithContext(ctx) // one that fails ends the others, which may be waiting for nothing
	for range r.opts.Workers {
		workers.Go(func() error { return r.applyLoop(working) })
	}
	settled := make(chan struct{})
	g.Go(func() error {
		if err := intake.Wait(); err != nil {
			return err
		}
		r.lanes.close()
		return nil
	})
	g.Go(func() error {
		err := workers.Wait()
		if err == nil {
			close(settled)
		}
		return err
	})
	g.Go(func() error { return r.saver.loop(ctx, settled) })
}

// awaitEqual returns when no bulk work is left and all that was committed by then is in the target.
func (r *Replicator) awaitEqual(ctx context.Context) error {
	for {
		if err := r.jobs.idle(ctx); err != nil {
			return err
		}
		var head source.Position
		err := r.sourceHealth.retry(ctx, func() (err error) {
			head, _, err = r.opts.Source.Head(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("look at the log's head: %w", err)
		}
		if err := r.awaitSaved(ctx, head); err != nil {
			return err
		}
		if !r.jobs.busy() {
			return nil
		}
	}
}

// awaitSaved returns when the saved position has reached the wanted one.
func (r *Replicator) awaitSaved(ctx context.Context, want source.Position) error {
	for {
		saved, moved := r.saver.current()
		reached, err := r.opts.Source.Reached(ctx, source.Position(saved.Position), want)
		if err != nil {
			return fmt.Errorf("compare positions: %w", err)
		}
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// start loads the state, compiles the plans and returns the position to follow from. Errors are not
// tried again, because at the start somebody is watching.
func (r *Replicator) start(ctx context.Context) (source.Position, error) {
	snap, err := r.opts.State.Load(ctx)
	if err != nil {
		return "", err
	}
	letters, err := r.opts.State.LetterRefs(ctx)
	if err != nil {
		return "", err
	}
	fresh := snap.Checkpoint == nil
	if fresh {
		// The position comes first: what is read later is at least as new (invariant 2).
		position, fence, err := r.opts.Source.Head(ctx)
		if err != nil {
			return "", fmt.Errorf("look at the log's head: %w", err)
		}
		snap.Checkpoint = &state.Checkpoint{Position: string(position), Fence: string(fence), Saved: time.Now().UTC()}
	}
	at := *snap.Checkpoint
	r.lanes = newLanes(r.opts.MaxDirty, source.Fence(at.Fence))
	r.plans.fence = r.lanes.newestFence
	if err := r.plans.load(ctx); err != nil {
		return "", err
	}
	r.versions = newVersions(r.opts.Source, snap.Leases, r.opts.State.Save)
	r.frontier = newFrontier()
	r.misses = newMisses(r.opts.Source, r.opts.MaxMisses)
	r.jobs = newJobs(snap)
	r.saver = newSaver(r.opts.State, r.frontier, r.opts.SaveEvery, r.opts.Observer, at, letters)
	r.saver.added = r.jobs.add
	r.progress.restore(snap, r.plans)
	if err := r.takeUp(ctx, snap, fresh); err != nil {
		return "", err
	}
	close(r.ready)
	return source.Position(at.Position), nil
}

// takeUp queues the backfill of plans that the state does not know, or knows otherwise, and saves
// that together with the position of a fresh start. Plans that are not in force are forgotten: their
// events are not followed from here on, so that they begin anew should they come back. It ends the
// bulk mode that a crash left behind.
func (r *Replicator) takeUp(ctx context.Context, snap state.Snapshot, fresh bool) error {
	var change state.Change
	if fresh {
		change.Checkpoint = snap.Checkpoint
	}
	known := map[string]string{}
	var idle []string // destinations without a backfill under way
	for _, p := range snap.Plans {
		known[p.Plan] = p.Fingerprint
		if r.plans.get(mappings.PlanID(p.Plan)) == nil {
			change.DropPlans = append(change.DropPlans, p.Plan)
			idle = append(idle, p.Destination)
		}
	}
	for _, f := range r.plans.all() {
		r.recorded[f.plan.ID()] = recordOf(f)
		record := f.record()
		if before, seen := known[record.Plan]; seen && before == record.Fingerprint {
			continue
		} else if err := r.takeUpPlan(ctx, f, seen, &change); err != nil {
			return err
		}
	}
	if err := r.opts.State.Save(ctx, change); err != nil {
		return err
	}
	r.jobs.add(change.AddJobs)
	for _, f := range r.plans.all() {
		if !r.jobs.pending(f.plan.ID()) {
			idle = append(idle, f.plan.Destination().Name)
		}
	}
	for _, dest := range idle {
		if err := r.endBulk(ctx, dest); err != nil {
			return err
		}
	}
	return nil
}

// takeUpPlan queues what a plan needs that is new, or has changed since it was copied.
func (r *Replicator) takeUpPlan(ctx context.Context, f *flow, seen bool, change *state.Change) error {
	change.Plans = append(change.Plans, f.record())
	reason, sweep := "new", seen
	switch {
	case seen:
		reason = "mapping changed"
		r.log.Warn("mapping or table has changed since it was copied, it is copied again", "mapping", f.plan.Name())
	case r.opts.FollowOnly:
		return nil
	default:
		// It may hold documents of a table that was there before, or of a state file that was lost.
		sweep = true
		if target, ok := r.opts.Target.(targets.Emptiness); ok {
			empty, err := target.Empty(ctx, f.plan.Destination().Name)
			if err != nil {
				return err
			}
			sweep = !empty
		}
	}
	change.AddJobs = append(change.AddJobs, r.jobs.newJob(f.plan.ID(), state.Backfill, reason))
	if sweep {
		change.AddJobs = append(change.AddJobs, r.jobs.newJob(f.plan.ID(), state.Sweep, reason))
	}
	return nil
}
