package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate/state"
)

func newDeadlettersCommand(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deadletters",
		Short: "List, show, retry and drop the documents that the target rejected",
		Long: `List, show, retry and drop dead letters: the keys of rows whose documents the target rejected. A letter goes by
itself when its row is written later, or is deleted. These commands need neither source nor target, and work while
a run goes on.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{"nothing says what to do with the dead letters", "see " + cmd.CommandPath() + " --help: list, show, retry or drop"}
		},
	}
	cmd.AddCommand(newLettersListCommand(p), newLettersShowCommand(p),
		newLettersDoCommand(p, retryLetters), newLettersDoCommand(p, dropLetters))
	return cmd
}

// listedLetters is how many dead letters list shows unless it is told.
const listedLetters = 100

func newLettersListCommand(p *process) *cobra.Command {
	var q letterQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the newest first",
		Long: `List dead letters, the newest first. Filters narrow together. With --json each is a line of its own:

  {"mapping":"orders/shop.orders","key":"7","document":"7","reason":"…","at":"…","tries":1}`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withState(cmd, state.OpenReadOnly, func(ctx context.Context, store *state.Store) error {
				return p.listLetters(ctx, store, &q, asJSON)
			})
		},
	}
	addFlags(cmd.Flags(), byStatus)
	q.flags(cmd, listedLetters, "at most `N`, 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, one line each")
	completeSettings(cmd)
	return cmd
}

func (p *process) listLetters(ctx context.Context, store *state.Store, q *letterQuery, asJSON bool) error {
	snap, err := store.Load(ctx)
	if err != nil {
		return err
	}
	filter, err := q.find(ctx, store, snap)
	if err != nil {
		return err
	}
	out := &lines{w: p.stdout}
	shown := 0
	err = q.each(ctx, store, filter, func(page []state.Letter) error {
		shown += len(page)
		if asJSON {
			return printJSON(out, page)
		}
		return printTable(out, page, shown == len(page))
	})
	if err != nil {
		return err
	}
	rest := &lines{w: p.stdout}
	if asJSON {
		rest.w = p.stderr
	}
	switch {
	case shown < q.letters:
		rest.printf("… and %d more: --limit 0 shows all\n", q.letters-shown)
	case shown == 0 && q.others > 0:
		rest.printf("none of the %d dead letters is meant\n", q.others)
	case shown == 0:
		rest.printf("there are no dead letters\n")
	}
	return rest.err
}

func printJSON(out *lines, page []state.Letter) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, l := range page {
		if err := encoder.Encode(letterStatusOf(l)); err != nil {
			return err
		}
	}
	return nil
}

// reasonWidth is how much of a reason a line of the list shows.
const reasonWidth = 160

// printTable prints a page of the list. Each page has columns of its own width.
func printTable(out *lines, page []state.Letter, first bool) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if first {
		fmt.Fprintln(table, "REJECTED AT\tMAPPING\tKEY\tTRIES\tREASON")
	}
	for _, l := range page {
		reason := []rune(printable(l.Reason))
		if len(reason) > reasonWidth {
			reason = append(reason[:reasonWidth-1], '…')
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", l.At.Format(time.RFC3339), l.Plan, printable(l.KeyText), l.Tries, string(reason))
	}
	return table.Flush()
}

// printable escapes what a terminal would not show, as keys and reasons come from elsewhere.
func printable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func newLettersShowCommand(p *process) *cobra.Command {
	var q letterQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show KEY...",
		Short: "Show all of a dead letter",
		Long: `Show all of the dead letters with these keys, as list shows them: a composite key is its columns joined by commas.
The same key may have letters in several mappings. A key that begins with a dash goes after --.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.keys = args; len(args) == 0 {
				return &usageError{"nothing says which dead letter to show", "name its key, as meepo-replicate deadletters list shows it"}
			}
			return p.withState(cmd, state.OpenReadOnly, func(ctx context.Context, store *state.Store) error {
				return p.showLetters(ctx, store, &q, asJSON)
			})
		},
	}
	addFlags(cmd.Flags(), byStatus)
	q.tableFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, one line each")
	completeSettings(cmd)
	return cmd
}

func (p *process) showLetters(ctx context.Context, store *state.Store, q *letterQuery, asJSON bool) error {
	snap, err := store.Load(ctx)
	if err != nil {
		return err
	}
	filter, err := q.find(ctx, store, snap)
	if err != nil {
		return err
	}
	destinations := map[string]string{}
	for _, plan := range snap.Plans {
		destinations[plan.Plan] = plan.Destination
	}
	out, met := &lines{w: p.stdout}, map[string]bool{}
	err = q.each(ctx, store, filter, func(page []state.Letter) error {
		for _, l := range page {
			if len(met) > 0 && !asJSON {
				out.printf("\n")
			}
			if met[l.KeyText] = true; !asJSON {
				printLetter(out, l, destinations[l.Plan])
			}
		}
		if asJSON {
			return printJSON(out, page)
		}
		return out.err
	})
	if err != nil {
		return err
	}
	return unknownKeys(q.keys, met)
}

// unknownKeys is an error if a key that was named has no letter.
func unknownKeys(named []string, met map[string]bool) error {
	var unknown []string
	for _, key := range named {
		if !met[key] {
			unknown = append(unknown, strconv.Quote(key))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return &usageError{"no dead letter has the key " + strings.Join(unknown, ", "), "see meepo-replicate deadletters list"}
}

func printLetter(out *lines, l state.Letter, destination string) {
	out.printf("mapping      %s\n", l.Plan)
	out.printf("key          %s\n", printable(l.KeyText))
	if destination != "" {
		out.printf("destination  %s\n", destination)
	}
	out.printf("document     %s\n", printable(l.Document))
	times := "once"
	if l.Tries > 1 {
		times = fmt.Sprintf("the last of %d times", l.Tries)
	}
	out.printf("rejected at  %s, %s\n", l.At.Format(time.RFC3339), times)
	out.printf("reason       %s\n", printable(l.Reason))
}
