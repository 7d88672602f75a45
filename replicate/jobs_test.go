package replicate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
)

// tryNext asks for a job that may begin now; none gives an error.
func tryNext(j *jobs, kind state.JobKind) (state.Job, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return j.next(ctx, kind)
}

func tryRange(j *jobs) (rangeTask, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return j.nextRange(ctx)
}

// TestJobs_Model queues and runs jobs in random order: of each plan one thing runs at a time, a
// backfill comes before a sweep, a newer job replaces one that waits, and none is forgotten.
func TestJobs_Model(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		j := newJobs(state.Snapshot{})
		waits := map[string]map[state.JobKind]int64{"a": {}, "b": {}}
		runs := map[string]state.JobKind{}
		open := map[string]int{} // ranges of a running backfill, 0 while it is planned
		planned := map[string]bool{}
		finish := func(plan string) {
			switch {
			case runs[plan] == state.Sweep:
				j.swept(mappings.PlanID(plan))
				delete(runs, plan)
			case runs[plan] == state.Backfill && !planned[plan]:
				open[plan], planned[plan] = 1+rnd.IntN(3), true
				j.planned(mappings.PlanID(plan), slices.Repeat([]rangeTask{{plan: mappings.PlanID(plan), state: state.Range{Rest: "r"}}}, open[plan]))
			}
		}
		step := func(kind state.JobKind) {
			job, err := tryNext(j, kind)
			var may []string
			for plan, kinds := range waits {
				if kinds[kind] != 0 && runs[plan] == "" && (kind == state.Backfill || kinds[state.Backfill] == 0) {
					may = append(may, plan)
				}
			}
			if (err == nil) != (len(may) > 0) || err == nil && !slices.Contains(may, job.Plan) {
				t.Fatalf("seed %d: next %s gives %v, %v; may begin: %v", seed, kind, job, err, may)
			}
			if err != nil {
				return
			}
			if job.ID != waits[job.Plan][kind] {
				t.Fatalf("seed %d: job %d begins, the newest is %d", seed, job.ID, waits[job.Plan][kind])
			}
			delete(waits[job.Plan], kind)
			runs[job.Plan] = kind
		}
		scan := func() {
			task, err := tryRange(j)
			if err != nil {
				return
			}
			plan := string(task.plan)
			last := j.rangeDone(task.plan)
			if open[plan]--; last != (open[plan] == 0) {
				t.Fatalf("seed %d: last %v with %d ranges left", seed, last, open[plan])
			}
			if last {
				j.backfilled(task.plan)
				delete(runs, plan)
				delete(planned, plan)
			}
		}
		for i := range 300 {
			plan := string('a' + rune(rnd.IntN(2)))
			kind := []state.JobKind{state.Backfill, state.Sweep}[rnd.IntN(2)]
			switch rnd.IntN(4) {
			case 0:
				if i < 200 {
					job := j.newJob(mappings.PlanID(plan), kind, "test")
					j.add([]state.Job{job})
					waits[plan][kind] = job.ID
				}
			case 1:
				step(kind)
			case 2:
				finish(plan)
			case 3:
				scan()
			}
			idle := len(runs)+len(waits["a"])+len(waits["b"]) == 0
			if j.busy() == idle {
				t.Fatalf("seed %d: busy %v, running %v, waiting %v", seed, j.busy(), runs, waits)
			}
			if want := runs[plan] == state.Backfill || waits[plan][state.Backfill] != 0; j.pending(mappings.PlanID(plan)) != want {
				t.Fatalf("seed %d: pending(%s) is %v", seed, plan, !want)
			}
		}
		for i := 0; j.busy(); i++ {
			if i > 100 {
				t.Fatalf("seed %d: never idle: running %v, waiting %v", seed, runs, waits)
			}
			step(state.Backfill)
			step(state.Sweep)
			finish("a")
			finish("b")
			scan()
		}
		if err := j.idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJobs_FromTheState(t *testing.T) {
	j := newJobs(state.Snapshot{
		Jobs:   []state.Job{{ID: 4, Plan: "a", Kind: state.Sweep}, {ID: 9, Plan: "b", Kind: state.Backfill}},
		Ranges: []state.Range{{Plan: "a", Number: 0}, {Plan: "a", Number: 1, Rest: "x", Rows: 3}, {Plan: "c", Number: 0}},
	})
	if job := j.newJob("a", state.Backfill, ""); job.ID != 10 {
		t.Errorf("the next id is %d", job.ID)
	}
	if job, err := tryNext(j, state.Sweep); err == nil {
		t.Errorf("%v begins while a's backfill is under way", job)
	}
	task, err := tryRange(j)
	if err != nil || task.plan != "a" || task.state.Number != 1 || task.state.Rows != 3 {
		t.Errorf("range %+v, %v", task, err)
	}
	if _, err := tryRange(j); err == nil {
		t.Error("a finished range is scanned again")
	}
	if j.pending("c") || !j.pending("a") || !j.pending("b") {
		t.Error("pending: want a and b")
	}
	if !j.rangeDone("a") {
		t.Error("the only open range is not the last")
	}
	j.backfilled("a")
	if job, err := tryNext(j, state.Sweep); err != nil || job.ID != 4 {
		t.Errorf("sweep: %v, %v", job, err)
	}
}

func TestJobs_IdleWaits(t *testing.T) {
	j := newJobs(state.Snapshot{Jobs: []state.Job{{ID: 1, Plan: "a", Kind: state.Sweep}}})
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := j.idle(ctx); !errors.Is(err, stop) {
		t.Errorf("idle with a job: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- j.idle(t.Context()) }()
	if _, err := tryNext(j, state.Sweep); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("idle while a sweep runs: %v", err)
	default:
	}
	j.swept("a")
	if err := <-done; err != nil {
		t.Error(fmt.Errorf("idle: %w", err))
	}
}
