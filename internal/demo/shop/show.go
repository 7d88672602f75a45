package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/targets"
)

// pollEvery is how long a command waits before it looks again.
const pollEvery = 100 * time.Millisecond

// until calls look until it is content, for at most wait. It returns the last answer.
func until(ctx context.Context, wait time.Duration, look func() (bool, error)) (bool, error) {
	deadline := time.Now().Add(wait)
	for {
		good, err := look()
		if err != nil || good || time.Now().After(deadline) {
			return good, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

func countsCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "counts",
		Short: "Count the rows of each table and of what it was copied to",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withBoth(cmd.Context(), f, func(s *demo.Shop, t target) error { return counts(cmd.Context(), f, s, t, cmd.OutOrStdout()) })
		},
	}
}

func counts(ctx context.Context, f *flags, s *demo.Shop, t target, out io.Writer) error {
	names := demo.Tables()
	rows, docs := make([]int, len(names)), make([]int, len(names))
	equal, err := until(ctx, f.wait, func() (bool, error) {
		equal := true
		for i, name := range names {
			var err error
			if rows[i], err = s.Count(ctx, name); err != nil {
				return false, err
			}
			if docs[i], err = t.count(ctx, name); err != nil {
				return false, err
			}
			equal = equal && rows[i] == docs[i]
		}
		return equal, nil
	})
	if err != nil {
		return err
	}
	to := t.place(names[0])
	fmt.Fprintf(out, "   %-14s %9s   %-20s %9s\n", "table", "rows", to.noun, to.items)
	allRows, allDocs := 0, 0
	for i, name := range names {
		fmt.Fprintf(out, "   %-14s %9s   %-20s %9s   %s\n", name, thousands(rows[i]), t.place(name), thousands(docs[i]), sign(rows[i] == docs[i]))
		allRows, allDocs = allRows+rows[i], allDocs+docs[i]
	}
	fmt.Fprintf(out, "   %-14s %9s   %-20s %9s   %s\n", "all", thousands(allRows), "", thousands(allDocs), sign(equal))
	if !equal {
		return fmt.Errorf("count: rows and their %s differ", to.items)
	}
	return nil
}

func sign(equal bool) string {
	if equal {
		return "= equal"
	}
	return "! differs"
}

func showCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:     "show TABLE KEY...",
		Short:   "Show a row beside what it was copied to, which its key finds",
		Example: "  shop show orders 4711\n  shop show order_items 4711 1",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBoth(cmd.Context(), f, func(s *demo.Shop, t target) error {
				return show(cmd.Context(), f, s, t, cmd.OutOrStdout(), args[0], args[1:])
			})
		},
	}
}

// show prints a row and its document. It waits for a document whose status is the row's, where
// there is one: that field is what the demo changes.
func show(ctx context.Context, f *flags, s *demo.Shop, t target, out io.Writer, table string, key []string) error {
	args := make([]any, len(key))
	for i := range key {
		args[i] = key[i]
	}
	row, err := s.Row(ctx, table, args...)
	if err != nil {
		return err
	}
	if row == nil {
		return fmt.Errorf("show %s %s: the database has no such row", table, strings.Join(key, ","))
	}
	var doc map[string]any
	same, err := until(ctx, f.wait, func() (bool, error) {
		doc, err = t.one(ctx, table, key)
		return doc != nil && agrees(row, doc, "status"), err
	})
	if err != nil {
		return err
	}
	id := string(targets.JoinID(key...))
	if doc == nil {
		return fmt.Errorf("show %s %s: it was not copied", table, id)
	}
	beside(out, table+" "+strings.Join(key, ","), row, t.place(table).name+" "+id, doc)
	if !same {
		return fmt.Errorf("show %s %s: row and copy differ", table, id)
	}
	return nil
}

// agrees compares one column, which is a text on both sides; a row without it agrees.
func agrees(row []demo.Cell, doc map[string]any, column string) bool {
	for _, cell := range row {
		if cell.Name == column {
			return doc[column] == cell.Value
		}
	}
	return true
}

func searchCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:     "search WORD...",
		Short:   "Search the products, and show the best hit beside its row",
		Example: "  shop search copper kettle",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBoth(cmd.Context(), f, func(s *demo.Shop, t target) error {
				return searchProducts(cmd.Context(), f, s, t, cmd.OutOrStdout(), strings.Join(args, " "))
			})
		},
	}
}

func searchProducts(ctx context.Context, f *flags, s *demo.Shop, t target, out io.Writer, words string) error {
	found, err := t.search(ctx, "products", "description", words)
	if err != nil {
		return err
	}
	if len(found.list) == 0 {
		return fmt.Errorf("search %s for %q: nothing found", t.place("products"), words)
	}
	fmt.Fprintf(out, "   %d hits for %q in %s, in %d ms:\n", found.total, words, t.place("products"), found.took)
	for _, hit := range found.list {
		fmt.Fprintf(out, "   - %-6s %s\n", hit.key, text(hit.fields["description"]))
	}
	fmt.Fprintln(out)
	return show(ctx, f, s, t, out, "products", []string{found.list[0].key})
}

// beside prints a row and a document in two columns, one line per field.
func beside(out io.Writer, rowTitle string, row []demo.Cell, docTitle string, doc map[string]any) {
	const width = 44
	fmt.Fprintf(out, "   %-13s %-*s %s\n", "", width, "row "+rowTitle, "copied to "+docTitle)
	for _, cell := range row {
		fmt.Fprintf(out, "   %-13s %s %s\n", cell.Name, pad(short(text(cell.Value), width-2), width), short(text(doc[cell.Name]), width))
	}
}

// text renders a value of either side as a person would read it: texts as they are, bytes as hexadecimal digits, the rest
// as JSON.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case string:
		return v
	case []byte:
		return "0x" + hex.EncodeToString(v)
	}
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(buf.String())
}

func short(s string, width int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
