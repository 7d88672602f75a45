package main

import (
	"context"
	"encoding/hex"
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
		Short: "Count the rows of each table and the documents of its index",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withShop(cmd.Context(), f, func(s *demo.Shop) error { return counts(cmd.Context(), f, s, cmd.OutOrStdout()) })
		},
	}
}

func counts(ctx context.Context, f *flags, s *demo.Shop, out io.Writer) error {
	names := demo.Tables()
	rows, docs := make([]int, len(names)), make([]int, len(names))
	equal, err := until(ctx, f.wait, func() (bool, error) {
		equal := true
		for i, name := range names {
			var err error
			if rows[i], err = s.Count(ctx, name); err != nil {
				return false, err
			}
			if docs[i], err = countDocs(ctx, f.elastic, indexOf(s, name)); err != nil {
				return false, err
			}
			equal = equal && rows[i] == docs[i]
		}
		return equal, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   %-14s %9s   %-20s %9s\n", "table", "rows", "index", "documents")
	allRows, allDocs := 0, 0
	for i, name := range names {
		fmt.Fprintf(out, "   %-14s %9s   %-20s %9s   %s\n", name, thousands(rows[i]), indexOf(s, name), thousands(docs[i]), sign(rows[i] == docs[i]))
		allRows, allDocs = allRows+rows[i], allDocs+docs[i]
	}
	fmt.Fprintf(out, "   %-14s %9s   %-20s %9s   %s\n", "all", thousands(allRows), "", thousands(allDocs), sign(equal))
	if !equal {
		return fmt.Errorf("count: tables and indices differ")
	}
	return nil
}

// indexOf names the alias that a table has without any mapping.
func indexOf(s *demo.Shop, table string) string { return strings.ToLower(s.Name() + "." + table) }

func sign(equal bool) string {
	if equal {
		return "= equal"
	}
	return "! differs"
}

func showCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:     "show TABLE KEY...",
		Short:   "Show a row beside the document that a search by its key finds",
		Example: "  shop show orders 4711\n  shop show order_items 4711 1",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withShop(cmd.Context(), f, func(s *demo.Shop) error { return show(cmd.Context(), f, s, cmd.OutOrStdout(), args[0], args[1:]) })
		},
	}
}

// show prints a row and its document. It waits for a document whose status is the row's, where
// there is one: that field is what the demo changes.
func show(ctx context.Context, f *flags, s *demo.Shop, out io.Writer, table string, key []string) error {
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
	id := string(targets.JoinID(key...))
	index := indexOf(s, table)
	var doc map[string]any
	found, err := until(ctx, f.wait, func() (bool, error) {
		hits, err := search(ctx, f.elastic, index, map[string]any{"ids": map[string]any{"values": []string{id}}}, 1)
		if err != nil || len(hits.list) == 0 {
			return false, err
		}
		doc = hits.list[0].Source
		return agrees(row, doc, "status"), nil
	})
	if err != nil {
		return err
	}
	if doc == nil {
		return fmt.Errorf("show %s %s: no search finds the document", table, id)
	}
	beside(out, table+" "+strings.Join(key, ","), row, index+"/"+id, doc)
	if !found {
		return fmt.Errorf("show %s %s: row and document differ", table, id)
	}
	return nil
}

// agrees compares one column that prints the same on both sides; a row without it agrees.
func agrees(row []demo.Cell, doc map[string]any, column string) bool {
	for _, cell := range row {
		if cell.Column == column {
			return text(doc[column]) == string(cell.Value)
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
			return withShop(cmd.Context(), f, func(s *demo.Shop) error {
				return searchProducts(cmd.Context(), f, s, cmd.OutOrStdout(), strings.Join(args, " "))
			})
		},
	}
}

func searchProducts(ctx context.Context, f *flags, s *demo.Shop, out io.Writer, words string) error {
	query := map[string]any{"match": map[string]any{"description": map[string]any{"query": words, "operator": "and"}}}
	index := indexOf(s, "products")
	hits, err := search(ctx, f.elastic, index, query, 3)
	if err != nil {
		return err
	}
	if len(hits.list) == 0 {
		return fmt.Errorf("search %s for %q: nothing found", index, words)
	}
	fmt.Fprintf(out, "   %d hits for %q in %s, in %d ms:\n", hits.total, words, index, hits.took)
	for _, hit := range hits.list {
		fmt.Fprintf(out, "   - %-6s %s\n", hit.ID, text(hit.Source["description"]))
	}
	fmt.Fprintln(out)
	return show(ctx, f, s, out, "products", []string{hits.list[0].ID})
}

// beside prints a row and a document in two columns, one line per field.
func beside(out io.Writer, rowTitle string, row []demo.Cell, docTitle string, doc map[string]any) {
	const width = 44
	fmt.Fprintf(out, "   %-13s %-*s %s\n", "", width, "row "+rowTitle, "document "+docTitle)
	for _, cell := range row {
		fmt.Fprintf(out, "   %-13s %s %s\n", cell.Column, pad(short(printed(cell), width-2), width), short(text(doc[cell.Column]), width))
	}
}

// printed renders a cell as a person would read it: bytes as hexadecimal digits.
func printed(c demo.Cell) string {
	switch {
	case c.Value == nil:
		return "NULL"
	case c.Type == "BIT" && len(c.Value) == 1:
		return strconv.Itoa(int(c.Value[0]))
	case c.Type == "BINARY" || c.Type == "VARBINARY" || c.Type == "BIT" || c.Type == "GEOMETRY" || !utf8.Valid(c.Value):
		return "0x" + hex.EncodeToString(c.Value)
	}
	return string(c.Value)
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
