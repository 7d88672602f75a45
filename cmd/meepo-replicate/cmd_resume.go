package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate/state"
)

// newBackfillCommand asks for the same as resume, by the name that fits a mapping that was edited.
func newBackfillCommand(p *process) *cobra.Command {
	return newAskCommand(p, state.BackfillPlan, "Copy mappings again, in place, as after an edit",
		`Copy mappings again, in place, while their changes are followed: all rows are copied as the mapping is now, and documents
that no row stands for are removed. MAPPING is a mapping's name, for all of its tables, or a table, as status shows it. The run that is on the
state file does it at once, with the mappings that it was started with; without one, the next run does.`)
}

func newResumeCommand(p *process) *cobra.Command {
	return newAskCommand(p, state.ResumePlan, "Copy mappings anew, and follow again those that are parked",
		`Copy mappings anew: all rows are copied again, documents that no row stands for are removed, and a destination
that is missing is made. A mapping that is parked is followed again. MAPPING is a mapping's name, for all of its tables, or a
table, as status shows it. The run that is on the state file does it at once; without one, the next run does.`)
}

// newAskCommand makes the command of a request for mappings, which is called as its verb.
func newAskCommand(p *process, verb state.Verb, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: string(verb) + " MAPPING...", Short: short, Long: long,
		RunE: func(cmd *cobra.Command, args []string) error { return runResume(cmd, p, verb, args) },
	}
	addFlags(cmd.Flags(), byStatus)
	completeSettings(cmd)
	return cmd
}

func runResume(cmd *cobra.Command, p *process, verb state.Verb, names []string) error {
	if len(names) == 0 {
		return &usageError{"nothing says which mapping to " + string(verb), "name one, as meepo-replicate status shows it"}
	}
	return p.withState(cmd, state.OpenToAsk, func(ctx context.Context, store *state.Store) error {
		snap, err := store.Load(ctx)
		if err != nil {
			return err
		}
		plans, err := plansNamed(plansOf(snap), names)
		if err != nil {
			return err
		}
		var requests []state.Request
		for _, plan := range plans {
			requests = append(requests, state.Request{Verb: verb, Plan: plan, At: time.Now().UTC()})
		}
		if _, err := store.Ask(ctx, requests); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s: will be copied anew by %s\n", strings.Join(plans, ", "), doer(store))
		return err
	})
}

// doer says who does what was asked.
func doer(store *state.Store) string {
	if store.Running() {
		return "the run that is on now"
	}
	return "the next run, as none is on now"
}

// withState opens the state file of the configuration for a command that only needs that.
func (p *process) withState(cmd *cobra.Command, open func(context.Context, string) (*state.Store, error),
	do func(context.Context, *state.Store) error,
) error {
	c, warnings, err := loadConfig(cmd, byStatus)
	if err != nil {
		return err
	}
	warn(newLogger(p.stderr, c), warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	store, err := open(ctx, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Sprintf("there is no state file %s", c.State),
			"name the one of your run by --state, or start a run: it makes the file"}
	}
	if err != nil {
		return err
	}
	err = errors.Join(do(ctx, store), store.Close())
	if cause := context.Cause(ctx); cause != nil {
		return cause // whatever that has broken off
	}
	return err
}

// plansOf returns the plans that a state knows, those that are parked included, each with its table.
func plansOf(snap state.Snapshot) map[string]string {
	all := map[string]string{}
	for _, p := range snap.Plans {
		all[p.Plan] = p.Source
	}
	for _, p := range snap.Parked {
		all[p.Plan] = p.Source
	}
	return all
}

// tableOf returns the table in a plan's name.
func tableOf(plan string) string { return plan[strings.LastIndexByte(plan, '/')+1:] }

// plansNamed finds plans by mapping or table, and returns them sorted.
func plansNamed(all map[string]string, names []string) ([]string, error) {
	var known, found []string
	for plan, table := range all {
		mapping, _, _ := strings.Cut(plan, "/")
		known = append(known, mapping, table)
	}
	slices.Sort(known)
	for _, name := range names {
		before := len(found)
		for plan, table := range all {
			mapping, _, _ := strings.Cut(plan, "/")
			if name == plan || name == mapping || name == table {
				found = append(found, plan)
			}
		}
		if len(found) == before {
			wrong := &usageError{fmt.Sprintf("the state knows no mapping or table %q", name), "see meepo-replicate status"}
			if near := nearest(name, known); near != "" {
				wrong.advice = fmt.Sprintf("did you mean %q?", near)
			}
			return nil, wrong
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
