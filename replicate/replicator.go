package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
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
	recorded                   *records
	breaker                    *breaker

	// Made at the start of Run from the saved state.
	former    map[mappings.PlanID]state.Plan // what plans were before this run, parked ones too, until they are copied anew
	remade    map[string]bool                // destinations that hold no ids of an earlier form
	versions  *versions
	lanes     *lanes
	frontier  *frontier
	misses    *misses
	untouched untouched
	written   written
	held      *held
	jobs      *jobs
	saver     *saver
	marks     *marks
	horizon   *horizon
	ready     chan struct{} // closed when the above are there, for Status
	caughtUp  chan struct{} // closed when the requests that were there at the start are taken in
}

// New checks the options and makes a Replicator. Nothing is opened or started yet.
func New(opts Options) (*Replicator, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Replicator{
		opts: opts, log: opts.Logger, ready: make(chan struct{}), caughtUp: make(chan struct{}), progress: newProgress(), recorded: newRecords(),
		breaker:      newBreaker(opts.MaxRejected, opts.RejectWindow),
		limiter:      rate.NewLimiter(rate.Inf, 0),
		sourceHealth: &outage{log: opts.Logger, what: "source", told: opts.Observer.RetryFunc},
		targetHealth: &outage{log: opts.Logger, what: "target", told: opts.Observer.RetryFunc},
	}
	if opts.RowsPerSecond > 0 {
		burst := max(opts.ReadRows, opts.ChunkRows, int(math.Ceil(opts.RowsPerSecond)))
		r.limiter = rate.NewLimiter(rate.Limit(opts.RowsPerSecond), burst)
		r.limiter.AllowN(time.Now(), burst) // begin at the rate, not with a burst
	}
	preparer, _ := opts.Target.(targets.Preparer)
	identifier, _ := opts.Target.(targets.Identifier)
	lister, _ := opts.Target.(targets.Lister)
	enlister, _ := opts.Source.(source.Enlister)
	r.plans = &plans{
		catalog: opts.Source, patterns: opts.Tables, compile: opts.Compile, prepare: preparer, identify: identifier, list: lister,
		health: r.sourceHealth, target: r.targetHealth, log: opts.Logger, faulty: r.parkWhole, lost: r.forgetPlan, ahead: r.outdated, admits: r.refuseOldIDs, joined: r.joined,
		out:      func(id mappings.PlanID) { r.saver.note(state.Change{LeaveOut: []string{string(id)}}) },
		fallback: opts.OnSchemaChange, accepted: map[mappings.PlanID]mappings.Definition{}, leftOut: map[mappings.PlanID]bool{},
		enlister: enlister, fence: func() source.Fence { return "" }, // until there is a position
		warned: map[string]bool{}, early: map[source.Table][]*flow{}, parked: map[mappings.PlanID]state.Parked{}, behind: map[mappings.PlanID]string{},
	}
	return r, nil
}

// errDrained ends the parts that take in new work when the run is to end well.
var errDrained = errors.New("drained")

// Run replicates until drain is closed, ctx ends, or, with Options.Once, the target is equal. A
// closed drain finishes what is in flight, saves, and returns nil; a ctx that ends leaves at once.
// Any other error is final; the state is as of the last save, and a later Run goes on from there.
func (r *Replicator) Run(ctx context.Context, drain <-chan struct{}) error {
	stream, err := r.begin(ctx, drain)
	if err != nil {
		if errors.Is(err, errDrained) {
			return nil // nothing has begun, so there is nothing to finish
		}
		return err
	}
	err = r.work(ctx, stream, drain)
	return errors.Join(err, stream.Close(context.WithoutCancel(ctx)))
}

// begin does what comes before the first batch. A closed drain ends it at once.
func (r *Replicator) begin(ctx context.Context, drain <-chan struct{}) (source.Stream, error) {
	ctx, stop := context.WithCancelCause(ctx)
	begun := make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	defer close(begun)
	watch.Go(func() {
		select {
		case <-drain:
			stop(errDrained)
		case <-begun:
		}
	})
	start, err := r.start(ctx)
	var stream source.Stream
	if err == nil {
		if stream, err = r.opts.Source.Open(ctx, start, r.subscriptions()); err != nil {
			err = fmt.Errorf("open the log: %w", err)
		}
	}
	if err != nil && errors.Is(context.Cause(ctx), errDrained) {
		return nil, errDrained
	}
	return stream, err
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
	take(func() error { return r.requestLoop(soft) })
	take(func() error { return r.markLoop(soft) })
	take(func() error { return r.identityLoop(soft) })
	take(func() error { return r.horizonLoop(soft) })
	for range r.opts.Parallel {
		take(func() error { return r.rangeLoop(ctx, soft) })
	}
	take(func() error {
		select {
		case <-drain:
			waiting, flying := r.lanes.load()
			for _, n := range flying {
				waiting += n
			}
			r.log.Info("stopping: finishing what is in flight", "documents", waiting)
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
	if err := g.Wait(); err != nil {
		return err
	}
	return r.incomplete()
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

// awaitEqual returns when what was asked for before the start is taken in, no bulk work is left and
// all that was committed by then is in the target.
func (r *Replicator) awaitEqual(ctx context.Context) error {
	select {
	case <-r.caughtUp:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
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
		if !r.busy() {
			return nil
		}
	}
}

// AwaitSaved returns when everything up to a position is in the target, or a dead letter, and saved.
func (r *Replicator) AwaitSaved(ctx context.Context, want source.Position) error {
	select {
	case <-r.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return r.awaitSaved(ctx, want)
}

// awaitSaved returns when the saved position has reached the wanted one.
func (r *Replicator) awaitSaved(ctx context.Context, want source.Position) error {
	for {
		saved := r.saver.current()
		reached, err := r.opts.Source.Reached(ctx, source.Position(saved.Position), want)
		if err != nil {
			return fmt.Errorf("compare positions: %w", err)
		}
		if reached {
			return nil
		}
		if err := r.saver.await(ctx, saved.Position); err != nil {
			return err
		}
	}
}
