package compare

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// comparison is one Run.
type comparison struct {
	opts    Options
	limiter *rate.Limiter
	plans   map[mappings.PlanID]*mappings.Plan
	fence   source.Fence // of the position at which it began
	tally   *tally
	settler *settler
}

// Run compares until all is looked at or ctx ends. Its result is what is known by then, also beside an error; where
// Options.Save keeps the progress, another Run goes on from it.
func Run(ctx context.Context, opts Options) (*Result, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	at, fence, err := opts.Source.Present(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the end of the log: %w", err)
	}
	c := &comparison{opts: opts, fence: fence, limiter: rate.NewLimiter(opts.Rate, 2*opts.Chunk), plans: map[mappings.PlanID]*mappings.Plan{}}
	for _, plan := range opts.Plans {
		c.plans[plan.ID()] = plan
	}
	for _, plan := range opts.Plans {
		if !plan.Spread() { // see places
			opts.Target.Know([]*targets.Destination{plan.Destination()})
		}
	}
	c.tally = newTally(opts, at)
	c.settler = newSettler(c)
	tasks, err := c.tasks(ctx)
	if err == nil {
		err = c.work(ctx, tasks)
	}
	return c.tally.result(), errors.Join(err, c.tally.save())
}

// task is a part of the work, for one worker.
type task func(ctx context.Context) error

// tasks splits the work up: rows first, then what the target holds.
func (c *comparison) tasks(ctx context.Context) ([]task, error) {
	var tasks []task
	if open := c.tally.left(); len(open) > 0 {
		tasks = append(tasks, func(ctx context.Context) error { return c.lookAt(ctx, open, false) })
	}
	if c.opts.Keys != nil {
		tasks = append(tasks, func(ctx context.Context) error { return c.lookAt(ctx, c.opts.Keys, true) })
		return tasks, nil
	}
	for _, plan := range c.opts.Plans {
		ranges, err := c.ranges(ctx, plan)
		if err != nil {
			return nil, err
		}
		for i := range ranges {
			tasks = append(tasks, func(ctx context.Context) error { return c.scan(ctx, plan, i, ranges[i], len(ranges)) })
		}
	}
	for _, plan := range c.opts.Plans {
		if !c.opts.RowsOnly && !c.tally.listed(plan.ID()) {
			tasks = append(tasks, func(ctx context.Context) error { return c.list(ctx, plan) })
		}
	}
	return tasks, nil
}

// work does tasks, and settles what they find suspicious.
func (c *comparison) work(ctx context.Context, tasks []task) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.settler.loop(ctx) })
	var workers errgroup.Group
	queue := make(chan task)
	g.Go(func() error {
		defer close(queue)
		for _, t := range tasks {
			select {
			case queue <- t:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	g.Go(func() error {
		for range c.opts.Parallel {
			workers.Go(func() error {
				for t := range queue {
					if err := t(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		err := workers.Wait()
		c.settler.close()
		return err
	})
	return g.Wait()
}

// look maps rows, asks the target about them, and hands on what may be wrong. What is fine is counted with what else
// the caller knows of the chunk, in one step: progress that is saved has both or neither.
func (c *comparison) look(ctx context.Context, plan *mappings.Plan, rows []source.Row, chunk chunk) error {
	if err := c.limiter.WaitN(ctx, max(len(rows), 1)); err != nil {
		return err
	}
	looks, err := compareRows(ctx, c.opts.Target, plan, rows)
	if err != nil {
		return err
	}
	var suspects []suspect
	for _, l := range looks {
		switch {
		case l.fine() && l.row && l.op.Verb == targets.Upsert:
			chunk.equal++
		case l.fine() && l.row:
			chunk.left++
		case !l.fine():
			suspects = append(suspects, suspect{plan: plan, look: l, counted: chunk.ofRows})
		}
	}
	chunk.suspects = suspects
	c.tally.looked(plan.ID(), chunk)
	return c.settler.add(ctx, suspects)
}

// lookAt compares documents by their keys. Their rows are counted unless they were, before the comparison was cut off.
func (c *comparison) lookAt(ctx context.Context, docs []mappings.DocKey, count bool) error {
	byPlan := map[mappings.PlanID][]source.Key{}
	for _, doc := range docs {
		byPlan[doc.Plan] = append(byPlan[doc.Plan], doc.Key)
	}
	for id, keys := range byPlan {
		plan := c.plans[id]
		if plan == nil {
			continue
		}
		for len(keys) > 0 {
			n := min(len(keys), c.opts.Chunk)
			rows, err := c.opts.Source.ReadRows(ctx, c.fence, plan.Selection(), keys[:n])
			if err != nil {
				return fmt.Errorf("read %s: %w", plan.Table(), err)
			}
			step := chunk{asked: keys[:n], ofRows: true}
			for _, row := range rows {
				if count && (row.Found || row.Err != nil) {
					step.rows++
				}
			}
			if err := c.look(ctx, plan, rows, step); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return nil
}
