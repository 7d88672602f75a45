package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

func newDDLCommand(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ddl [MAPPING...]",
		Short: "Print what would be made in the target, and make nothing",
		Long: `Print what a run would make in an empty target: the requests that create indices, with their settings and mappings,
the statements that create tables, the commands that create collections, and before them what this program keeps
for itself. Whoever may create things there can run it as it is; a run finds nothing to do then. MAPPING is a mapping's
name, a table or a destination; without one, all are printed. The source is asked for its tables' columns, the target
for nothing: what is there already is looked at by check.`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDDL(cmd, p, args) },
	}
	addFlags(cmd.Flags(), byDDL)
	completeSettings(cmd)
	return cmd
}

func runDDL(cmd *cobra.Command, p *process, names []string) error {
	c, warnings, err := loadConfig(cmd, byDDL)
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
		return &usageError{"nothing says which tables to copy", "add --all-tables, or --tables with a list such as shop.orders,shop.customers"}
	}
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	dests, err := c.destinations(ctx, chosen, names, log)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	text, err := c.targetKind().ddl(c, dests)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, text)
	return err
}

// destinations compiles the mappings for the source's tables and returns where the named ones go, each destination once; no names
// are all.
func (c *config) destinations(ctx context.Context, chosen *selection, names []string, log *slog.Logger) (dests []*targets.Destination, err error) {
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	plans, _, err := chosen.plansOf(ctx, src, names, log)
	if err != nil {
		return nil, err
	}
	for _, plan := range plans {
		dests = append(dests, plan.Destination())
	}
	return onceEach(dests), nil
}

// onceEach leaves out repeated destinations: tables that share one have the same fields.
func onceEach(dests []*targets.Destination) []*targets.Destination {
	var list []*targets.Destination
	for _, dest := range dests {
		if !slices.ContainsFunc(list, func(d *targets.Destination) bool { return d.Name == dest.Name }) {
			list = append(list, dest)
		}
	}
	return list
}

// plansOf compiles the mappings for the source's tables and returns the plans that are called by one of the names, all for none,
// with the tables' descriptions. No plan is an error.
func (s *selection) plansOf(ctx context.Context, src sourceDriver, names []string, log *slog.Logger) ([]*mappings.Plan, []source.Columns, error) {
	described, err := describe(ctx, src, s.tables)
	if err != nil {
		return nil, nil, err
	}
	missing := s.missing(ctx, src, described)
	compiled, err := s.compile(ctx, described)
	if err := errors.Join(missing, err); err != nil {
		return nil, nil, err
	}
	warn(log, append(s.warnings, compiledWarnings(compiled)...))
	plans, err := plansCalled(compiled.Plans, names)
	if err == nil && len(plans) == 0 {
		err = &usageError{"no table matches " + strings.Join(texts(s.tables), ", "), "check the names, upper and lower case included, and that the account may SELECT from the tables"}
	}
	return plans, described, err
}

// plansCalled are those whose mapping, table or destination has one of the names.
func plansCalled(plans []*mappings.Plan, names []string) ([]*mappings.Plan, error) {
	if len(names) == 0 {
		return plans, nil
	}
	var called []*mappings.Plan
	var all []string
	found := map[string]bool{}
	for _, plan := range plans {
		own := []string{plan.Name(), plan.Table().String(), plan.Destination().Name}
		all = append(all, own...)
		wanted := false
		for _, name := range names {
			if slices.Contains(own, name) {
				found[name], wanted = true, true
			}
		}
		if wanted {
			called = append(called, plan)
		}
	}
	var wrong []error
	for _, name := range names {
		if found[name] {
			continue
		}
		advice := "name a mapping, a table or a destination"
		if near := nearest(name, all); near != "" {
			advice = fmt.Sprintf("did you mean %s?", near)
		}
		wrong = append(wrong, &usageError{fmt.Sprintf("no mapping, table or destination is called %q", name), advice})
	}
	return called, errors.Join(wrong...)
}

// described joins the texts of destinations, behind what the driver keeps for itself.
func described(own string, dests []*targets.Destination, describe func(*targets.Destination) (string, error)) (string, error) {
	var parts []string
	if own != "" {
		parts = append(parts, own)
	}
	for _, dest := range dests {
		text, err := describe(dest)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n"), nil
}
