package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
)

// healFlags are the flags of heal alone.
type healFlags struct{ yes, dry bool }

func newHealCommand(p *process) *cobra.Command {
	var how healFlags
	cmd := &cobra.Command{
		Use:   "heal",
		Short: "Begin at a new position and write only what differs, as after a lost log or state",
		Long: `Take a new position of the source, follow from there, compare all rows with what the target holds, write only what differs, and
remove documents that no row stands for: after the source's log was lost behind the saved position, after the source or the
target was set back to an earlier time, after documents or the state file were lost. It ends when both sides are equal;
then run goes on. Cut off, it goes on where it was, by itself or by run.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runHeal(cmd, p, how) },
	}
	cmd.Flags().BoolVar(&how.yes, "yes", false, "begin without asking")
	cmd.Flags().BoolVar(&how.dry, "dry-run", false, "say what it would do, and do nothing")
	addFlags(cmd.Flags(), byRun)
	completeSettings(cmd)
	return cmd
}

func runHeal(cmd *cobra.Command, p *process, how healFlags) error {
	c, warnings, err := loadConfig(cmd, byRun)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	chosen, err := c.selectTables()
	if err != nil {
		return err
	}
	if len(chosen.tables) == 0 {
		return &usageError{"nothing says which tables are meant", "add --all-tables, or --tables with a list such as shop.orders,shop.customers"}
	}
	c.Once = true
	ends := &ends{}
	starting, started := p.untilSignal(cmd.Context())
	goesOn, err := p.introduceHeal(starting, c, log, how)
	var options replicate.Options
	if err == nil && !how.dry {
		options, err = prepareRun(starting, c, chosen, log, p.stderr, ends)
	}
	cause := context.Cause(starting)
	started()
	switch {
	case cause != nil:
		err = cause
	case err == nil && !how.dry:
		options.Heal = !goesOn
		err = replicateAll(cmd.Context(), p, options, c.State, nil, log)
	}
	return errors.Join(err, ends.close(cmd.Context()))
}

// introduceHeal says what will be done, and asks. It reports whether an earlier one was cut off, whose work is to be gone on with.
func (p *process) introduceHeal(ctx context.Context, c *config, log *slog.Logger, how healFlags) (goesOn bool, err error) {
	ends := &ends{}
	defer func() { err = errors.Join(err, ends.close(ctx)) }()
	s, err := c.openSides(ctx, nil, log, ends)
	if err != nil {
		return false, err
	}
	follower, err := openFollower(ctx, c.State, s.source, ends)
	if err != nil {
		return false, err
	}
	why := "there is no state file"
	if follower != nil {
		if why, goesOn, err = follower.illness(ctx); err != nil {
			return false, err
		}
	}
	estimate := &comparing{c: c, sides: s, log: log, share: healSample, quiet: true, rowsOnly: true}
	if err := estimate.run(ctx); err != nil {
		return false, err
	}
	if err := estimate.sayHeal(p.stdout, why, goesOn); err != nil || how.dry || how.yes || goesOn {
		return goesOn, err
	}
	yes, err := p.confirmed("begin?")
	if err == nil && !yes {
		err = &usageError{"nothing was done", "add --yes"}
	}
	return goesOn, err
}

// healSample is the share of each table by which the time is told.
const healSample = 0.001

// illness says why a state cannot be gone on from, as far as that is known, and whether it is being healed already.
func (f *follower) illness(ctx context.Context) (why string, goesOn bool, err error) {
	snap, err := f.store.Load(ctx)
	switch {
	case err != nil:
		return "", false, err
	case f.store.Running():
		return "", false, &usageError{"a run is on the state file: heal takes a new position, which a run cannot do under way", "stop that run first; what differs while one follows is mended by verify --repair"}
	case snap.Checkpoint == nil:
		return "the state file is new", false, nil
	case replicate.ComparingLeft(snap):
		return "an earlier one was cut off", true, f.log.Verify(ctx, source.Position(snap.Checkpoint.Position))
	}
	if err := f.log.Verify(ctx, source.Position(snap.Checkpoint.Position)); err != nil {
		return err.Error(), false, nil
	}
	return "the saved position is still in the source's log, so a run could go on from it; what differs by now is written all the same", false, nil
}

// sayHeal prints what will be done.
func (c *comparing) sayHeal(w io.Writer, why string, goesOn bool) error {
	rows, looked := int64(0), int64(0)
	for _, plan := range c.sides.plans {
		rows += max(c.sides.rows[plan.Table()], 0)
		looked += c.result.Reports[plan.ID()].Rows
	}
	took := time.Since(c.began)
	about := "unknown"
	if looked > 0 {
		about = (time.Duration(float64(took) * float64(rows) / float64(looked))).Round(time.Second).String()
	}
	does := "takes a new position, compares"
	if goesOn {
		does = "goes on to compare"
	}
	_, err := fmt.Fprintf(w, "why       %s\nheal      %s %s of about %s, writes what differs, and removes documents without a row\nsample    %s of %s differ\ntakes     about %s, while changes are followed\n",
		printable(why), does, count(int64(len(c.sides.plans)), "table"), count(rows, "row"), grouped(c.result.Wrong()), count(looked, "row"), about)
	return err
}
