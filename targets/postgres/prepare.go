package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// work is what Prepare has to do for a destination.
type work struct {
	table   *table
	found   *existingTable // nil: it has to be made
	missing []column
}

// Prepare makes schemas and tables that are not there, and adds columns. It looks at all of them first.
func (t *Target) Prepare(ctx context.Context, dests []*targets.Destination) error {
	all, err := targets.ExamineAll(ctx, dests, t.examine)
	if err != nil {
		return err
	}
	if err := t.makeOwn(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	for _, w := range all {
		if err := t.makeReady(ctx, w); err != nil {
			return fmt.Errorf("prepare %s: %w", w.table.dest.Name, err)
		}
	}
	return nil
}

// examine compares a destination with what is there. Problems are what an operator has to mend; the error is for what
// kept us from looking.
func (t *Target) examine(ctx context.Context, dest *targets.Destination) (work, []error, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	plan, err := newTable(dest, t.config.versionColumn(dest))
	if err != nil {
		return work{}, []error{&targets.HintError{Err: err, Advice: "change `to`, the field or the options in the mapping, or leave the field out"}}, nil
	}
	w := work{table: plan}
	if w.found, err = t.look(ctx, dest.Name); err != nil || w.found == nil {
		return w, nil, err
	}
	var problems []error
	problem := func(advice, format string, args ...any) {
		problems = append(problems, targets.Mismatch(dest.Name, advice, format, args...))
	}
	if w.found.kind != "r" && w.found.kind != "p" {
		problem("give the mapping another destination", "it is not a table")
		return w, problems, nil
	}
	fleeting, err := t.fleeting(ctx, w.found.oid)
	if err != nil {
		return w, nil, err
	}
	for _, name := range fleeting {
		problem("ALTER TABLE "+name+" SET LOGGED", "%s is unlogged: after a crash the server empties it, and nothing tells of it", name)
	}
	written := map[string]bool{plan.version: true}
	keys := plan.keyNames()
	for _, c := range plan.columns {
		written[c.field.Name] = true
		have, there := w.found.columns[c.field.Name]
		switch {
		case !there && c.key:
			problem("add it, or give the mapping another destination", "key column %s is not there", c.field.Name)
		case !there:
			w.missing = append(w.missing, c)
		default:
			if why := misfit(c, have); why != "" {
				problem(fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", quoteTable(dest.Name), quote(c.field.Name), c.want), "field %s: %s", c.field.Name, why)
			}
		}
	}
	if c := plan.versions(); plan.version != "" {
		have, there := w.found.columns[plan.version]
		switch {
		case !there:
			w.missing = append(w.missing, c)
		case have.generated || misfit(c, have) != "":
			problem("name another one as target.version_column", "the column of versions %s is %s, want bigint", plan.version, have.full)
		}
	}
	for name, have := range w.found.columns {
		if !written[name] && have.notNull && !have.defaulted && !have.generated {
			problem(fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL, or give it a default", quoteTable(dest.Name), quote(name)),
				"column %s may not be null, has no default, and the mapping has no value for it", name)
		}
	}
	if !slices.ContainsFunc(w.found.unique, func(index []string) bool { return sameSet(index, keys) }) {
		problem("make one with CREATE UNIQUE INDEX, or a primary key", "it has no unique index on (%s), by which rows could be told apart", strings.Join(keys, ", "))
	}
	return w, problems, nil
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, name := range a {
		if !slices.Contains(b, name) {
			return false
		}
	}
	return true
}

// makeReady makes a table or adds to it what is missing, and takes in what is there then.
func (t *Target) makeReady(ctx context.Context, w work) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	dest := w.table.dest
	var statements []string
	if w.found == nil {
		schema, _, _ := strings.Cut(dest.Name, ".")
		var exists bool
		if err := t.pool.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", quote(schema)).Scan(&exists); err != nil {
			return refused(err)
		}
		if !exists {
			statements = append(statements, createSchema(dest))
		}
		statements = append(append(statements, w.table.create()), w.table.comments(w.table.columns)...)
	}
	for _, c := range w.missing {
		statements = append(statements, fmt.Sprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s", quoteTable(dest.Name), quote(c.field.Name), c.want))
	}
	statements = append(statements, w.table.comments(w.missing)...)
	if w.found != nil {
		t.sayLeftovers(ctx, w)
	}
	found := w.found
	if len(statements) > 0 {
		if _, err := t.pool.Exec(ctx, strings.Join(statements, "; "), pgx.QueryExecModeSimpleProtocol); err != nil {
			return refused(err)
		}
		var err error
		if found, err = t.look(ctx, dest.Name); err != nil {
			return err
		}
		if found == nil {
			return fmt.Errorf("it was dropped at once: %w", targets.ErrReplaced)
		}
		if w.found == nil {
			t.config.Logger.InfoContext(ctx, "table created", slog.String("table", dest.Name))
		} else {
			t.config.Logger.InfoContext(ctx, "columns added", slog.String("table", dest.Name), slog.Int("columns", len(w.missing)))
		}
	}
	d := t.destination(dest.Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(found)
	d.prepared = dest
	return nil
}

// create is the statement that makes the table. Columns stand in the document's order, key columns that it does not show
// first.
func (t *table) create() string {
	var lines, keys []string
	for _, c := range t.columns[:t.keys] {
		keys = append(keys, quote(c.field.Name))
	}
	ordered := slices.Clone(t.columns)
	slices.SortStableFunc(ordered, func(a, b column) int { return a.at - b.at })
	if t.version != "" {
		ordered = append(ordered, t.versions())
	}
	for _, c := range ordered {
		line := quote(c.field.Name) + " " + c.want.String()
		if c.key && (c.want.name == "text" || c.want.name == "character varying") {
			line += ` COLLATE "C"` // bytes, as the source's keys are told apart
		}
		lines = append(lines, line)
	}
	lines = append(lines, "PRIMARY KEY ("+strings.Join(keys, ", ")+")")
	return "CREATE TABLE IF NOT EXISTS " + quoteTable(t.dest.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)" + storage(t.dest)
}
