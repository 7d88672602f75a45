package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
)

// newestLetters is how many dead letters status shows.
const newestLetters = 5

func newStatusCommand(p *process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what the state file says, while a run goes on or not",
		Long:  "Show what the state file says: the saved position, the progress of each table's copy, what is queued, and the dead letters.\nIt needs neither source nor target, and may be called while a run goes on.",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runStatus(cmd, p, asJSON) },
	}
	addFlags(cmd.Flags(), byStatus)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	completeSettings(cmd)
	return cmd
}

func runStatus(cmd *cobra.Command, p *process, asJSON bool) error {
	return p.withState(cmd, state.OpenReadOnly, func(ctx context.Context, store *state.Store) error {
		s, err := readStatus(ctx, store)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(p.stdout, s)
		}
		return s.print(p.stdout)
	})
}

// status is what the state file says, as --json shows it.
type status struct {
	State     string          `json:"state"`
	Position  string          `json:"position"` // empty: nothing is saved yet
	Committed *time.Time      `json:"committed,omitempty"`
	Saved     *time.Time      `json:"saved,omitempty"`
	Tables    []tableStatus   `json:"tables"`
	Jobs      []jobStatus     `json:"jobs"`
	Requests  []requestStatus `json:"requests"`
	Parked    []parkedStatus  `json:"parked"`
	LeftOut   []string        `json:"left_out"` // tables that came later, under mappings that take no new ones
	Prepared  []heldStatus    `json:"prepared"`
	Letters   int             `json:"dead_letters"`
	Newest    []letterStatus  `json:"newest_dead_letters"`
}

type tableStatus struct {
	Plan        string `json:"mapping"`
	Table       string `json:"table"`
	Destination string `json:"destination"`
	Spread      int    `json:"destinations,omitempty"` // how many there are, where rows are spread
	RangesDone  int    `json:"ranges_done"`
	Ranges      int    `json:"ranges"`
	Rows        int64  `json:"rows"`
	Done        bool   `json:"copied"`
}

type jobStatus struct {
	Plan   string `json:"mapping"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// requestStatus is what was asked for and has not been done yet.
type requestStatus struct {
	Verb  string    `json:"request"`
	Plan  string    `json:"mapping"`
	Count int       `json:"count"`
	Since time.Time `json:"since"`
}

type parkedStatus struct {
	Plan     string    `json:"mapping"`
	Reason   string    `json:"reason"`
	Advice   string    `json:"what_to_do"`
	Position string    `json:"position"`
	At       time.Time `json:"at"`
}

// heldStatus is an XA transaction that was prepared and has not ended.
type heldStatus struct {
	XID     string `json:"xid"`
	Changes int    `json:"changes"` // rows, or whole tables where the rows are not known
}

type letterStatus struct {
	Plan     string    `json:"mapping"`
	Key      string    `json:"key"`
	Document string    `json:"document"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Tries    int       `json:"tries"`
}

func letterStatusOf(l state.Letter) letterStatus {
	return letterStatus{l.Plan, l.KeyText, l.Document, l.Reason, l.At, l.Tries}
}

func readStatus(ctx context.Context, store *state.Store) (*status, error) {
	snap, err := store.Load(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := store.Letters(ctx, state.LetterFilter{}, newestLetters)
	if err != nil {
		return nil, err
	}
	pendingRequests, err := store.PendingRequests(ctx, nil)
	if err != nil {
		return nil, err
	}
	s := &status{State: store.Path(), Letters: snap.Letters, Tables: []tableStatus{}, Jobs: []jobStatus{}, Requests: []requestStatus{},
		Parked: []parkedStatus{}, LeftOut: append([]string{}, snap.LeftOut...), Prepared: heldIn(snap), Newest: []letterStatus{}}
	if at := snap.Checkpoint; at != nil {
		s.Position, s.Committed, s.Saved = at.Position, known(at.Committed), known(at.Saved)
	}
	pending := map[string]bool{}
	for _, j := range snap.Jobs {
		pending[j.Plan] = pending[j.Plan] || j.Kind == state.Backfill
		s.Jobs = append(s.Jobs, jobStatus{j.Plan, string(j.Kind), j.Reason})
	}
	for _, plan := range snap.Plans {
		t := tableStatus{Plan: plan.Plan, Table: plan.Source, Destination: plan.Destination}
		if mappings.IsSpread(plan.Destination) {
			t.Spread = len(replicate.Places(plan.Identity))
		}
		for _, r := range snap.Ranges {
			if r.Plan != plan.Plan {
				continue
			}
			t.Ranges++
			t.Rows += r.Rows
			if r.Rest == "" {
				t.RangesDone++
			}
		}
		t.Done = t.RangesDone == t.Ranges && !pending[plan.Plan]
		s.Tables = append(s.Tables, t)
	}
	for _, p := range snap.Parked {
		s.Parked = append(s.Parked, parkedStatus{p.Plan, p.Reason, p.Advice, p.Position, p.At})
	}
	for _, l := range letters {
		s.Newest = append(s.Newest, letterStatusOf(l))
	}
	for _, q := range pendingRequests {
		s.Requests = append(s.Requests, requestStatus{string(q.Verb), q.Plan, q.Count, q.Since})
	}
	return s, nil
}

func heldIn(snap state.Snapshot) []heldStatus {
	list := []heldStatus{}
	for _, h := range snap.Held { // by transaction, the first of each stands for itself
		if n := len(list); n == 0 || list[n-1].XID != h.XID {
			list = append(list, heldStatus{XID: h.XID})
		} else {
			list[n-1].Changes++
		}
	}
	return list
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// print writes the status for people.
func (s *status) print(w io.Writer) error {
	out := &lines{w: w}
	out.printf("state file    %s\n", s.State)
	if s.Position == "" {
		out.printf("position      none is saved yet\n")
	} else {
		out.printf("position      %s\n", s.Position)
	}
	if s.Committed != nil {
		out.printf("committed at  %s by the source's clock\n", s.Committed.Format(time.RFC3339))
	}
	if s.Saved != nil {
		out.printf("saved at      %s\n", s.Saved.Format(time.RFC3339))
	}
	if err := printTables(out, s.Tables); err != nil {
		return err
	}
	if len(s.Jobs) > 0 {
		out.printf("\nqueued\n")
		for _, j := range s.Jobs {
			out.printf("  %s of %s: %s\n", j.Kind, j.Plan, j.Reason)
		}
	}
	if len(s.Requests) > 0 {
		out.printf("\nasked for, not done yet\n")
		for _, q := range s.Requests {
			out.printf("  %s, since %s\n", q.text(), q.Since.Format(time.RFC3339))
		}
	}
	for _, p := range s.Parked {
		out.printf("\nparked        %s  %s: %s\n", p.At.Format(time.RFC3339), p.Plan, p.Reason)
		out.printf("  what to do: %s\n", p.Advice)
	}
	for _, plan := range s.LeftOut {
		out.printf("\nleft out      %s: it came later, and its mapping takes no new tables\n", plan)
	}
	for _, h := range s.Prepared {
		out.printf("\nprepared      XA transaction %s: %d changes wait for its commit\n", h.XID, h.Changes)
	}
	out.printf("\ndead letters  %d\n", s.Letters)
	for _, l := range s.Newest {
		out.printf("  %s  %s  key %s: %s\n", l.At.Format(time.RFC3339), l.Plan, printable(l.Key), printable(l.Reason))
	}
	if s.Letters > len(s.Newest) {
		out.printf("  … and %d older: see meepo-replicate deadletters list\n", s.Letters-len(s.Newest))
	}
	return out.err
}

// printTables writes a line per table.
func printTables(out *lines, tables []tableStatus) error {
	if len(tables) == 0 {
		return nil
	}
	out.printf("\n")
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tDESTINATION\tCOPY\tRANGES\tROWS")
	for _, t := range tables {
		progress := "done"
		if !t.Done {
			progress = "under way"
		}
		to := t.Destination
		if t.Spread > 0 {
			to += fmt.Sprintf(" (%d)", t.Spread)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d/%d\t%d\n", t.Table, to, progress, t.RangesDone, t.Ranges, t.Rows)
	}
	return table.Flush()
}

// text says what is asked for.
func (q requestStatus) text() string {
	switch state.Verb(q.Verb) {
	case state.RetryLetter, state.DropLetter:
		return fmt.Sprintf("%s of %d dead letters of %s", q.Verb, q.Count, q.Plan)
	}
	return fmt.Sprintf("%s of %s", q.Verb, q.Plan)
}

// lines is a writer that remembers its first error, so that printing reads as what is printed.
type lines struct {
	w   io.Writer
	err error
}

// Write writes unless something has failed before.
func (l *lines) Write(b []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.w.Write(b)
	l.err = err
	return n, err
}

func (l *lines) printf(format string, args ...any) { fmt.Fprintf(l, format, args...) }
