package metrics

import (
	"errors"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Observer returns what counts for these metrics when an engine tells it what happens.
func (m *Metrics) Observer() *replicate.Observer {
	return &replicate.Observer{
		BatchReceivedFunc:   m.received,
		BackfillPlannedFunc: func(plan mappings.PlanID, _ int) { m.copies.begin(plan) },
		ChunkReadFunc: func(plan mappings.PlanID, _, rows int) {
			m.rowsRead.WithLabelValues(string(plan), "copy").Add(float64(rows))
		},
		ChunkDoneFunc: func(plan mappings.PlanID, _, rows int) { m.copies.done(plan, rows) },
		RowsReadFunc: func(plan mappings.PlanID, rows []source.Row) {
			m.rowsRead.WithLabelValues(string(plan), "change").Add(float64(len(rows)))
		},
		OpsWrittenFunc: m.written,
		RetryFunc:      func(end string, _ error) { m.retries.WithLabelValues(end).Inc() },
		ConflictFunc:   func(key mappings.DocKey, _, _ int64) { m.conflicts.WithLabelValues(string(key.Plan)).Inc() },
		DeadLetterFunc: func(l state.Letter) { m.rejected.WithLabelValues(l.Plan).Inc() },
		MissFunc:       func(key mappings.DocKey) { m.misses.WithLabelValues(string(key.Plan)).Inc() },
	}
}

// received counts events. Those of one table and action mostly stand together.
func (m *Metrics) received(batch source.Batch) {
	for from := 0; from < len(batch.Events); {
		first := batch.Events[from]
		to := from + 1
		for to < len(batch.Events) && batch.Events[to].Table == first.Table && batch.Events[to].Action == first.Action {
			to++
		}
		if !first.Action.OfTransaction() { // which is of no table
			m.events.WithLabelValues(first.Table.String(), first.Action.String()).Add(float64(to - from))
		}
		from = to
	}
}

// written counts the operations of a write that are durable: all but those that a partial error names.
func (m *Metrics) written(ops []targets.Op, err error) {
	var partial *targets.PartialError
	failed := map[int]bool{}
	if errors.As(err, &partial) {
		for _, item := range partial.Items {
			failed[item.Index] = true
		}
	} else if err != nil {
		return
	}
	type series struct {
		destination string
		verb        targets.Verb
	}
	counts := map[series]int{}
	for i := range ops {
		if !failed[i] {
			counts[series{ops[i].Dest.Name, ops[i].Verb}]++
		}
	}
	for s, n := range counts {
		m.opsWritten.WithLabelValues(s.destination, s.verb.String()).Add(float64(n))
	}
}
