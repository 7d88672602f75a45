package replicate

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// counters count what has happened in this run.
type counters struct {
	events, rowsRead, upserts, deletes, retries, conflicts, rejected, unchanged atomic.Int64
	listening                                                                   atomic.Int64 // since when intake waits for the log, our clock, ns; 0: it does not
}

// next notes how long the log lets intake wait: while intake itself waits for the target, it is not
// the log that is silent.
func (c *counters) next(ctx context.Context, stream source.Stream) (source.Batch, error) {
	c.listening.Store(time.Now().UnixNano())
	defer c.listening.Store(0)
	b, err := stream.Next(ctx)
	c.events.Add(int64(len(b.Events)))
	return b, err
}

// silent is how long the log has given nothing to whoever waits for it.
func (c *counters) silent() time.Duration {
	if since := c.listening.Load(); since != 0 {
		return max(time.Since(time.Unix(0, since)), 0)
	}
	return 0
}

// Status is a snapshot of a run, for people and progress bars.
type Status struct {
	Plans       []PlanStatus // sorted by name
	Backfilling bool         // bulk work is queued or under way
	// Lag is how far the target is behind: the age, by the source's clock, of the oldest commit, or
	// of the oldest head of its log, that is not wholly in it. While the source does not say where
	// its head is, it is the time since it last did.
	Lag         time.Duration
	Position    source.Position // saved
	SavedAt     time.Time       // zero: not yet in this run
	Events      int64           // received in this run, as all that follow
	RowsRead    int64
	Upserts     int64
	Deletes     int64
	Unchanged   int64 // documents that a comparing copy has found as they should be
	Retries     int64
	Conflicts   int64 // versions found in the target that this state did not issue
	Rejected    int64
	DeadLetters int           // documents that have one now
	Misses      int           // keys without a row that no delete has explained
	LogSilent   time.Duration // how long the log has given nothing, not even a sign of life
	Parked      []string      // plans that are left alone, sorted
	Prepared    int           // XA transactions between their two phases
	HeldKeys    int           // what those have changed
	// Runway is for how long the source will still have the log after the saved position; negative: unknown.
	Runway        time.Duration
	Waiting       int   // documents that are known to be dirty and wait to be read
	BytesInFlight int64 // about how large the rows of the documents in flight are
}

// PlanStatus is the backfill of one plan.
type PlanStatus struct {
	ID    mappings.PlanID
	Name  string
	Table source.Table
	Rows  int64 // copied so far
	Total int64 // the catalog's estimate; negative: unknown
	Done  bool  // no backfill is queued or under way

	InFlight int // documents that are being read or written
}

// Status returns a snapshot. Before Run has loaded the state it is empty.
func (r *Replicator) Status() Status {
	select {
	case <-r.ready:
	default:
		return Status{}
	}
	saved := r.saver.current()
	s := Status{
		Backfilling: r.busy(), Position: source.Position(saved.Position), SavedAt: saved.Saved,
		Events: r.counters.events.Load(), RowsRead: r.counters.rowsRead.Load(),
		Upserts: r.counters.upserts.Load(), Deletes: r.counters.deletes.Load(), Unchanged: r.counters.unchanged.Load(),
		Retries: r.counters.retries.Load(), Conflicts: r.counters.conflicts.Load(),
		Rejected: r.counters.rejected.Load(), DeadLetters: r.saver.letters(), Misses: r.misses.total(),
		Lag: r.lag(), LogSilent: r.counters.silent(), Parked: r.plans.parkedNames(), Runway: r.runwayLeft(),
	}
	s.Prepared, s.HeldKeys = r.held.count()
	waiting, inFlight := r.lanes.load()
	s.Waiting = waiting
	for _, f := range r.plans.all() {
		rows, total := r.progress.of(f.plan.ID())
		s.BytesInFlight += int64(inFlight[f.plan.ID()]) * f.rows.Bytes()
		s.Plans = append(s.Plans, PlanStatus{ID: f.plan.ID(), Name: f.plan.Name(), Table: f.table, Rows: rows, Total: total, Done: !r.jobs.pending(f.plan.ID()), InFlight: inFlight[f.plan.ID()]})
	}
	slices.SortFunc(s.Plans, func(a, b PlanStatus) int { return strings.Compare(a.Name+a.Table.String(), b.Name+b.Table.String()) })
	return s
}

// busy reports whether bulk work is to be queued, is queued, or under way.
func (r *Replicator) busy() bool { return r.saver.jobsComing() || r.jobs.busy() }

// progress counts the rows of backfills.
type progress struct {
	mu    sync.Mutex
	rows  map[mappings.PlanID]int64
	total map[mappings.PlanID]int64
}

func newProgress() *progress {
	return &progress{rows: map[mappings.PlanID]int64{}, total: map[mappings.PlanID]int64{}}
}

// restore takes over what earlier runs have done.
func (p *progress) restore(snap state.Snapshot, plans *plans) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range plans.all() {
		p.total[f.plan.ID()] = f.total
	}
	for _, r := range snap.Ranges {
		p.rows[mappings.PlanID(r.Plan)] += r.Rows
	}
}

func (p *progress) begin(id mappings.PlanID, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[id], p.total[id] = 0, total
}

func (p *progress) add(id mappings.PlanID, rows int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[id] += rows
}

// end returns the rows that were copied, which is the total now known.
func (p *progress) end(id mappings.PlanID) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total[id] = p.rows[id]
	return p.rows[id]
}

func (p *progress) of(id mappings.PlanID) (rows, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rows[id], p.total[id]
}
