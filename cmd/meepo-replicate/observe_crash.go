//go:build faulty

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// The variables that only this build reads. MEEPO_CRASH is "point:n" or "point/condition:n": the n-th
// time that the run comes to that point of replicate.Observer under that condition, it kills itself.
// Before that it writes the value into the file MEEPO_CRASH_REPORT. If MEEPO_CRASH_AFTER is set, it
// counts only while that file exists.
const (
	crashVariable  = "MEEPO_CRASH"
	reportVariable = "MEEPO_CRASH_REPORT"
	afterVariable  = "MEEPO_CRASH_AFTER"
)

// crashObserver kills the process at the point that MEEPO_CRASH names.
func crashObserver() *replicate.Observer {
	text := os.Getenv(crashVariable)
	if text == "" {
		return nil
	}
	c := &crasher{text: text, report: os.Getenv(reportVariable), after: os.Getenv(afterVariable)}
	where, number, found := strings.Cut(text, ":")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 {
		panic(crashVariable + ": want point:n or point/condition:n")
	}
	c.point, c.condition, _ = strings.Cut(where, "/")
	c.left = n
	if !slices.Contains(crashPoints, c.point) {
		panic(crashVariable + ": no such point: " + c.point)
	}
	return c.observer()
}

// crashPoints are the functions of replicate.Observer.
var crashPoints = []string{
	"batch_received", "backfill_planned", "chunk_read", "chunk_done", "backfill_done", "sweep_begun", "sweep_done",
	"dirty", "taken", "settled", "rows_read", "writing", "ops_written", "retry", "conflict", "saving", "state_saved", "acked",
	"dead_letter", "miss", "parked",
}

// crasher counts how often the run comes to a point.
type crasher struct {
	text, report, after, point, condition string

	mu       sync.Mutex
	left     int
	inside   int // batches since the last commit
	sweeping bool
}

// at is called at every point, with the conditions that hold there.
func (c *crasher) at(point string, holds ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside > 0 {
		holds = append(holds, "inside")
	}
	if c.sweeping {
		holds = append(holds, "sweeping")
	}
	if point != c.point || c.condition != "" && !slices.Contains(holds, c.condition) {
		return
	}
	if _, err := os.Stat(c.after); c.after != "" && err != nil {
		return
	}
	if c.left--; c.left > 0 {
		return
	}
	if err := os.WriteFile(c.report, []byte(c.text), 0o600); err != nil {
		panic(fmt.Sprintf("%s: %v", reportVariable, err))
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail for a process of one's own
	select {}                                      // nothing comes after this point, and no other is passed meanwhile
}

func (c *crasher) observer() *replicate.Observer {
	return &replicate.Observer{
		BatchReceivedFunc:   c.batch,
		BackfillPlannedFunc: func(id mappings.PlanID, _ int) { c.at("backfill_planned", mapping(id)) },
		ChunkReadFunc:       func(id mappings.PlanID, _, _ int) { c.at("chunk_read", mapping(id)) },
		ChunkDoneFunc:       func(id mappings.PlanID, _, _ int) { c.at("chunk_done", mapping(id)) },
		BackfillDoneFunc:    func(id mappings.PlanID) { c.at("backfill_done", mapping(id)) },
		SweepBegunFunc:      func(id mappings.PlanID) { c.at("sweep_begun", mapping(id)); c.sweep(true) },
		SweepDoneFunc:       func(id mappings.PlanID) { c.at("sweep_done", mapping(id)); c.sweep(false) },
		DirtyFunc:           func([]mappings.DocKey) { c.at("dirty") },
		TakenFunc:           func([]mappings.DocKey, source.Fence) { c.at("taken") },
		SettledFunc:         func([]mappings.DocKey) { c.at("settled") },
		RowsReadFunc:        func(mappings.PlanID, []source.Row) { c.at("rows_read") },
		WritingFunc:         func([]targets.Op) { c.at("writing") },
		OpsWrittenFunc:      func([]targets.Op, error) { c.at("ops_written") },
		RetryFunc:           func(end string, _ error) { c.at("retry", end) },
		ConflictFunc:        func(mappings.DocKey, int64, int64) { c.at("conflict") },
		SavingFunc:          func(change state.Change) { c.at("saving", changed(change)...) },
		StateSavedFunc:      func(change state.Change) { c.at("state_saved", changed(change)...) },
		AckedFunc:           func(source.Position) { c.at("acked") },
		DeadLetterFunc:      func(state.Letter) { c.at("dead_letter") },
		MissFunc:            func(mappings.DocKey) { c.at("miss") },
		ParkedFunc:          func(state.Parked) { c.at("parked") },
	}
}

// heldAfter is how many batches of a transaction are taken in before the log is held, if the point is
// another one inside the transaction: the run gets there at leisure.
const heldAfter = 7

// batch notes where in a transaction the log is.
func (c *crasher) batch(b source.Batch) {
	var holds []string
	if slices.ContainsFunc(b.Events, func(e source.Event) bool { return !e.Action.OfRow() }) {
		holds = append(holds, "table")
	}
	c.mu.Lock()
	if c.inside++; len(b.Events) == 0 || b.Position != "" {
		c.inside = 0
	}
	hold := c.condition == "inside" && c.point != "batch_received" && c.inside > heldAfter
	c.mu.Unlock()
	c.at("batch_received", holds...)
	if hold {
		select {}
	}
}

func (c *crasher) sweep(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweeping = on
}

// mapping is the condition that a point concerns the plan of that mapping.
func mapping(id mappings.PlanID) string {
	name, _, _ := strings.Cut(string(id), "/")
	return name
}

// changed names what a change of the state holds; a copied mapping as name-copied.
func changed(c state.Change) []string {
	var holds []string
	for _, r := range c.Ranges {
		if r.Rest == "" {
			holds = append(holds, mapping(mappings.PlanID(r.Plan))+"-copied")
		}
	}
	for name, is := range map[string]bool{
		"position": c.Checkpoint != nil,
		"ranges":   len(c.Ranges) > 0,
		"sweep":    slices.ContainsFunc(c.AddJobs, func(j state.Job) bool { return j.Kind == state.Sweep }),
		"swept":    len(c.DoneJobs) > 0 && len(c.NewRanges) == 0,
		"letters":  len(c.Letters) > 0,
		"park":     len(c.Park) > 0,
		"requests": len(c.DoneRequests) > 0,
		"lease":    c.Lease != nil,
	} {
		if is {
			holds = append(holds, name)
		}
	}
	return holds
}
