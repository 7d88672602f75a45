package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

func newCheckCommand(p *process) *cobra.Command {
	var how checkFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look at both sides for what would keep a run from working",
		Long: `Look at both sides for what would keep a run from working or make it lose something, and say what to do about
it. It changes nothing. Where there is a state file, it shows mappings that are parked as errors, and dead letters as a
warning. Exit code 0 if a run would work for all mappings, warnings included, 1 if it would not.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCheck(cmd, p, how) },
	}
	cmd.Flags().BoolVar(&how.json, "json", false, "one JSON document, see docs/check.md")
	cmd.Flags().BoolVar(&how.grants, "grants", false, "print the statements that give the accounts what they need, and run none")
	addFlags(cmd.Flags(), byCheck)
	completeSettings(cmd)
	return cmd
}

type checkFlags struct{ json, grants bool }

func runCheck(cmd *cobra.Command, p *process, how checkFlags) error {
	if how.json && how.grants {
		return &usageError{text: "--json and --grants: the statements are no document", advice: "leave one of them out"}
	}
	r := &checkReport{}
	c, warnings, err := loadConfig(cmd, byCheck)
	var chosen *selection
	if err == nil {
		chosen, err = c.selectTables()
	}
	switch {
	case err != nil && how.json: // who reads JSON reads nothing else
		r.group(sideConfig, "configuration").failed("", err)
		return errors.Join(r.printJSON(p.stdout), &silentError{exitCode(err)})
	case err != nil:
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	if how.grants {
		return printGrants(ctx, c, chosen, log, p.stdout)
	}
	r.onSchemaChange = c.OnSchemaChange
	r.state(ctx, c)
	written, reached := r.source(ctx, c, chosen, log)
	r.target(ctx, c, written, reached, log)
	if written.source != nil {
		if err := written.source.Close(); err != nil {
			r.group(sideSource, "source "+shownURL(c.Source.URL)).failed("connection", err)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	show := r.print
	if how.json {
		show = r.printJSON
	}
	return errors.Join(show(p.stdout), r.verdict())
}

// source looks at the source and the tables, and returns where they would go. The second result is
// false if that could not be found out.
func (r *checkReport) source(ctx context.Context, c *config, chosen *selection, log *slog.Logger) (writtenAt, bool) {
	nothing := writtenAt{chosen: chosen}
	g := r.group(sideSource, "source "+shownURL(c.Source.URL))
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		g.failed("connection", err)
		return nothing, false
	}
	nothing.source = src
	patterns := c.looksAt(chosen)
	described, unlisted := describe(ctx, src, patterns)
	if unlisted != nil {
		g.failed("tables", unlisted)
	}
	findings, err := src.Check(ctx, usable(described))
	if err != nil {
		g.failed("preflight", err)
	}
	g.take(findings)
	r.position(ctx, g, src)
	if unlisted != nil {
		return nothing, false
	}
	return writtenAt{r.tables(ctx, chosen, described, chosen.missing(ctx, src, described)), chosen, src}, true
}

// tables compiles the mappings for the tables. Missing says which of those that are named are not there.
func (r *checkReport) tables(ctx context.Context, chosen *selection, described []source.Columns, missing error) []*mappings.Plan {
	g := r.group(sideTables, "tables and mappings")
	g.failed("", missing)
	if len(chosen.tables) == 0 {
		g.add(source.Fatal, "tables", "nothing says which tables to copy", "add --all-tables, or --tables with a list such as "+exampleTables(described))
		return nil
	}
	compiled, err := chosen.compile(ctx, described)
	for _, w := range chosen.warnings {
		g.add(source.Warning, "", w, "")
	}
	for _, w := range compiled.Warnings {
		g.addAt(w.Place, source.Warning, "", w.Message, w.Hint)
	}
	if err != nil {
		g.failed("", err)
		return nil
	}
	r.changed(ctx, g, chosen, described)
	rows, unknown := int64(0), false
	for _, plan := range compiled.Plans {
		for _, t := range described {
			if t.Table == plan.Table() {
				rows, unknown = rows+max(t.Rows, 0), unknown || t.Rows < 0
			}
		}
	}
	about := fmt.Sprintf("about %d rows", rows)
	if unknown {
		about = "at least " + about
	}
	if len(compiled.Plans) == 0 {
		if missing == nil {
			g.add(source.Fatal, "tables", "there is none to copy", "check the names, and that the account may SELECT from the tables")
		}
		return nil
	}
	g.add(source.Note, "", fmt.Sprintf("%d tables to copy, %s", len(compiled.Plans), about), "")
	return compiled.Plans
}

// target looks at the target and at what the tables would become there.
func (r *checkReport) target(ctx context.Context, c *config, written writtenAt, reached bool, log *slog.Logger) {
	g := r.group(sideTarget, "target "+shownURL(c.Target.URL))
	dst, err := c.targetKind().open(ctx, c, log)
	if err != nil {
		g.failed("connection", err)
		return
	}
	defer func() {
		if err := dst.Close(context.WithoutCancel(ctx)); err != nil {
			g.failed("connection", err)
		}
	}()
	dests, err := written.there(ctx, dst)
	var findings []targets.Finding
	if err == nil {
		findings, err = dst.Check(ctx, dests)
	}
	r.spread(g, written, dests)
	if err == nil {
		err = r.filled(ctx, g, dst, written)
	}
	if err != nil {
		g.failed("preflight", err)
	}
	for i, f := range asSourceFindings(findings) {
		if !findings[i].Loss { // these are told with the rows that have such values
			g.addAt(written.place(f.Subject), f.Severity, f.Subject, f.Message, f.Fix)
		}
	}
	r.losses(ctx, g, dst, written)
	if !reached {
		g.add(source.Note, "", "what the tables become here could not be checked, as they are not known", "")
	}
}
