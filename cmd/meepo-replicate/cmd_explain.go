package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

func newExplainCommand(p *process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain TABLE KEY",
		Short: "Show a row, its document as it should be and as it is, and where its key is now",
		Long: `Read one row, map it, read its document, and say how they differ, which rule made each field, and where the key is now:
whether it waits, is being written, or is a dead letter. TABLE is a table or a mapping, KEY its key as the table has it: 17, or
de,17 for two columns, or ["a,b",17] where a value holds a comma. Nothing is written. Values of columns that are masked are
not shown.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{"explain needs a table and a key", "such as meepo-replicate explain shop.orders 17"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runExplain(cmd, p, args[0], args[1], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON document, see docs/verify.md")
	addFlags(cmd.Flags(), byCompare)
	completeSettings(cmd)
	return cmd
}

func runExplain(cmd *cobra.Command, p *process, name, text string, asJSON bool) (err error) {
	c, warnings, err := loadConfig(cmd, byCompare)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	ends := &ends{}
	defer func() { err = errors.Join(err, ends.close(cmd.Context())) }()
	s, err := c.openSides(ctx, []string{name}, slog.New(slog.DiscardHandler), ends)
	if err != nil {
		return err
	}
	plan, err := s.planCalled(name)
	if err != nil {
		return err
	}
	key, err := plan.ParseKey(text)
	if err != nil {
		return &usageError{err.Error(), "write the key as the table has it, several columns joined by commas in the key's order"}
	}
	e, err := s.explain(ctx, plan, key)
	if err != nil {
		return err
	}
	follower, err := openFollower(ctx, c.State, s.source, ends)
	if err != nil {
		return err
	}
	if err := e.locate(ctx, follower, plan, key); err != nil {
		return err
	}
	e.judge(plan)
	if asJSON {
		return writeJSON(p.stdout, e)
	}
	return e.print(p.stdout)
}

// explained is what explain --json prints.
type explained struct {
	Plan        mappings.PlanID `json:"mapping"`
	Table       string          `json:"table"`
	Destination string          `json:"destination"`
	Key         []keyPart       `json:"key"` // as the log would give it
	ID          targets.ID      `json:"id"`
	At          source.Position `json:"at"`                   // the row is as of this position, or newer
	Row         []shownValue    `json:"row"`                  // null: there is none
	Failed      string          `json:"cannot_map,omitempty"` // why no document can be made of the row
	Where       string          `json:"where,omitempty"`      // the mapping's condition
	Meant       bool            `json:"meant"`                // there is a row, and it meets the condition
	Document    []madeField     `json:"document"`             // as it should be; null: there should be none
	Stored      json.RawMessage `json:"stored"`               // null: there is none
	Version     int64           `json:"version,omitempty"`    // of the stored document; 0: unknown
	Change      string          `json:"change"`               // what writing would do: same, create, update, delete, reject

	Differences []targets.Difference `json:"differences,omitempty"`
	Now         keyNow               `json:"now"`
	Verdict     string               `json:"verdict"`
	Advice      string               `json:"what_to_do,omitempty"`
}

type keyPart struct {
	Column string `json:"column"`
	Type   string `json:"type"`
	Value  any    `json:"value"`
}

type shownValue struct {
	Column string `json:"column"`
	Value  any    `json:"value"`
	Masked bool   `json:"masked,omitempty"`
}

type madeField struct {
	mappings.Made
	Value any `json:"value"`
}

// explain reads both sides.
func (s *sides) explain(ctx context.Context, plan *mappings.Plan, key source.Key) (*explained, error) {
	e := &explained{Plan: plan.ID(), Table: plan.Table().String(), Destination: plan.Destination().Name, Where: plan.Condition()}
	values, err := key.Values()
	if err != nil {
		return nil, err
	}
	for i, column := range plan.Selection().Key {
		e.Key = append(e.Key, keyPart{column.Name, column.Type.Native, shownAs(values[i])})
	}
	at, fence, err := s.source.Present(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the end of the log: %w", err)
	}
	e.At = at
	rows, err := s.source.ReadRows(ctx, fence, plan.Selection(), []source.Key{key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", plan.Table(), err)
	}
	row := rows[0]
	for i, value := range row.Values {
		column := plan.Selection().Columns[i]
		shown := shownValue{Column: column.Name, Masked: plan.Hidden(column)}
		if !shown.Masked {
			shown.Value = shownAs(value)
		}
		e.Row = append(e.Row, shown)
	}
	ops, err := plan.Ops(nil, row, 1)
	if err != nil {
		e.Failed = err.Error()
		absent, err := plan.Ops(nil, source.Row{Key: key}, 1)
		if err != nil {
			return nil, err
		}
		e.Meant, e.ID = true, absent[0].ID
		return e, s.stored(ctx, e, absent[0], targets.Compared{Change: targets.Refuse})
	}
	op := ops[0]
	e.ID, e.Meant = op.ID, op.Verb == targets.Upsert
	if e.Meant {
		for i, made := range plan.Made() {
			e.Document = append(e.Document, madeField{made, shownAs(op.Doc[i])})
		}
	}
	s.target.Know([]*targets.Destination{op.Dest})
	compared, err := s.target.Compare(ctx, []targets.Op{op})
	if err != nil {
		return nil, err
	}
	return e, s.stored(ctx, e, op, compared[0])
}

// stored reads the document as it is.
func (s *sides) stored(ctx context.Context, e *explained, op targets.Op, compared targets.Compared) error {
	e.Change, e.Version, e.Differences = compared.Change.String(), compared.Version, compared.Differences
	if compared.Change == targets.Refuse && e.Failed == "" {
		e.Failed = compared.Reason
	}
	if compared.Change == targets.Create || compared.Change == targets.Same && op.Verb != targets.Upsert && op.Dest.Mark == "" {
		return nil // it is not there
	}
	docs, err := s.target.ReadDocs(ctx, op.Dest.Name, []targets.ID{op.ID})
	if err != nil {
		return fmt.Errorf("read document %q of %s: %w", op.ID, op.Dest.Name, err)
	}
	if docs[0].Found {
		e.Stored = docs[0].Body
		e.Version = max(e.Version, docs[0].Version)
	}
	return nil
}

// shownAs is a value as JSON shows it: bytes as hexadecimal digits.
func shownAs(value any) any {
	if raw, ok := value.([]byte); ok {
		return fmt.Sprintf("0x%x", raw)
	}
	return value
}

// keyNow is where a key is now, as far as that can be told.
type keyNow struct {
	State  string        `json:"state"` // of the document: unknown, dead letter, parked, being copied
	Run    bool          `json:"run"`   // a run is on the state file
	Saved  string        `json:"saved_position,omitempty"`
	Letter *letterStatus `json:"dead_letter,omitempty"`
	Parked string        `json:"parked,omitempty"` // why its mapping is
	// Last is what the run wrote last of the document, if it is among its newest writes.
	Last *replicate.LastWrite `json:"last_write,omitempty"`
}

// askRun asks the run that is on, if it answers, where the key is.
func (e *explained) askRun(ctx context.Context, f *follower, plan *mappings.Plan, key source.Key) error {
	if !e.Now.Run || e.Now.State == "parked" {
		return nil
	}
	var now replicate.KeyState
	query := url.Values{"mapping": {string(plan.ID())}, "key": {e.keyText()}}
	answered, err := askControl(ctx, f.store.Path(), "/v1/key?"+query.Encode(), &now)
	if !answered || err != nil {
		return err
	}
	e.Now.Last = now.Last
	if e.Now.State = now.State; now.Copying && now.State == replicate.KeyClean {
		e.Now.State = "being copied"
	}
	return nil
}

// locate asks the state what it knows of the key.
func (e *explained) locate(ctx context.Context, f *follower, plan *mappings.Plan, key source.Key) error {
	e.Now.State = "unknown"
	if f == nil {
		return nil
	}
	e.Now.Run = f.store.Running()
	snap, err := f.store.Load(ctx)
	if err != nil {
		return err
	}
	if snap.Checkpoint != nil {
		e.Now.Saved = snap.Checkpoint.Position
	}
	for _, r := range snap.Ranges {
		if r.Plan == string(plan.ID()) && r.Rest != "" {
			e.Now.State = "being copied"
		}
	}
	for _, parked := range snap.Parked {
		if parked.Plan == string(plan.ID()) {
			e.Now.State, e.Now.Parked = "parked", parked.Reason
		}
	}
	if err := e.askRun(ctx, f, plan, key); err != nil {
		return err
	}
	letters, err := f.store.Letters(ctx, state.LetterFilter{Plans: []string{string(plan.ID())}, Keys: []string{key.Text()}}, 10)
	if err != nil {
		return err
	}
	for _, letter := range letters {
		if letter.Key == string(key) {
			shown := letterStatusOf(letter)
			e.Now.State, e.Now.Letter = "dead letter", &shown
		}
	}
	return nil
}
