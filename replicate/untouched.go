package replicate

import (
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// untouched knows the plans whose destinations held nothing when this run took them up: only what has been read
// since is in them, and of that, events tell what is to go. The zero untouched knows none.
type untouched struct {
	mu    sync.Mutex
	plans map[mappings.PlanID]bool
}

func (u *untouched) add(id mappings.PlanID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.plans == nil {
		u.plans = map[mappings.PlanID]bool{}
	}
	u.plans[id] = true
}

// forget is for a plan whose copy is done: another one meets its documents.
func (u *untouched) forget(id mappings.PlanID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.plans, id)
}

func (u *untouched) has(id mappings.PlanID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.plans[id]
}

// unneeded reports whether a copy may leave out what it would write for a row that meets no condition: no document
// can be there, or a sweep comes that looks at each which is. Millions of deletes of nothing would burden the target.
func (r *Replicator) unneeded(id mappings.PlanID, op targets.Op) bool {
	return op.Verb != targets.Upsert && (r.untouched.has(id) || r.jobs.queuedFor(id, state.Sweep))
}
