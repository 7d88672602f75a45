package metrics

import (
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
)

// copies knows the pace of each copy. The zero value knows none.
type copies struct {
	mu   sync.Mutex
	pace map[mappings.PlanID]*pace
}

// pace is the rows that a copy has done since it began, or since this run went on with it.
type pace struct {
	began time.Time
	rows  int64
}

// begin forgets the pace of an earlier copy.
func (c *copies) begin(plan mappings.PlanID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(plan)
}

func (c *copies) set(plan mappings.PlanID) *pace {
	if c.pace == nil {
		c.pace = map[mappings.PlanID]*pace{}
	}
	p := &pace{began: time.Now()}
	c.pace[plan] = p
	return p
}

// done counts the rows of a chunk. A copy that an earlier run began has its pace from its first chunk on.
func (c *copies) done(plan mappings.PlanID, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.pace[plan]; p != nil {
		p.rows += int64(rows)
		return
	}
	c.set(plan)
}

// eta is how long so many rows will take, if that can be told yet.
func (c *copies) eta(plan mappings.PlanID, rest int64) (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pace[plan]
	if p == nil || p.rows == 0 {
		return 0, false
	}
	each := time.Since(p.began).Seconds() / float64(p.rows)
	return time.Duration(float64(max(rest, 0)) * each * float64(time.Second)), true
}
