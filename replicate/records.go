package replicate

import (
	"fmt"
	"strings"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
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

// planRecord is what was last recorded of a plan: a difference means that its documents are of an
// earlier form, and a different key that their ids are.
type planRecord struct {
	table            source.Table
	fingerprint, key string
}

func recordOf(f *flow) planRecord {
	var key strings.Builder
	for _, c := range f.plan.Selection().Key {
		fmt.Fprintf(&key, "%q %d,", c.Name, c.Type.Kind)
	}
	return planRecord{table: f.table, fingerprint: f.plan.Fingerprint(), key: key.String()}
}
