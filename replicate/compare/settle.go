package compare

import (
	"context"
	"fmt"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

const (
	// looksAlike is how many times in a row a suspect has to be found as before, each time after the target has passed
	// the position of the look before.
	looksAlike = 2
	// mostLooks is after how many looks it is said that a document does not come to rest.
	mostLooks = 12
	// mostSuspects bounds those that are held at once.
	mostSuspects = 5000
)

// suspect is a document that may not be as it should be.
type suspect struct {
	plan *mappings.Plan
	look look
	// counted: its row is one of Report.Rows.
	counted bool
	alike   int // looks in a row that found it as before
	looks   int
}

func (one suspect) doc() mappings.DocKey {
	return mappings.DocKey{Plan: one.plan.ID(), Key: one.look.key}
}

// settler decides about suspects.
type settler struct {
	c *comparison

	mu      sync.Mutex
	waiting []suspect
	closed  bool
	changed chan struct{} // closed and replaced when any of the above changes
}

func newSettler(c *comparison) *settler { return &settler{c: c, changed: make(chan struct{})} }

func (s *settler) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// add hands over suspects, and waits while too many are there.
func (s *settler) add(ctx context.Context, suspects []suspect) error {
	if len(suspects) == 0 {
		return nil
	}
	s.mu.Lock()
	s.waiting = append(s.waiting, suspects...)
	s.tell()
	for len(s.waiting) > mostSuspects {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}

// close says that no more will come.
func (s *settler) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.tell()
}

// take waits for suspects and returns all that are there; none: there will be no more.
func (s *settler) take(ctx context.Context, block bool) ([]suspect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for block && len(s.waiting) == 0 && !s.closed {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			return nil, context.Cause(ctx)
		}
		s.mu.Lock()
	}
	taken := s.waiting
	s.waiting = nil
	s.tell()
	return taken, nil
}

// loop settles suspects until there are no more.
func (s *settler) loop(ctx context.Context) error {
	var open []suspect
	for {
		more, err := s.take(ctx, len(open) == 0)
		if err != nil {
			return err
		}
		open = append(open, more...)
		if len(open) == 0 {
			return nil
		}
		if open, err = s.round(ctx, open); err != nil {
			return err
		}
	}
}

// round looks at suspects again and returns those about which nothing can be said yet.
func (s *settler) round(ctx context.Context, open []suspect) ([]suspect, error) {
	c := s.c
	if c.opts.Passed == nil {
		for _, one := range open {
			c.tally.settled(one, one.finding(c.tally.at))
		}
		return nil, nil
	}
	at, fence, err := c.opts.Source.Present(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the end of the log: %w", err)
	}
	if err := c.opts.Passed(ctx, at); err != nil {
		return nil, err
	}
	byPlan := map[mappings.PlanID][]int{}
	for i, one := range open {
		byPlan[one.plan.ID()] = append(byPlan[one.plan.ID()], i)
	}
	var again []suspect
	for _, of := range byPlan {
		for len(of) > 0 {
			n := min(len(of), c.opts.Chunk)
			looks, err := s.lookAgain(ctx, fence, open, of[:n])
			if err != nil {
				return nil, err
			}
			for k, i := range of[:n] {
				if one := open[i]; !s.decided(&one, looks[k], at) {
					again = append(again, one)
				}
			}
			of = of[n:]
		}
	}
	return again, nil
}

// lookAgain reads rows and documents of suspects of one plan.
func (s *settler) lookAgain(ctx context.Context, fence source.Fence, open []suspect, of []int) ([]look, error) {
	plan := open[of[0]].plan
	keys := make([]source.Key, len(of))
	for k, i := range of {
		keys[k] = open[i].look.key
	}
	if err := s.c.limiter.WaitN(ctx, len(keys)); err != nil {
		return nil, err
	}
	rows, err := s.c.opts.Source.ReadRows(ctx, fence, plan.Selection(), keys)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", plan.Table(), err)
	}
	return compareRows(ctx, s.c.opts.Target, plan, rows)
}

// decided takes another look into account.
func (s *settler) decided(one *suspect, now look, at source.Position) bool {
	one.looks++
	switch {
	case now.fine():
		one.look = now
		s.c.tally.cleared(*one)
		return true
	case one.look.still(now):
		if one.alike++; one.alike >= looksAlike {
			s.c.tally.settled(*one, one.finding(at))
			return true
		}
	default:
		one.look, one.alike = now, 0
	}
	if one.looks >= mostLooks {
		f := one.finding(at)
		f.Kind, f.Differences = Unsettled, nil
		s.c.tally.settled(*one, f)
		return true
	}
	return false
}

// finding says what is wrong with a suspect.
func (one suspect) finding(at source.Position) Finding {
	l := one.look
	f := Finding{Plan: one.plan.ID(), Key: l.key, KeyText: l.key.Text(), ID: l.op.ID, Version: l.stored.Version, At: at}
	switch {
	case l.failed != "":
		f.Kind, f.Reason = Rejected, l.failed
	case l.stored.Change == targets.Refuse:
		f.Kind, f.Reason = Rejected, l.stored.Reason
	case l.op.Verb != targets.Upsert:
		f.Kind, f.HasRow, f.Differences = Orphan, l.row, l.stored.Differences
	case l.stored.Change == targets.Create:
		f.Kind = Missing
	default:
		f.Kind, f.Differences = Different, l.stored.Differences
	}
	return f
}
