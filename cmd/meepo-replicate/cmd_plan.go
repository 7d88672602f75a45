package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// planFlags are the flags of plan alone.
type planFlags struct {
	json, exitCode, ddl bool
	sample              string
	samples             int
}

// shownSamples is how many changes of each kind and mapping are shown if nobody says otherwise.
const shownSamples = 3

func newPlanCommand(p *process) *cobra.Command {
	var how planFlags
	cmd := &cobra.Command{
		Use:   "plan [MAPPING...]",
		Short: "Say what a copy would change in the target, and change nothing",
		Long: `Read real rows, map them, read the target, and say what a copy with a sweep would do: documents that it would create,
update by field, remove, leave alone, and rows that would become dead letters. Nothing is written to either side, and no
state file is made. MAPPING is a mapping's name, a table or a destination; without one, all are meant.

Exit code 0; with --exit-code 2 if anything would change.`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPlan(cmd, p, args, how) },
	}
	flags := cmd.Flags()
	flags.StringVar(&how.sample, "sample", "", "look at this `SHARE` of each table only, as 1% or 0.01, in several places of it")
	flags.BoolVar(&how.json, "json", false, "one JSON document, see docs/verify.md")
	flags.BoolVar(&how.exitCode, "exit-code", false, "exit with 2 if anything would change")
	flags.BoolVar(&how.ddl, "ddl", false, "print what would be made in the target in full, too")
	flags.IntVar(&how.samples, "samples", shownSamples, "changes of each kind and mapping to show")
	completeChoices(cmd, "sample")
	completeChoices(cmd, "samples")
	addFlags(flags, byCompare)
	completeSettings(cmd)
	return cmd
}

func runPlan(cmd *cobra.Command, p *process, names []string, how planFlags) (err error) {
	share, err := parseShare(how.sample)
	if err != nil {
		return err
	}
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
	s, err := c.openSides(ctx, names, log, ends)
	if err != nil {
		return err
	}
	o := &outlined{how: how, comparing: comparing{c: c, sides: s, log: log, began: time.Now(), share: share, quiet: true}}
	if o.follower, err = openFollower(ctx, c.State, s.source, ends); err != nil {
		return err
	}
	if err = o.run(ctx); err != nil {
		return err
	}
	d, err := o.document(ctx)
	if err != nil {
		return err
	}
	if how.json {
		err = writeJSON(p.stdout, d)
	} else {
		err = d.print(p.stdout, o, paletteOf(p.stdout))
	}
	if err == nil && how.exitCode && d.Changes > 0 {
		err = &silentError{exitChanges}
	}
	return err
}

// parseShare reads 1% or 0.01; empty: 0, which is all.
func parseShare(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0) || share >= 1 {
		return 0, &usageError{fmt.Sprintf("--sample %q is no share of a table", text), "write it as 1% or 0.01; without it, all rows are read"}
	}
	return share, nil
}
