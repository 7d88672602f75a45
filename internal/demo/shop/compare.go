package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/internal/demo"
)

func compareCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "compare",
		Short: "Compare every field of every row with what it was copied to",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withBoth(cmd.Context(), f, func(s *demo.Shop, t target) error { return compare(cmd.Context(), f, s, t, cmd.OutOrStdout()) })
		},
	}
}

// tally is what a comparison of a table has found.
type tally struct {
	rows, items, fields int
	differences         int
	examples            []string // the first of them
}

const examplesShown = 5

func (t *tally) differs(format string, args ...any) {
	if t.differences++; len(t.examples) < examplesShown {
		t.examples = append(t.examples, fmt.Sprintf(format, args...))
	}
}

func (t *tally) add(other tally) {
	t.rows, t.items, t.fields, t.differences = t.rows+other.rows, t.items+other.items, t.fields+other.fields, t.differences+other.differences
	t.examples = append(t.examples, other.examples...)
}

// compare prints what differs between the shop and its copy, and fails if anything does.
func compare(ctx context.Context, f *flags, s *demo.Shop, t target, out io.Writer) error {
	names := demo.Tables()
	tallies, all := make([]tally, len(names)), tally{}
	_, err := until(ctx, f.wait, func() (bool, error) {
		looked := all.items > 0
		all = tally{}
		for i, name := range names {
			if !looked || tallies[i].differences > 0 {
				var err error
				if tallies[i], err = compareTable(ctx, s, t, name); err != nil {
					return false, err
				}
			}
			all.add(tallies[i])
		}
		return all.differences == 0, nil
	})
	if err != nil {
		return err
	}
	to := t.place(names[0])
	const line = "   %-14s %9s   %-20s %9s   %9s   %11s\n"
	fmt.Fprintf(out, line, "table", "rows", to.noun, to.items, "fields", "differences")
	for i, name := range names {
		n := tallies[i]
		fmt.Fprintf(out, line, name, thousands(n.rows), t.place(name), thousands(n.items), thousands(n.fields), thousands(n.differences))
	}
	fmt.Fprintf(out, line, "all", thousands(all.rows), "", thousands(all.items), thousands(all.fields), thousands(all.differences))
	if to.millis {
		fmt.Fprintf(out, "   Moments are compared to the millisecond, since the %s keep no more of them.\n", to.items)
	}
	if all.differences == 0 {
		return nil
	}
	for _, example := range all.examples {
		fmt.Fprintf(out, "   ! %s\n", example)
	}
	return fmt.Errorf("compare: %d differences", all.differences)
}

// compareTable reads a table and all that it was copied to, and holds them side by side.
func compareTable(ctx context.Context, s *demo.Shop, t target, table string) (tally, error) {
	_, key := demo.Columns(table)
	var found tally
	rows := map[string][]demo.Cell{}
	err := s.Each(ctx, table, func(row []demo.Cell) error {
		rows[idOf(row, key)] = row
		return nil
	})
	if err != nil {
		return found, err
	}
	found.rows = len(rows)
	err = t.each(ctx, table, func(id string, fields map[string]any) error {
		found.items++
		row, there := rows[id]
		if !there {
			found.differs("%s %s was copied from no row that is there", t.place(table), id)
			return nil
		}
		delete(rows, id) // a second one of that id has no row
		for _, cell := range row {
			found.fields++
			if reason := differs(cell, fields[cell.Name], t.place(table).millis); reason != "" {
				found.differs("%s %s: %s: %s", t.place(table), id, cell.Name, reason)
			}
		}
		return nil
	})
	for id := range rows {
		found.differs("%s %s was not copied", table, id)
	}
	return found, err
}

// differs says in which way a copy is not what the row has; "": it is the same. Millis: moments are kept to the millisecond.
func differs(cell demo.Cell, copied any, millis bool) string {
	if text, ok := copied.(string); ok && text == cell.Value {
		return ""
	}
	want, err := cell.Kind.Plain(cell.Value)
	if err != nil {
		return "in the row: " + err.Error()
	}
	if millis && cell.Kind == demo.Moment {
		want = demo.Milliseconds(want)
	}
	got, err := cell.Kind.Plain(copied)
	if err != nil {
		return "in the copy: " + err.Error()
	}
	if got != want {
		return fmt.Sprintf("%q, and in the row %q", text(copied), text(cell.Value))
	}
	return ""
}
