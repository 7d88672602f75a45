package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Checkpoint is a saved position: everything before it is durable in the target or a dead letter.
type Checkpoint struct {
	Position  string
	Fence     string    // goes with the position: reads after a restart must see at least this
	Committed time.Time // of the newest transaction in it, by the source's clock; zero: unknown
	Saved     time.Time // when it was saved, by our clock
}

// Plan is a table under a mapping that has been taken up.
type Plan struct {
	Plan        string // mappings.PlanID
	Source      string // "schema.table"
	Destination string
	Fingerprint string
	Identity    string // what stood behind the destination when it was taken up; empty: the target cannot tell. The engine says how it has many
	Definition  string // what it was made of, as mappings.Definition writes it; empty: an earlier program did not say
}

// Identity is Plan.Identity alone.
type Identity struct{ Plan, Identity string }

// Parked is a plan that is left alone after a fault until somebody resumes it.
type Parked struct {
	Plan        string
	Source      string // "schema.table"
	Destination string
	Reason      string
	Advice      string // what to do about it; may be empty
	Position    string // the saved position when it was parked
	At          time.Time
	// Was is the plan as it was when it was last in force. Nil: an earlier program did not keep it.
	Was *Plan
	// Whole: all its rows had been copied, and its mapping was edited since: then it can be followed again without a
	// copy, by whoever accepts that.
	Whole bool
}

// Verb says what a request asks for.
type Verb string

// The verbs.
const (
	RetryLetter  Verb = "retry"    // read the row of a dead letter again and write it
	DropLetter   Verb = "drop"     // forget a dead letter
	ResumePlan   Verb = "resume"   // copy a plan anew; if it is parked, follow it again. Key is empty
	BackfillPlan Verb = "backfill" // the same, by the name for who asks because a mapping was edited
	RepairKey    Verb = "repair"   // read the row of a key again and write it, or delete its document
)

// CopiesPlan reports whether the verb asks for a plan to be copied anew.
func (v Verb) CopiesPlan() bool { return v == ResumePlan || v == BackfillPlan }

// Request is something that another process asks of the run on this file.
type Request struct {
	ID   int64 // given by the file, rising
	Verb Verb
	Plan string
	Key  string // of a letter
	At   time.Time
}

// Held is one change of a prepared XA transaction: known, but not visible before it commits.
type Held struct {
	XID    string
	Number int // rising within the transaction; 0 stands for the transaction itself
	Schema string
	Name   string
	Action uint8 // source.Action
	Key    string
}

// Range is the progress of one key range of a plan's backfill.
type Range struct {
	Plan   string
	Number int
	Rest   string // what is left to scan; empty: finished
	Rows   int64  // rows done so far
	// Comparing: what the target holds already is not written.
	Comparing bool
}

// JobKind says what a job does.
type JobKind string

// The job kinds.
const (
	Backfill JobKind = "backfill" // copy all rows of the table
	Sweep    JobKind = "sweep"    // look again at all documents of the destination
)

// Job is work that is queued, in the same transaction as what made it necessary. A second job of
// the same kind for a plan that has one replaces it, so that it begins anew.
type Job struct {
	ID     int64 // given by the engine, rising
	Plan   string
	Kind   JobKind
	Reason string
	// Comparing: only what differs is written.
	Comparing bool
}

// Letter is a dead letter: a key whose document the target rejected.
type Letter struct {
	Plan     string
	Key      string // source.Key
	KeyText  string
	Document string // its id in the destination
	Reason   string // of the last time
	At       time.Time
	Tries    int // how many times it was rejected. The state counts them: a Save ignores this field
}

// Ref names the letter.
func (l Letter) Ref() LetterRef { return LetterRef{Plan: l.Plan, Key: l.Key} }

// LetterRef names a letter.
type LetterRef struct{ Plan, Key string }

// Lease is a span of versions [Low, High) that a run may issue.
type Lease struct{ Low, High int64 }

// Change is everything that one Save changes. Zero fields change nothing.
type Change struct {
	Checkpoint *Checkpoint
	Plans      []Plan // added or replaced
	DropPlans  []string
	Identities []Identity // after Plans: of those that are there
	// NewRanges replace all ranges of the plans in it.
	NewRanges []Range
	Ranges    []Range // progress
	AddJobs   []Job
	DoneJobs  []int64
	Letters   []Letter
	Resolved  []LetterRef
	Lease     *Lease
	Park      []Parked // after DropPlans: a parked plan has neither progress nor jobs
	Unpark    []string
	// DoneRequests are deleted from the file.
	DoneRequests []int64
	Hold         []Held   // after Release
	Release      []string // XIDs whose held changes are deleted
	// Mark is the number of the newest mark that the target is known to hold; 0 changes nothing, and
	// ForgetMark says that nothing is known.
	Mark int64
	// LeaveOut are plans of tables that came under a mapping that takes no new ones; TakeIn are those that it
	// takes by now.
	LeaveOut, TakeIn []string
}

// ForgetMark is the Change.Mark of a state that begins anew.
const ForgetMark = -1

// Empty reports whether the change changes nothing.
func (c Change) Empty() bool {
	return c.Checkpoint == nil && c.Lease == nil && c.Mark == 0 &&
		len(c.Plans)+len(c.DropPlans)+len(c.NewRanges)+len(c.Ranges)+len(c.AddJobs)+len(c.DoneJobs)+len(c.Letters)+
			len(c.Identities)+len(c.Resolved)+len(c.Park)+len(c.Unpark)+len(c.DoneRequests)+len(c.Hold)+len(c.Release)+len(c.LeaveOut)+len(c.TakeIn) == 0
}

// Keep leaves out plans that are not kept, and their jobs.
func (c *Change) Keep(kept func(plan string) bool) {
	c.Plans = slices.DeleteFunc(c.Plans, func(p Plan) bool { return !kept(p.Plan) })
	c.AddJobs = slices.DeleteFunc(c.AddJobs, func(j Job) bool { return !kept(j.Plan) })
}

// Merge adds what came later. A plan that is dropped takes along what came before for it, since a
// Change drops first.
func (c *Change) Merge(later Change) {
	for _, plan := range later.DropPlans {
		c.Plans = slices.DeleteFunc(c.Plans, func(p Plan) bool { return p.Plan == plan })
		c.Identities = slices.DeleteFunc(c.Identities, func(i Identity) bool { return i.Plan == plan })
		c.AddJobs = slices.DeleteFunc(c.AddJobs, func(j Job) bool { return j.Plan == plan })
		c.NewRanges = slices.DeleteFunc(c.NewRanges, func(r Range) bool { return r.Plan == plan })
		c.Ranges = slices.DeleteFunc(c.Ranges, func(r Range) bool { return r.Plan == plan })
	}
	for _, plan := range later.Unpark {
		c.Park = slices.DeleteFunc(c.Park, func(p Parked) bool { return p.Plan == plan })
	}
	if len(later.Release) > 0 && len(c.Hold) > 0 {
		released := make(map[string]bool, len(later.Release))
		for _, xid := range later.Release {
			released[xid] = true
		}
		c.Hold = slices.DeleteFunc(c.Hold, func(h Held) bool { return released[h.XID] })
	}
	if later.Checkpoint != nil {
		c.Checkpoint = later.Checkpoint
	}
	if later.Lease != nil {
		c.Lease = later.Lease
	}
	if later.Mark != 0 {
		c.Mark = later.Mark
	}
	c.Plans = append(c.Plans, later.Plans...)
	c.DropPlans = append(c.DropPlans, later.DropPlans...)
	c.Identities = append(c.Identities, later.Identities...)
	c.NewRanges = append(c.NewRanges, later.NewRanges...)
	c.Ranges = append(c.Ranges, later.Ranges...)
	c.AddJobs = append(c.AddJobs, later.AddJobs...)
	c.DoneJobs = append(c.DoneJobs, later.DoneJobs...)
	c.Letters = append(c.Letters, later.Letters...)
	c.Resolved = append(c.Resolved, later.Resolved...)
	c.Park = append(c.Park, later.Park...)
	c.Unpark = append(c.Unpark, later.Unpark...)
	c.DoneRequests = append(c.DoneRequests, later.DoneRequests...)
	c.Hold = append(c.Hold, later.Hold...)
	c.Release = append(c.Release, later.Release...)
	c.LeaveOut = append(c.LeaveOut, later.LeaveOut...)
	c.TakeIn = append(c.TakeIn, later.TakeIn...)
}

// Save applies the change in one transaction and returns when it is on disk.
func (s *Store) Save(ctx context.Context, c Change) error {
	if err := s.inTx(ctx, func(tx *sql.Tx) error { return c.apply(ctx, tx) }); err != nil {
		return advised(fmt.Errorf("save state to %s: %w", s.path, err))
	}
	return nil
}

func (c Change) apply(ctx context.Context, tx *sql.Tx) error {
	var err error
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	if p := c.Checkpoint; p != nil {
		exec(`INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?)`, p.Position, p.Fence, micros(p.Committed), micros(p.Saved))
	}
	for _, p := range c.DropPlans {
		exec(`DELETE FROM plans WHERE plan = ?`, p)
		exec(`DELETE FROM ranges WHERE plan = ?`, p)
		exec(`DELETE FROM jobs WHERE plan = ?`, p)
	}
	for _, p := range c.Plans {
		exec(`INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?, ?, ?)`, p.Plan, p.Source, p.Destination, p.Fingerprint, p.Identity, p.Definition)
	}
	for _, i := range c.Identities {
		exec(`UPDATE plans SET identity = ? WHERE plan = ?`, i.Identity, i.Plan)
	}
	for _, r := range c.NewRanges {
		exec(`DELETE FROM ranges WHERE plan = ?`, r.Plan)
	}
	for _, r := range append(c.NewRanges[:len(c.NewRanges):len(c.NewRanges)], c.Ranges...) {
		exec(`INSERT OR REPLACE INTO ranges VALUES (?, ?, ?, ?, ?)`, r.Plan, r.Number, r.Rest, r.Rows, r.Comparing)
	}
	for _, id := range c.DoneJobs {
		exec(`DELETE FROM jobs WHERE id = ?`, id)
	}
	for _, j := range c.AddJobs {
		exec(`INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)`, j.ID, j.Plan, string(j.Kind), j.Reason, j.Comparing)
	}
	for _, r := range c.Resolved {
		exec(`DELETE FROM letters WHERE plan = ? AND key = ?`, r.Plan, []byte(r.Key))
	}
	for _, l := range c.Letters {
		exec(putLetter, l.Plan, []byte(l.Key), l.KeyText, l.Document, l.Reason, micros(l.At))
	}
	if l := c.Lease; l != nil {
		exec(`INSERT OR REPLACE INTO leases VALUES (?, ?)`, l.Low, l.High)
	}
	c.applyRest(exec)
	return err
}

// applyRest applies what does not belong to plans and letters.
func (c Change) applyRest(exec func(query string, args ...any)) {
	for _, plan := range c.Unpark {
		exec(`DELETE FROM parked WHERE plan = ?`, plan)
	}
	for _, p := range c.Park {
		exec(`INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, p.Plan, p.Source, p.Destination, p.Reason, p.Advice, p.Position, micros(p.At), p.was())
	}
	for _, plan := range c.TakeIn {
		exec(`DELETE FROM left_out WHERE plan = ?`, plan)
	}
	for _, plan := range c.LeaveOut {
		exec(`INSERT OR IGNORE INTO left_out VALUES (?)`, plan)
	}
	for _, id := range c.DoneRequests {
		exec(`DELETE FROM requests WHERE id = ?`, id)
	}
	for _, xid := range c.Release {
		exec(`DELETE FROM held WHERE xid = ?`, xid)
	}
	for _, h := range c.Hold {
		exec(`INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)`, h.XID, h.Number, h.Schema, h.Name, h.Action, []byte(h.Key))
	}
	switch {
	case c.Mark == ForgetMark:
		exec(`DELETE FROM meta WHERE name = 'mark'`)
	case c.Mark > 0:
		exec(`INSERT OR REPLACE INTO meta VALUES ('mark', ?)`, fmt.Sprint(c.Mark))
	}
}

// wasText is what is stored of Parked.Was and Parked.Whole. An earlier program stored only whole ones.
type wasText struct {
	*Plan
	Partial bool `json:",omitempty"`
}

// was is Parked.Was as it is stored.
func (p Parked) was() string {
	if p.Was == nil {
		return ""
	}
	text, err := json.Marshal(wasText{p.Was, !p.Whole})
	if err != nil {
		panic(err) // it holds texts only
	}
	return string(text)
}

// putLetter adds a letter, or counts one that is there already.
const putLetter = `INSERT INTO letters (plan, key, key_text, document, reason, at_us) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (plan, key) DO UPDATE SET key_text = excluded.key_text, document = excluded.document,
	reason = excluded.reason, at_us = excluded.at_us, tries = tries + 1`

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
