package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

func newRunCommand(p *process) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Copy what has not been copied, then follow the changes (the same as without a command)",
		Long:  "Copy what has not been copied, then follow the changes, for ever: the same as meepo-replicate without a command.\n\n" + exitCodesHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dry {
				return runPlan(cmd, p, nil, planFlags{samples: shownSamples})
			}
			return runRun(cmd, p)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what a copy would change in the target, and change nothing: the same as plan")
	addFlags(cmd.Flags(), byRun)
	completeSettings(cmd)
	return cmd
}

func runRun(cmd *cobra.Command, p *process) error {
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
	ends := &ends{}
	watched, err := listen(cmd.Context(), c.Listen, log)
	if err != nil {
		return err
	}
	ends.add(watched.close)
	// Until the run begins there is nothing to finish, so the first signal ends it.
	starting, started := p.untilSignal(cmd.Context())
	options, err := prepareRun(starting, c, chosen, log, p.stderr, ends)
	interrupted := errors.Is(context.Cause(starting), errInterrupted)
	started()
	if err == nil && !interrupted {
		err = replicateAll(cmd.Context(), p, options, c.State, watched, log)
	}
	if err = errors.Join(err, ends.close(cmd.Context())); interrupted {
		return nil
	}
	return err
}

// prepareRun opens everything that a run needs, and refuses one that would fail or lose rows. What is
// wrong with one side does not hide what is wrong with the other.
func prepareRun(ctx context.Context, c *config, chosen *selection, log *slog.Logger, out io.Writer, ends *ends) (o replicate.Options, err error) {
	if len(chosen.tables) == 0 {
		return o, listTables(ctx, c, log, out, ends)
	}
	store, err := openState(ctx, c.State, ends)
	if err != nil {
		return o, err
	}
	warn(log, chosen.warnings)
	src, sourceErr := startSource(ctx, c, chosen, store, log, ends)
	dst, targetErr := startTarget(ctx, c, log, ends)
	if err := errors.Join(sourceErr, targetErr); err != nil {
		return o, err
	}
	log.Info("start", "source", shownURL(c.Source.URL), "target", shownURL(c.Target.URL), "tables", texts(chosen.tables), "state", c.State)
	return replicate.Options{
		Source: src, Target: dst, State: store, Logger: log, Tables: chosen.tables, Compile: chosen.compile,
		Once: c.Once, FollowOnly: c.FollowOnly, RowsPerSecond: c.Rate, OnTruncate: c.OnTruncate,
		OnFault: c.OnFault, MaxRejected: c.MaxRejected, MaxDestinations: int(c.MaxDestinations), Fresh: c.Fresh, OnSchemaChange: c.OnSchemaChange, AcceptStale: c.AcceptStale, Observer: testObserver(),
	}, nil
}

// openState comes first: a state that another run is on keeps this one from both sides.
func openState(ctx context.Context, path string, ends *ends) (*state.Store, error) {
	store, err := state.Open(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &source.HintError{Err: err, Advice: "name a file by --state in a folder that exists and that this user may write to"}
	}
	if errors.Is(err, state.ErrLocked) {
		return nil, &source.HintError{Err: err, Advice: "stop that run first, or give this one a state of its own by --state"}
	}
	if err != nil {
		return nil, err
	}
	ends.add(func(context.Context) error { return store.Close() })
	return store, nil
}

// startSource opens the source and looks whether the tables can be followed.
func startSource(ctx context.Context, c *config, chosen *selection, store *state.Store, log *slog.Logger, ends *ends) (sourceDriver, error) {
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	ends.add(func(context.Context) error { return src.Close() })
	described, err := refuseUnfit(ctx, src, chosen, log)
	if err != nil {
		return nil, err
	}
	return src, refuseNothing(ctx, store, chosen, described, log)
}

// startTarget opens the target and looks whether it answers. Later the engine waits for one that is
// away; at the start a wrong URL is likelier.
func startTarget(ctx context.Context, c *config, log *slog.Logger, ends *ends) (targetDriver, error) {
	dst, err := c.targetKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	ends.add(dst.Close)
	findings, err := dst.Check(ctx, nil)
	if err != nil {
		return nil, err
	}
	return dst, fatalFindings(asSourceFindings(findings))
}

// replicateAll runs until a signal, the end of --once, or an error, and shows how it goes.
func replicateAll(ctx context.Context, p *process, options replicate.Options, statePath string, watched *endpoint, log *slog.Logger) (err error) {
	src, ok := options.Source.(sourceDriver)
	if !ok {
		return fmt.Errorf("a %T is no source of this program", options.Source)
	}
	options.Observer = replicate.Observe(options.Observer, watched.observer())
	r, err := replicate.New(options)
	if err != nil {
		return err
	}
	watched.watch(r.Status)
	asked := serveControl(statePath+controlSuffix, r, src, log)
	defer func() { err = errors.Join(err, asked.close(ctx)) }()
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	monitor := newMonitor(r.Status, log, p.stderr)
	monitor.listens = watched.address()
	watcher.Go(func() { monitor.run(watching) })
	err = r.Run(ctx, p.drain)
	stop()
	watcher.Wait()
	if err != nil || options.Once {
		sayKept(ctx, log, options.Source)
	}
	if err != nil {
		return err
	}
	s := r.Status()
	log.Info("stopped with everything saved, run again to go on", "position", s.Position, "rows_read", s.RowsRead, "written", s.Upserts, "deleted", s.Deletes)
	if s.DeadLetters > 0 {
		log.Warn("the target rejected documents: see meepo-replicate deadletters list", "dead_letters", s.DeadLetters)
	}
	return nil
}

// refuseUnfit looks at the source before a run. What would make it fail or lose rows is an error,
// the rest is logged. It returns the tables. Where the run is refused, it says what is wrong with the
// mappings in the same breath; otherwise that is for the engine, which knows what it may park.
func refuseUnfit(ctx context.Context, src sourceDriver, chosen *selection, log *slog.Logger) ([]source.Columns, error) {
	if err := refuseServer(ctx, src); err != nil {
		return nil, err
	}
	described, err := describe(ctx, src, chosen.tables)
	if err != nil {
		return nil, err
	}
	missing := chosen.missing(ctx, src, described)
	findings, err := src.Check(ctx, usable(described))
	if err != nil {
		return nil, errors.Join(missing, err)
	}
	for _, f := range findings {
		if f.Severity == source.Warning {
			log.Warn("check: "+f.Message, "subject", f.Subject, "fix", f.Fix)
		}
	}
	if err = errors.Join(missing, fatalFindings(findings)); err != nil {
		_, wrong := chosen.compile(ctx, described)
		return nil, errors.Join(err, wrong)
	}
	return described, nil
}

// refuseServer looks at the server's own settings. They come first: with a wrong one, tables may
// not even be listed.
func refuseServer(ctx context.Context, src sourceDriver) error {
	findings, err := src.Check(ctx, nil)
	if err != nil {
		return err
	}
	return fatalFindings(findings)
}

// refuseNothing refuses to begin where there is no table to copy. A run that has begun goes on: its
// tables may come back.
func refuseNothing(ctx context.Context, store *state.Store, chosen *selection, described []source.Columns, log *slog.Logger) error {
	compiled, err := chosen.compile(ctx, described)
	if err != nil || len(compiled.Plans) > 0 {
		return nil //nolint:nilerr // what the engine says of a mapping it says better
	}
	snap, err := store.Load(ctx)
	if err != nil || snap.Checkpoint != nil {
		return err
	}
	names := strings.Join(texts(chosen.tables), ", ")
	if len(described) > 0 {
		warn(log, compiledWarnings(compiled))
		return &usageError{"no table that matches " + names + " can be copied", "see the warnings: they say why each is left out"}
	}
	return &usageError{"no table matches " + names,
		"check the names, upper and lower case included, and that the account may SELECT from the tables"}
}

// usable leaves out the tables without a usable key. The mapping compiler has its own words for them.
func usable(described []source.Columns) []source.Table {
	var tables []source.Table
	for _, t := range described {
		if t.Refused == "" {
			tables = append(tables, t.Table)
		}
	}
	return tables
}

// unfit is a finding that makes a run impossible.
type unfit struct{ finding source.Finding }

// Error says what is wrong.
func (e *unfit) Error() string { return e.finding.Subject + ": " + e.finding.Message }

// Hint says what to run or change.
func (e *unfit) Hint() string { return e.finding.Fix }

func fatalFindings(findings []source.Finding) error {
	var fatal []error
	for _, f := range findings {
		if f.Severity == source.Fatal {
			fatal = append(fatal, &unfit{f})
		}
	}
	return errors.Join(fatal...)
}

// asSourceFindings lets both sides' findings be shown alike: the two leaves do not know each other.
func asSourceFindings(found []targets.Finding) []source.Finding {
	list := make([]source.Finding, len(found))
	for i, f := range found {
		list[i] = source.Finding{Severity: source.Severity(f.Severity), Subject: f.Subject, Message: f.Message, Fix: f.Fix}
	}
	return list
}

// listTables shows what could be copied, because nothing was said about what should be.
func listTables(ctx context.Context, c *config, log *slog.Logger, out io.Writer, ends *ends) error {
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return err
	}
	ends.add(func(context.Context) error { return src.Close() })
	tables, err := describe(ctx, src, []source.Pattern{c.allTables()})
	if err != nil {
		return err
	}
	slices.SortFunc(tables, func(a, b source.Columns) int { return cmp.Compare(a.Table.String(), b.Table.String()) })
	printed := &lines{w: out}
	if len(tables) > 0 {
		table := tabwriter.NewWriter(printed, 0, 8, 2, ' ', 0)
		fmt.Fprintln(table, "TABLE\tROWS, ABOUT\t")
		for _, t := range tables {
			rows := "unknown"
			if t.Rows >= 0 {
				rows = fmt.Sprint(t.Rows)
			}
			note := ""
			if t.Refused != "" {
				note = "cannot be copied: " + t.Refused
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", t.Table, rows, note)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		printed.printf("\n")
	}
	wrong := &usageError{text: "nothing says which tables to copy, so nothing was copied",
		advice: "add --all-tables, or --tables with a list such as " + exampleTables(tables) + ", to the same command"}
	if len(tables) == 0 {
		wrong.text += "; and there are no tables that this account may see"
		wrong.advice = "check the database in the source's URL and the account's SELECT privilege"
	}
	return errors.Join(printed.err, wrong)
}

func exampleTables(tables []source.Columns) string {
	for _, t := range tables {
		if t.Refused == "" {
			return t.Table.String() + " or " + t.Table.Schema + ".*"
		}
	}
	return "shop.orders or shop.*"
}

func texts(patterns []source.Pattern) []string {
	list := make([]string, len(patterns))
	for i, p := range patterns {
		list[i] = p.String()
	}
	return list
}

// ends closes what was opened, the last first.
type ends struct{ list []func(context.Context) error }

func (e *ends) add(end func(context.Context) error) { e.list = append(e.list, end) }

func (e *ends) close(ctx context.Context) error {
	var all error
	for _, end := range slices.Backward(e.list) {
		// The run's context may have ended, and closing must not be cut short by that.
		all = errors.Join(all, end(context.WithoutCancel(ctx)))
	}
	return all
}
