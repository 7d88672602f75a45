package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/compare"
)

// comparing is one call of a command that holds both sides against each other.
type comparing struct {
	c        *config
	sides    *sides
	follower *follower // nil: there is no state
	log      *slog.Logger
	began    time.Time

	keys     []mappings.DocKey // nil: all
	share    float64           // of each table; 0: all
	rowsOnly bool
	keep     bool // what was done, in a file beside the state
	again    bool // from the start, whatever is kept
	quiet    bool // that there is no run, or no state, is no surprise

	mu       sync.Mutex
	findings []compare.Finding // up to mostFindings
	dropped  int64             // findings that were too many

	result   *compare.Result
	followed bool
}

// mostFindings bounds what is kept of findings; all are counted.
const mostFindings = 100_000

// options are those of the comparison.
func (c *comparing) options() compare.Options {
	o := compare.Options{
		Source: c.sides.source, Target: c.sides.target, Plans: c.sides.plans, Rows: c.sides.rows, Keys: c.keys, Share: c.share, RowsOnly: c.rowsOnly,
		Rate: rate.Limit(c.c.Rate),
		Found: func(f compare.Finding) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.findings) < mostFindings {
				c.findings = append(c.findings, f)
			} else {
				c.dropped++
			}
		},
	}
	if c.follower != nil && c.follower.store.Running() {
		o.Passed, c.followed = c.follower.passed, true
	}
	return o
}

// found are the findings so far.
func (c *comparing) found() []compare.Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.findings)
}

// run compares, from where an earlier one was cut off.
func (c *comparing) run(ctx context.Context) error {
	if err := c.warnUnfinished(ctx); err != nil {
		return err
	}
	o := c.options()
	kept := &keptProgress{path: c.c.State + ".verify", shown: newCompareProgress(c.sides, c.log)}
	if c.keep {
		earlier, err := kept.read()
		if err != nil {
			return err
		}
		if !c.again && earlier.fits(c.sides.plans) {
			c.log.Info("going on where an earlier verify was cut off", "rows", earlier.rows(), "begun", earlier.Begun.Format(time.RFC3339))
			o.Resume, c.findings = &earlier.Progress, earlier.findings()
		}
		o.Save = func(p compare.Progress) error { return kept.write(p, c.found()) }
	} else {
		o.Save = func(p compare.Progress) error { kept.shown.show(p); return nil }
	}
	c.began = time.Now()
	result, err := compare.Run(ctx, o)
	c.result = result
	switch {
	case err != nil && context.Cause(ctx) != nil && c.keep:
		c.log.Info("cut off; the same command goes on from here")
		return context.Cause(ctx)
	case err != nil:
		return err
	case c.keep:
		return kept.remove()
	}
	return nil
}

// warnUnfinished says what of the comparison will be wrong for a reason that is known.
func (c *comparing) warnUnfinished(ctx context.Context) error {
	if c.follower == nil {
		if c.quiet {
			return nil
		}
		c.log.Warn("there is no state file: what a run elsewhere has not written yet counts as a difference", "state", c.c.State)
		return nil
	}
	snap, err := c.follower.store.Load(ctx)
	if err != nil {
		return err
	}
	unfinished := map[string]string{}
	for _, r := range snap.Ranges {
		if r.Rest != "" {
			unfinished[r.Plan] = "is being copied"
		}
	}
	for _, j := range snap.Jobs {
		unfinished[j.Plan] = "waits for a " + string(j.Kind)
	}
	for _, p := range snap.Parked {
		unfinished[p.Plan] = "is parked"
	}
	for _, plan := range c.sides.plans {
		if why := unfinished[string(plan.ID())]; why != "" {
			c.log.Warn("mapping "+why+": what is missing may only not have come yet", "mapping", plan.Name(), "table", plan.Table().String())
		}
	}
	if !c.follower.store.Running() && !c.quiet {
		c.log.Warn("no run is on the state file: what has changed since the saved position counts as a difference", "state", c.c.State)
	}
	return nil
}
