package replicate

import (
	"fmt"
	"strings"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/targets"
)

// breaker tells a wrong mapping from a bad row: when a large share of a plan's documents in a row is
// rejected, there is no sense in making a dead letter of each.
type breaker struct {
	share  float64
	window int

	mu    sync.Mutex
	plans map[mappings.PlanID]*outcomes
}

// outcomes of the documents of a plan in its present window.
type outcomes struct {
	total, rejected int
	samples         []string // of the rejected
}

// breakerSamples is how many rejected documents are shown when a plan is parked.
const breakerSamples = 3

func newBreaker(share float64, window int) *breaker {
	return &breaker{share: share, window: window, plans: map[mappings.PlanID]*outcomes{}}
}

// passed counts documents that the target took.
func (b *breaker) passed(plan mappings.PlanID, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.plans[plan]
	if o == nil {
		return // a window begins with a rejected document
	}
	if o.total += n; o.total >= b.window {
		delete(b.plans, plan)
	}
}

// rejected counts a document that became a dead letter, and returns why its plan is to be parked, if
// it is.
func (b *breaker) rejected(plan mappings.PlanID, letter state.Letter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.plans[plan]
	if o == nil {
		o = &outcomes{}
		b.plans[plan] = o
	}
	o.total++
	o.rejected++
	if len(o.samples) < breakerSamples {
		o.samples = append(o.samples, fmt.Sprintf("key %s: %s", letter.KeyText, letter.Reason))
	}
	if float64(o.rejected) <= b.share*float64(b.window) {
		if o.total >= b.window {
			delete(b.plans, plan)
		}
		return nil
	}
	return &targets.HintError{
		Err: fmt.Errorf("%d of the last %d documents were rejected, so the mapping or its destination is wrong: %s",
			o.rejected, o.total, strings.Join(o.samples, "; ")),
		Advice: "mend the mapping or its destination, or raise --max-rejected; meepo-replicate deadletters list --table " + string(plan) + " shows more",
	}
}

// forget begins a plan's window anew.
func (b *breaker) forget(plan mappings.PlanID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.plans, plan)
}
