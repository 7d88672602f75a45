package replicate

import (
	"context"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// misses watches documents whose insert or update was read back as "no such row". Normally a
// delete is on its way. If the log has passed what was its head after that read, and no delete has
// come, the key was a miss: probably decoded wrongly. Nothing is deleted for it (invariant 6).
type misses struct {
	log   source.Log
	limit int

	mu      sync.Mutex
	waiting map[mappings.DocKey]*missGroup
	groups  []*missGroup            // oldest first
	count   map[mappings.PlanID]int // in the present window
	window  time.Time               // when it began
	sum     int                     // of all windows
}

// missWindow is the time in which the misses of a plan are counted together: a few over months are
// cascades that the log does not carry, many at once are keys decoded wrongly.
const missWindow = time.Hour

// missGroup is the absent documents of one read, with the head taken after it.
type missGroup struct {
	head source.Position
	keys map[mappings.DocKey]struct{}
}

func newMisses(log source.Log, limit int) *misses {
	return &misses{log: log, limit: limit, waiting: map[mappings.DocKey]*missGroup{},
		count: map[mappings.PlanID]int{}}
}

// forget drops all that is known of a plan: its table was emptied or replaced. The lanes have been
// told before, so that what is noted from now on is excused there.
func (m *misses) forget(plan mappings.PlanID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.waiting {
		if key.Plan == plan {
			m.drop(key)
		}
	}
	delete(m.count, plan)
}

// add notes absent documents of one read that ended before head was taken, except those whose
// absence the lanes can explain. It asks for that under its own mutex, so that nothing counts a
// document as missed in between.
func (m *misses) add(head source.Position, absent []*entry, explained func(*entry) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	group := &missGroup{head: head, keys: map[mappings.DocKey]struct{}{}}
	for _, e := range absent {
		m.drop(e.key)
		if !explained(e) {
			m.waiting[e.key] = group
			group.keys[e.key] = struct{}{}
		}
	}
	m.groups = append(m.groups, group)
}

// resolved notes that a delete has come, or a row has been found.
func (m *misses) resolved(key mappings.DocKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
}

func (m *misses) drop(key mappings.DocKey) {
	if group := m.waiting[key]; group != nil {
		delete(group.keys, key)
		delete(m.waiting, key)
	}
}

// passed counts as misses what still waits although everything up to the position has been taken
// in, and returns those. It stops at a plan that has too many of them, and names it.
func (m *misses) passed(ctx context.Context, position source.Position) (found []mappings.DocKey, tooMany mappings.PlanID, err error) {
	for {
		m.mu.Lock()
		for len(m.groups) > 0 && len(m.groups[0].keys) == 0 {
			m.groups = m.groups[1:]
		}
		if len(m.groups) == 0 {
			m.mu.Unlock()
			return found, "", nil
		}
		group := m.groups[0]
		m.mu.Unlock()

		reached, err := m.log.Reached(ctx, position, group.head)
		if err != nil || !reached {
			return found, "", err
		}
		m.mu.Lock()
		for key := range group.keys {
			m.drop(key)
			if time.Since(m.window) > missWindow {
				clear(m.count)
				m.window = time.Now()
			}
			m.count[key.Plan]++
			m.sum++
			found = append(found, key)
			if m.count[key.Plan] >= m.limit {
				m.mu.Unlock()
				return found, key.Plan, nil
			}
		}
		m.groups = m.groups[1:]
		m.mu.Unlock()
	}
}

// total returns how many misses there were.
func (m *misses) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sum
}
