package replicate

import (
	"context"
	"slices"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
)

// rangeTask is a key range of a plan's backfill that is waiting or being scanned.
type rangeTask struct {
	plan  mappings.PlanID
	state state.Range
}

// jobs is the list of bulk work: backfills and sweeps that are queued in the state, and the ranges of
// backfills under way. A plan's backfill comes before its sweep, and one of each runs at a time.
type jobs struct {
	mu       sync.Mutex
	lastID   int64
	queued   []state.Job
	ranges   []rangeTask
	open     map[mappings.PlanID]int  // ranges not finished, waiting or under way
	planning map[mappings.PlanID]bool // a backfill is being split
	sweeping map[mappings.PlanID]bool
	news     news
}

func newJobs(snap state.Snapshot) *jobs {
	j := &jobs{open: map[mappings.PlanID]int{}, planning: map[mappings.PlanID]bool{},
		sweeping: map[mappings.PlanID]bool{}}
	for _, job := range snap.Jobs {
		j.lastID = max(j.lastID, job.ID)
	}
	j.queued = slices.Clone(snap.Jobs)
	var tasks []rangeTask
	for _, r := range snap.Ranges {
		if r.Rest != "" {
			tasks = append(tasks, rangeTask{plan: mappings.PlanID(r.Plan), state: r})
		}
	}
	j.addRanges(tasks)
	return j
}

// newJob gives a job its id. It is queued by add, once it is saved.
func (j *jobs) newJob(plan mappings.PlanID, kind state.JobKind, reason string) state.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lastID++
	return state.Job{ID: j.lastID, Plan: string(plan), Kind: kind, Reason: reason}
}

// add queues saved jobs; one of the same plan and kind that waits is replaced.
func (j *jobs) add(list []state.Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, job := range list {
		j.queued = slices.DeleteFunc(j.queued, func(q state.Job) bool { return q.Plan == job.Plan && q.Kind == job.Kind })
		j.queued = append(j.queued, job)
	}
	j.news.spread()
}

func (j *jobs) addRanges(tasks []rangeTask) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range tasks {
		j.open[t.plan]++
	}
	j.ranges = append(j.ranges, tasks...)
	j.news.spread()
}

// next waits for a job of the kind that may begin, and marks it as begun.
func (j *jobs) next(ctx context.Context, kind state.JobKind) (state.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		for i, job := range j.queued {
			if job.Kind == kind && j.mayBegin(job) {
				j.queued = slices.Delete(j.queued, i, i+1)
				if kind == state.Backfill {
					j.planning[mappings.PlanID(job.Plan)] = true
				} else {
					j.sweeping[mappings.PlanID(job.Plan)] = true
				}
				return job, nil
			}
		}
		if err := j.news.wait(ctx, &j.mu); err != nil {
			return state.Job{}, err
		}
	}
}

func (j *jobs) mayBegin(job state.Job) bool {
	plan := mappings.PlanID(job.Plan)
	if j.open[plan] > 0 || j.planning[plan] || j.sweeping[plan] {
		return false
	}
	return job.Kind == state.Backfill || !j.isQueued(plan, state.Backfill)
}

// planned ends the planning of a backfill: its ranges are saved.
func (j *jobs) planned(plan mappings.PlanID, tasks []rangeTask) {
	j.addRanges(tasks)
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.planning, plan)
	j.news.spread()
}

// swept ends a sweep.
func (j *jobs) swept(plan mappings.PlanID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.sweeping, plan)
	j.news.spread()
}

// nextRange waits for a range to scan.
func (j *jobs) nextRange(ctx context.Context) (rangeTask, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.ranges) == 0 {
		if err := j.news.wait(ctx, &j.mu); err != nil {
			return rangeTask{}, err
		}
	}
	t := j.ranges[0]
	j.ranges = j.ranges[1:]
	return t, nil
}

// rangeDone ends a range and reports whether it was its plan's last. The plan stays open until
// backfilled is called then.
func (j *jobs) rangeDone(plan mappings.PlanID) (last bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open[plan] > 1 {
		j.open[plan]--
		return false
	}
	return true
}

// backfilled closes a plan whose last range is done.
func (j *jobs) backfilled(plan mappings.PlanID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.open, plan)
	j.news.spread()
}

// pending reports whether a plan has a backfill waiting or under way.
func (j *jobs) pending(plan mappings.PlanID) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open[plan] > 0 || j.planning[plan] || j.isQueued(plan, state.Backfill)
}

// any reports whether bulk work of a plan waits or is under way.
func (j *jobs) any(plan mappings.PlanID) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	waits := func(q state.Job) bool { return q.Plan == string(plan) }
	return j.open[plan] > 0 || j.planning[plan] || j.sweeping[plan] || slices.ContainsFunc(j.queued, waits)
}

// queuedFor reports whether a job of the plan and kind is queued that has not begun.
func (j *jobs) queuedFor(plan mappings.PlanID, kind state.JobKind) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.isQueued(plan, kind)
}

// isQueued does the work of queuedFor. The mutex is held.
func (j *jobs) isQueued(plan mappings.PlanID, kind state.JobKind) bool {
	return slices.ContainsFunc(j.queued, func(q state.Job) bool { return q.Plan == string(plan) && q.Kind == kind })
}

// idle waits until nothing is queued or under way.
func (j *jobs) idle(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queued)+len(j.open)+len(j.planning)+len(j.sweeping) > 0 {
		if err := j.news.wait(ctx, &j.mu); err != nil {
			return err
		}
	}
	return nil
}

// busy reports whether bulk work is queued or under way.
func (j *jobs) busy() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queued)+len(j.open)+len(j.planning)+len(j.sweeping) > 0
}
