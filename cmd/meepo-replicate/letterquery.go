package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate/state"
)

// lettersPage is how many dead letters are read at once: a state may hold very many.
const lettersPage = 1000

// letterQuery is what the flags and arguments of a command choose among the dead letters.
type letterQuery struct {
	keys            []string
	tables          []string // or mappings
	reason          string
	older, newer    time.Duration // 0: of any age
	limit           int           // 0: all
	letters, others int           // how many there are, chosen and not; known once find has counted
}

// flags adds the filters to a command.
func (q *letterQuery) flags(cmd *cobra.Command, limit int, limitUsage string) {
	flags := cmd.Flags()
	q.tableFlag(cmd)
	flags.StringVar(&q.reason, "reason", "", "whose reason contains `TEXT`, in which * stands for any text")
	flags.Var(&ageFlag{&q.older}, "older", "rejected longer ago than this, as 90s, 30m, 1h, 7d")
	flags.Var(&ageFlag{&q.newer}, "newer", "rejected within this time")
	flags.IntVar(&q.limit, "limit", limit, limitUsage)
	completeChoices(cmd, "limit")
	for _, flag := range []string{"reason", "older", "newer"} {
		completeChoices(cmd, flag)
	}
}

// tableFlag adds the one filter that also show has.
func (q *letterQuery) tableFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&q.tables, "table", nil, "of the table or mapping `NAME`, as status shows it; may be repeated")
	completeChoices(cmd, "table")
}

// narrow reports whether anything is said about which letters are meant.
func (q *letterQuery) narrow() bool {
	return len(q.keys)+len(q.tables) > 0 || q.reason != "" || q.older > 0 || q.newer > 0
}

// find counts what is chosen and returns the filter for it.
func (q *letterQuery) find(ctx context.Context, store *state.Store, snap state.Snapshot) (state.LetterFilter, error) {
	if q.limit < 0 {
		return state.LetterFilter{}, &usageError{"--limit is below 0", "0 means all"}
	}
	filter := state.LetterFilter{Keys: q.keys, Reason: q.reason}
	now := time.Now()
	if q.older > 0 {
		filter.Before = now.Add(-q.older)
	}
	if q.newer > 0 {
		filter.Since = now.Add(-q.newer)
	}
	all, err := store.LetterPlans(ctx, state.LetterFilter{})
	if err != nil {
		return filter, err
	}
	if len(q.tables) > 0 {
		plans := plansOf(snap)
		for plan := range all { // also of what is not copied any more
			plans[plan] = tableOf(plan)
		}
		if filter.Plans, err = plansNamed(plans, q.tables); err != nil {
			return filter, err
		}
	}
	chosen, err := store.LetterPlans(ctx, filter)
	q.letters = sum(chosen)
	q.others = max(sum(all)-q.letters, 0)
	return filter, err
}

// each hands over the letters of a filter in pages, the newest first, up to the limit.
func (q *letterQuery) each(ctx context.Context, store *state.Store, filter state.LetterFilter, do func([]state.Letter) error) error {
	left := q.limit
	if left == 0 {
		left = math.MaxInt
	}
	for left > 0 {
		page, err := store.Letters(ctx, filter, min(left, lettersPage))
		if err != nil || len(page) == 0 {
			return err
		}
		if err := do(page); err != nil {
			return err
		}
		left -= len(page)
		filter.After = &page[len(page)-1]
	}
	return nil
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// ageFlag is a duration that may be in days.
type ageFlag struct{ into *time.Duration }

// String returns nothing, as there is no default.
func (f *ageFlag) String() string { return "" }

// Type is what the help calls the value.
func (f *ageFlag) Type() string { return "AGE" }

// Set takes an age above 0.
func (f *ageFlag) Set(text string) error {
	age, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		age = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || age <= 0 {
		return fmt.Errorf("%q is not an age such as 90s, 30m, 1h or 7d", text)
	}
	*f.into = age
	return nil
}
