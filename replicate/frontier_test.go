package replicate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// TestFrontier_Model finishes tokens in random order. What take gives is compared with the plain
// rule: the newest position before which everything is done, with every job up to it and none after.
func TestFrontier_Model(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l, f := newLanes(1000, ""), newFrontier()
		var tokens []*token
		var open []int
		saved, jobs := 0, 0 // tokens whose position, or that of a later one, was given; jobs given
		for step := range 60 {
			switch {
			case rnd.IntN(2) == 0:
				tok := newToken()
				tok.committed = time.Unix(int64(len(tokens)+1), 0)
				if rnd.IntN(3) > 0 {
					tok.position, tok.fence = source.Position(fmt.Sprint(len(tokens))), source.Fence(fmt.Sprint(len(tokens)))
				}
				tok.change.AddJobs = []state.Job{{ID: int64(len(tokens))}}
				f.push(tok)
				open, tokens = append(open, len(tokens)), append(tokens, tok)
			case len(open) > 0:
				i := rnd.IntN(len(open))
				l.releaseToken(tokens[open[i]])
				open = slices.Delete(open, i, i+1)
			}
			checkOldest(t, f, tokens, open)
			if rnd.IntN(3) > 0 {
				continue
			}
			want := saved
			for i := saved; i < len(tokens) && !slices.Contains(open, i); i++ {
				if tokens[i].position != "" {
					want = i + 1
				}
			}
			change := f.take()
			if (change.Checkpoint != nil) != (want > saved) {
				t.Fatalf("seed %d step %d: checkpoint %v, want %d after %d", seed, step, change.Checkpoint, want, saved)
			}
			if saved = want; change.Checkpoint != nil && (change.Checkpoint.Position != fmt.Sprint(want-1) ||
				change.Checkpoint.Fence != fmt.Sprint(want-1) || !change.Checkpoint.Committed.Equal(tokens[want-1].committed)) {
				t.Fatalf("seed %d step %d: %+v, want position %d", seed, step, change.Checkpoint, want-1)
			}
			for _, job := range change.AddJobs {
				if job.ID != int64(jobs) {
					t.Fatalf("seed %d: job %d, want %d", seed, job.ID, jobs)
				}
				jobs++
			}
			if jobs != saved {
				t.Fatalf("seed %d: %d jobs given with the position after token %d", seed, jobs, saved)
			}
		}
	}
}

func checkOldest(t *testing.T, f *frontier, tokens []*token, open []int) {
	t.Helper()
	at, waiting := f.oldest()
	if waiting != (len(open) > 0) {
		t.Fatalf("oldest: %v with %d open", waiting, len(open))
	}
	if waiting && !at.Equal(tokens[slices.Min(open)].committed) {
		t.Fatalf("oldest: %v, want that of token %d", at, slices.Min(open))
	}
}

func TestFrontier_WakesTheSaver(t *testing.T) {
	l, f := newLanes(10, ""), newFrontier()
	tok := newToken()
	f.push(tok)
	select {
	case <-f.signal:
		t.Fatal("woken before anything is done")
	default:
	}
	l.releaseToken(tok)
	select {
	case <-f.signal:
	default:
		t.Fatal("not woken")
	}
}

// TestFrontier_DroppedPlan: a table that comes and goes before anything is saved leaves nothing in
// the state, and one that comes again is there.
func TestFrontier_DroppedPlan(t *testing.T) {
	come := state.Change{Plans: []state.Plan{{Plan: "a"}, {Plan: "b"}}, AddJobs: []state.Job{{ID: 1, Plan: "a"}, {ID: 2, Plan: "b"}}}
	gone := state.Change{DropPlans: []string{"a"}}
	again := state.Change{Plans: []state.Plan{{Plan: "a"}}, AddJobs: []state.Job{{ID: 3, Plan: "a"}}}
	for want, changes := range map[string][]state.Change{
		"[{b     }] [{2 b   false}] [a]":                        {come, gone},
		"[{b     } {a     }] [{2 b   false} {3 a   false}] [a]": {come, gone, again},
		"[{a     } {b     }] [{1 a   false} {2 b   false}] [a]": {gone, come},
	} {
		l, f := newLanes(10, ""), newFrontier()
		for i, change := range changes {
			tok := newToken()
			tok.position, tok.change = source.Position(fmt.Sprint(i)), change
			f.push(tok)
			l.releaseToken(tok)
		}
		c := f.take()
		if got := fmt.Sprint(c.Plans, c.AddJobs, c.DropPlans); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestFrontier_Extend: batches without events move the newest token on instead of adding tokens, and
// never past one that is not done, nor into a transaction.
func TestFrontier_Extend(t *testing.T) {
	f, l := newFrontier(), newLanes(10, "")
	if f.extend("p1", "f1") {
		t.Error("extended a token that is not there")
	}
	stuck := newToken()
	stuck.position = "p1"
	f.push(stuck)
	for range 1000 {
		if !f.extend("p2", "f2") {
			t.Fatal("not extended")
		}
	}
	if c := f.take(); c.Checkpoint != nil || f.first != f.last {
		t.Errorf("before the token is done: %+v", c.Checkpoint)
	}
	l.releaseToken(stuck)
	if c := f.take(); c.Checkpoint == nil || c.Checkpoint.Position != "p2" || c.Checkpoint.Fence != "f2" {
		t.Errorf("after it is done: %+v", c.Checkpoint)
	}
	f.push(newToken()) // the middle of a transaction
	if f.extend("p3", "f3") {
		t.Error("extended the middle of a transaction")
	}
}
