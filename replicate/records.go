package replicate

import (
	"fmt"
	"strings"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// records keep what was last recorded of each plan in the state.
type records struct {
	mu    sync.Mutex
	plans map[mappings.PlanID]planRecord
}

func newRecords() *records { return &records{plans: map[mappings.PlanID]planRecord{}} }

func (r *records) put(f *flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plans[f.plan.ID()] = recordOf(f)
}

func (r *records) of(id mappings.PlanID) (planRecord, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record, known := r.plans[id]
	return record, known
}

// has reports whether a plan is known. One that is in force and not known is copied and looked through anew
// when the log comes to what has become of its table.
func (r *records) has(id mappings.PlanID) bool {
	_, known := r.of(id)
	return known
}

// forget makes a plan unknown.
func (r *records) forget(id mappings.PlanID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.plans, id)
}

// forgetPlan forgets a plan that goes out of force, here and in the state: events of its table are passed
// over, so that it has to be copied anew should it come back.
func (r *Replicator) forgetPlan(id mappings.PlanID) {
	r.recorded.forget(id)
	r.saver.note(state.Change{DropPlans: []string{string(id)}})
}

// outdated notes of a flow that is ahead of the log that its documents have to be made anew, by the log's
// next word of its table or, should that never come, by the next run: until then some are of this form and
// some of the one before, and the keys in the log may be of another key.
func (r *Replicator) outdated(f *flow) {
	if before, known := r.recorded.of(f.plan.ID()); known && r.ignores(before, f) {
		return // its documents are not made anew
	}
	r.recorded.forget(f.plan.ID())
	record := f.record()
	record.Fingerprint = "" // no flow's
	r.saver.note(state.Change{Plans: []state.Plan{record}})
}

// drop forgets the plans of a table and returns them.
func (r *records) drop(table source.Table) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var dropped []string
	for id, record := range r.plans {
		if record.table == table {
			delete(r.plans, id)
			dropped = append(dropped, string(id))
		}
	}
	return dropped
}

// planRecord is what was last recorded of a plan: another fingerprint means that its documents are of an
// earlier form, and a different key that their ids are.
type planRecord struct {
	table            source.Table
	fingerprint, key string
	definition       mappings.Definition
}

// alike reports whether documents and ids of two records are the same.
func (p planRecord) alike(other planRecord) bool {
	return p.table == other.table && p.fingerprint == other.fingerprint && p.key == other.key
}

func recordOf(f *flow) planRecord { return recordFrom(f.plan.Definition(), f.plan.Fingerprint()) }

func recordFrom(definition mappings.Definition, fingerprint string) planRecord {
	var key strings.Builder
	for _, c := range definition.Table.KeyColumns() {
		length := 0
		if c.Type.Fixed {
			length = c.Type.Length
		}
		fmt.Fprintf(&key, "%q %d %d %d,", c.Name, c.Type.Kind, c.Type.Scale, length) // what the text of an id depends on
	}
	return planRecord{table: definition.Table.Table, fingerprint: fingerprint, key: key.String(), definition: definition}
}
