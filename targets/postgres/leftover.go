package postgres

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// madeFor is the comment on a column that a run has made. It names the column, so that one which somebody has renamed since, to
// keep it, counts as theirs.
func madeFor(name string) string { return "field " + name + " of meepo-replicate" }

// comments are the statements that say of new columns who made them. A column of the key or of versions is never left over.
func (t *table) comments(made []column) []string {
	var statements []string
	for _, c := range made {
		if name := c.field.Name; !c.key && name != t.version {
			statements = append(statements, "COMMENT ON COLUMN "+quoteTable(t.dest.Name)+"."+quote(name)+" IS "+literal(madeFor(name)))
		}
	}
	return statements
}

// leftovers are the columns that no field is for: those that a run has made for an earlier field, which each write empties so that
// a copy leaves nothing there, and those of others, which keep what they have.
func (t *table) leftovers(have map[string]existing) (ours, others []string) {
	for name, there := range have {
		isField := func(c column) bool { return c.field.Name == name }
		switch {
		case there.generated, name == t.version, slices.ContainsFunc(t.columns, isField):
		case there.made:
			ours = append(ours, name)
		default:
			others = append(others, name)
		}
	}
	slices.Sort(ours)
	slices.Sort(others)
	return ours, others
}

// emptied are the assignments by which an upsert empties columns. What somebody gave a default, perhaps since it may not be null,
// has that.
func emptied(columns []string) []string {
	set := make([]string, len(columns))
	for i, name := range columns {
		set[i] = quote(name) + " = DEFAULT"
	}
	return set
}

// sayLeftovers logs the columns of a table that no field is for.
func (t *Target) sayLeftovers(ctx context.Context, w work) {
	ours, others := w.table.leftovers(w.found.columns)
	if len(ours) > 0 {
		t.config.Logger.InfoContext(ctx, "columns are no fields any more, rows that are written lose their values there",
			slog.String("table", w.table.dest.Name), slog.Any("columns", ours))
	}
	if len(others) > 0 {
		t.config.Logger.InfoContext(ctx, "columns are no fields, and keep their values", slog.String("table", w.table.dest.Name), slog.Any("columns", others))
	}
}

// checkLeftovers notes the columns of a table that no field is for.
func checkLeftovers(w work, found *targets.Findings) {
	ours, others := w.table.leftovers(w.found.columns)
	if len(ours) > 0 {
		found.Add(targets.Note, w.table.dest.Name, "columns that are no fields any more ("+strings.Join(ours, ", ")+"): rows that are written lose their values there",
			"meepo-replicate backfill empties them in all rows; or drop them")
	}
	if len(others) > 0 {
		found.Add(targets.Note, w.table.dest.Name, "columns that are no fields, and that no run is known to have made ("+strings.Join(others, ", ")+"): they keep their values",
			"drop or empty those that the mapping is to hide")
	}
}
