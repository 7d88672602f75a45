package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// lettersVerb is a command that does something to dead letters.
type lettersVerb struct {
	verb        state.Verb
	short, long string
	past        string
}

var (
	retryLetters = lettersVerb{verb: state.RetryLetter, past: "retried",
		short: "Read the rows of dead letters again, and write them",
		long: `Read the rows of dead letters again, and write their documents. The run that is on the state file does it at once;
without one, the next run does. A letter whose document is rejected again stays, and counts one try more. Exit code 1
if --wait ends with letters left or not all tried.`}
	dropLetters = lettersVerb{verb: state.DropLetter, past: "dropped",
		short: "Forget dead letters, and leave their documents as they are",
		long: `Forget dead letters: their documents stay as they are in the target, missing or old, until their rows change. The run
that is on the state file does it; without one, it is done at once.`}
)

// lettersTask is one call of such a command, and what has come of it, as --json shows it.
type lettersTask struct {
	lettersVerb `json:"-"`
	letterQuery `json:"-"`
	all, asJSON bool
	wait        bool
	timeout     time.Duration
	refs        []state.LetterRef

	Verb    state.Verb        `json:"verb"`
	Letters int               `json:"dead_letters"`
	Plans   map[string]int    `json:"mappings"`           // how many of each
	Alone   map[string]string `json:"left_alone"`         // mappings whose letters cannot be retried, and why
	DryRun  bool              `json:"dry_run"`            // then nothing was done
	Running bool              `json:"running"`            // a run is on the state file
	Done    bool              `json:"done"`               // otherwise it is asked for
	Left    *int              `json:"still_dead_letters"` // of these, after --wait; nil without it
}

func newLettersDoCommand(p *process, verb lettersVerb) *cobra.Command {
	task := lettersTask{lettersVerb: verb, Verb: verb.verb, Plans: map[string]int{}, Alone: map[string]string{}}
	cmd := &cobra.Command{
		Use:   string(verb.verb) + " [KEY...]",
		Short: verb.short,
		Long:  verb.long + "\n\nName keys, as list shows them, or filters, which narrow together, or --all. A key that begins with a dash goes after --.",
		RunE: func(cmd *cobra.Command, args []string) error {
			task.keys = args
			return p.withState(cmd, state.OpenToAsk, func(ctx context.Context, store *state.Store) error {
				return task.run(ctx, p, store)
			})
		},
	}
	addFlags(cmd.Flags(), byStatus)
	task.flags(cmd, 0, "at most `N`, the newest first; 0 for all that are meant")
	cmd.Flags().BoolVar(&task.all, "all", false, "all dead letters")
	cmd.Flags().BoolVar(&task.DryRun, "dry-run", false, "only say how many it would be")
	cmd.Flags().BoolVar(&task.asJSON, "json", false, "say as JSON what was done")
	if verb.verb == state.RetryLetter {
		cmd.Flags().BoolVar(&task.wait, "wait", false, "wait until the run has tried them, and say how many are left")
		cmd.Flags().DurationVar(&task.timeout, "timeout", time.Minute, "wait no longer than `TIME`")
		completeChoices(cmd, "timeout")
	}
	completeSettings(cmd)
	return cmd
}

func (t *lettersTask) run(ctx context.Context, p *process, store *state.Store) error {
	if err := t.choose(ctx, store); err != nil {
		return err
	}
	t.Running = store.Running()
	var asked state.Asked
	if t.Letters > 0 && !t.DryRun {
		var err error
		if asked, err = t.do(ctx, store); err != nil {
			return err
		}
	}
	if !t.asJSON {
		if err := t.print(p); err != nil {
			return err
		}
	}
	var waited error
	if t.wait && t.Letters > 0 && !t.DryRun {
		waited = t.await(ctx, store, asked)
	}
	if t.asJSON {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		return errors.Join(waited, encoder.Encode(t))
	}
	if t.Left != nil {
		return errors.Join(waited, t.printLeft(p))
	}
	return waited
}

// choose finds the letters that are meant. Nothing is meant by default.
func (t *lettersTask) choose(ctx context.Context, store *state.Store) error {
	snap, err := store.Load(ctx)
	if err != nil {
		return err
	}
	filter, err := t.find(ctx, store, snap)
	if err != nil {
		return err
	}
	if t.all == t.narrow() {
		wrong := &usageError{fmt.Sprintf("nothing says which of the %d dead letters are to be %s", snap.Letters, t.past),
			"name keys, a filter such as --table or --reason, or --all"}
		if t.all {
			wrong = &usageError{"--all and a key or filter are given", "say one of them"}
		}
		return wrong
	}
	met := map[string]bool{}
	err = t.each(ctx, store, filter, func(page []state.Letter) error {
		for _, l := range page {
			met[l.KeyText] = true
			if why := t.hopeless(snap, l.Plan); why != "" {
				t.Alone[l.Plan] = why
				continue
			}
			t.Letters++
			t.Plans[l.Plan]++
			t.refs = append(t.refs, l.Ref())
		}
		return nil
	})
	if err != nil || t.limit > 0 {
		return err
	}
	return unknownKeys(t.keys, met)
}

// hopeless says why a retry could do nothing about the letters of a plan, if so.
func (t *lettersTask) hopeless(snap state.Snapshot, plan string) string {
	if t.Verb != state.RetryLetter || slices.ContainsFunc(snap.Plans, func(p state.Plan) bool { return p.Plan == plan }) {
		return ""
	}
	if slices.ContainsFunc(snap.Parked, func(p state.Parked) bool { return p.Plan == plan }) {
		return "it is parked: meepo-replicate resume " + replicate.ShellWord(plan) + " tries them, too"
	}
	return "it is not copied any more: meepo-replicate deadletters drop --table " + plan + " forgets them"
}

// do asks the run for it, or drops the letters where there is none. It does so in pieces, since a run
// waits meanwhile.
func (t *lettersTask) do(ctx context.Context, store *state.Store) (asked state.Asked, err error) {
	if t.Verb == state.DropLetter && !t.Running {
		owned, err := state.Open(ctx, store.Path())
		if err == nil {
			t.Done = true
			return asked, errors.Join(t.drop(ctx, owned), owned.Close())
		}
		if !errors.Is(err, state.ErrLocked) { // a run has begun just now
			return asked, err
		}
		t.Running = true
	}
	now := time.Now().UTC()
	for refs := range slices.Chunk(t.refs, lettersPage) {
		var list []state.Request
		for _, ref := range refs {
			list = append(list, state.Request{Verb: t.Verb, Plan: ref.Plan, Key: ref.Key, At: now})
		}
		page, err := store.Ask(ctx, list)
		if err != nil {
			return asked, err
		}
		if asked.First == 0 {
			asked.First = page.First
		}
		asked.Last = page.Last
	}
	t.Running = store.Running()
	return asked, nil
}

func (t *lettersTask) drop(ctx context.Context, owned *state.Store) error {
	for refs := range slices.Chunk(t.refs, lettersPage) {
		if err := owned.Save(ctx, state.Change{Resolved: refs}); err != nil {
			return err
		}
	}
	return nil
}

// pollEvery is how often --wait looks.
const pollEvery = 200 * time.Millisecond

// await waits until the run has tried the letters, and counts those that are left.
func (t *lettersTask) await(ctx context.Context, store *state.Store, asked state.Asked) error {
	timeout := time.NewTimer(t.timeout)
	defer timeout.Stop()
	ticks := time.NewTicker(pollEvery)
	defer ticks.Stop()
	for {
		running := store.Running() // before the look, since the last thing that a run does is to save
		pending, err := store.PendingRequests(ctx, &asked)
		if err != nil {
			return err
		}
		waiting := 0
		for _, p := range pending {
			waiting += p.Count
		}
		if waiting == 0 {
			t.Done = true
			return t.countLeft(ctx, store)
		}
		if !running {
			return &source.HintError{Err: fmt.Errorf("wait: %d dead letters are not tried yet, and no run is on", waiting),
				Advice: "start a run: it tries them"}
		}
		select {
		case <-ticks.C:
		case <-timeout.C:
			return &source.HintError{Err: fmt.Errorf("wait: %d dead letters are not tried yet after %s", waiting, t.timeout),
				Advice: "the run still does it: meepo-replicate status shows when; --timeout waits longer"}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (t *lettersTask) countLeft(ctx context.Context, store *state.Store) error {
	refs, err := store.LetterRefs(ctx)
	if err != nil {
		return err
	}
	there := make(map[state.LetterRef]bool, len(refs))
	for _, ref := range refs {
		there[ref] = true
	}
	left := 0
	for _, ref := range t.refs {
		if there[ref] {
			left++
		}
	}
	if t.Left = &left; left > 0 {
		return &silentError{exitFailed}
	}
	return nil
}

// print says what is done, or will be, to how many letters.
func (t *lettersTask) print(p *process) error {
	out := &lines{w: p.stdout}
	for _, plan := range slices.Sorted(maps.Keys(t.Alone)) {
		out.printf("left alone: dead letters of %s, as %s\n", plan, t.Alone[plan])
	}
	if t.Letters == 0 {
		out.printf("no dead letter is to be %s\n", t.past)
		return out.err
	}
	var each []string
	for _, plan := range slices.Sorted(maps.Keys(t.Plans)) {
		each = append(each, fmt.Sprintf("%d of %s", t.Plans[plan], plan))
	}
	out.printf("%d dead letters (%s) ", t.Letters, strings.Join(each, ", "))
	switch {
	case t.DryRun:
		out.printf("would be %s\n", t.past)
	case t.Done:
		out.printf("are %s\n", t.past)
	case t.Running:
		out.printf("will be %s by the run that is on now\n", t.past)
	default:
		out.printf("will be %s by the next run, as none is on now\n", t.past)
	}
	return out.err
}

func (t *lettersTask) printLeft(p *process) error {
	out := &lines{w: p.stdout}
	if *t.Left == 0 {
		out.printf("all %d are resolved\n", t.Letters)
		return out.err
	}
	out.printf("%d are resolved, %d are left: see meepo-replicate deadletters list\n", t.Letters-*t.Left, *t.Left)
	return out.err
}
