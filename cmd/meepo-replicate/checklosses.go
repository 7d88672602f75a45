package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// A sample is a look at some rows of a table, from several places of it, that neither takes long nor reads much.
const (
	sampleRows   = 1000
	samplePlaces = 4
	sampleTime   = 2 * time.Second
	samplesTime  = 30 * time.Second // for all tables
)

// lossReport is what the fields of one destination lose, and how often that was seen.
type lossReport struct {
	plan    *mappings.Plan // the first that writes there
	losses  []targets.Loss
	seen    []int // per loss
	rows    int
	failed  int   // rows that become dead letters
	failure error // of the first
}

// losses tells, per column, what the target does not keep, whether rows have such values, and which line of the mapping
// changes it.
func (r *checkReport) losses(ctx context.Context, g *checkGroup, dst targetDriver, written writtenAt) {
	teller, ok := dst.(targets.LossTeller)
	if !ok {
		return
	}
	var order []*lossReport
	of := map[string]*lossReport{}
	ctx, cancel := context.WithTimeout(ctx, samplesTime)
	defer cancel()
	for _, plan := range written.plans {
		name := plan.Destination().Name
		report := of[name]
		if report == nil {
			report = &lossReport{plan: plan, losses: teller.Losses(plan.Destination())}
			report.seen = make([]int, len(report.losses))
			of[name], order = report, append(order, report)
		}
		report.sample(ctx, written.source, dst, plan)
	}
	for _, report := range order {
		report.tell(g, written)
	}
}

// sample looks at rows of a plan's table. What cannot be read in time is not looked at: a sample proves nothing else.
func (l *lossReport) sample(ctx context.Context, src sourceDriver, dst targetDriver, plan *mappings.Plan) {
	asked := slices.ContainsFunc(plan.Destination().Fields, func(f targets.Field) bool { return f.As != "" })
	if !l.looksAtValues() && !plan.MayFail() && !asked || src == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	places, err := src.Split(ctx, "", plan.Selection(), samplePlaces)
	if err != nil {
		return
	}
	for _, place := range places {
		rows, _, err := src.ScanRows(ctx, "", plan.Selection(), place, sampleRows/len(places))
		if err != nil {
			return
		}
		var ops []targets.Op
		for _, row := range rows {
			ops = append(ops, l.look(plan, row)...)
		}
		if asked {
			l.refused(ctx, dst, plan, ops)
		}
	}
}

// refused counts the documents of which the target would have a value in a type that it does not fit into.
func (l *lossReport) refused(ctx context.Context, dst targetDriver, plan *mappings.Plan, ops []targets.Op) {
	compared, err := dst.Compare(ctx, ops)
	if err != nil { // in time; what is wrong with the target is told elsewhere
		return
	}
	for i, c := range compared {
		if c.Change != targets.Refuse {
			continue
		}
		if l.failed++; l.failure == nil {
			l.failure = fmt.Errorf("document %q of %s: %s", ops[i].ID, plan.Table(), c.Reason)
		}
	}
}

func (l *lossReport) looksAtValues() bool {
	for _, loss := range l.losses {
		if loss.Some != nil {
			return true
		}
	}
	return false
}

// look counts what a row's document loses, and returns what would be written. A row that has none is not looked at.
func (l *lossReport) look(plan *mappings.Plan, row source.Row) []targets.Op {
	ops, err := plan.Ops(nil, row, 1)
	if err != nil {
		l.rows++
		if l.failed++; l.failure == nil {
			l.failure = err
		}
		return nil
	}
	for _, op := range ops {
		if op.Verb != targets.Upsert {
			continue
		}
		l.rows++
		for i, loss := range l.losses {
			for at, field := range op.Dest.Fields {
				if field.Name == loss.Field.Name && loss.Some != nil && op.Doc[at] != nil && loss.Some(op.Doc[at]) {
					l.seen[i]++
				}
			}
		}
	}
	return ops
}

func (l *lossReport) tell(g *checkGroup, written writtenAt) {
	if l.failed > 0 {
		g.addAt(written.destination(l.plan), source.Warning, l.plan.Destination().Name,
			fmt.Sprintf("%s of %s rows that were looked at become dead letters; the first: %v", grouped(int64(l.failed)), grouped(int64(l.rows)), l.failure),
			"change the mapping, or the rows; deadletters list shows them all when they are copied")
	}
	for i, loss := range l.losses {
		severity, text := source.Note, loss.Message
		if native := loss.Field.Native; native != "" {
			text = native + " → " + loss.Type + ": " + strings.TrimPrefix(strings.TrimPrefix(text, native+" "), native+": ")
		}
		switch {
		case l.seen[i] > 0:
			severity = source.Warning
			text += fmt.Sprintf(". Seen in %s of %s rows: %s", grouped(int64(l.seen[i])), grouped(int64(l.rows)), loss.Such)
		case loss.Rare:
			continue
		case loss.Some != nil && l.rows > 0:
			text += fmt.Sprintf(". Seen in none of %s rows: %s", grouped(int64(l.rows)), loss.Such)
		}
		at := written.field(l.plan, loss.Field.Name)
		if at.Line == 0 {
			at = written.destination(l.plan)
		}
		g.findings = append(g.findings, checkFinding{
			Finding: source.Finding{Severity: severity, Subject: l.plan.Destination().Name + "." + loss.Field.Name, Message: text, Fix: written.change(l.plan, loss)},
			at:      at,
			loss:    &lossDocument{From: loss.Field.Native, To: loss.Type, Rows: l.rows, Seen: l.seen[i]},
		})
	}
}

// change is what to write where, so that a field is kept otherwise.
func (w writtenAt) change(plan *mappings.Plan, loss targets.Loss) string {
	at := w.field(plan, loss.Field.Name)
	switch m, mapped := w.mapping(plan); {
	case loss.Change == "" && at.Line > 0:
		return fmt.Sprintf("it stands at %s:%d:%d", at.File, at.Line, at.Column)
	case loss.Change == "":
		return ""
	case at.Line > 0:
		return fmt.Sprintf("%s, at %s:%d:%d", loss.Change, at.File, at.Line, at.Column)
	case mapped:
		return fmt.Sprintf("fields: {%s: {%s}}, in the mapping at %s:%d", loss.Field.Name, loss.Change, m.From[0].At.File, m.From[0].At.Line)
	}
	return fmt.Sprintf("a mapping {from: %s, fields: {%s: {%s}}}", plan.Table(), loss.Field.Name, loss.Change)
}
