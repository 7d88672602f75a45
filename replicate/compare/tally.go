package compare

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// saveEvery is the time between two saves at least.
const saveEvery = time.Second

// tally counts, and knows at every moment what is done and what is open.
type tally struct {
	opts Options

	saving sync.Mutex // one save at a time, each with newer progress than the one before

	mu    sync.Mutex
	plans map[mappings.PlanID]*planTally
	open  map[mappings.DocKey]bool
	// orphans are those that were counted, since a listing that begins anew finds them again.
	orphans map[mappings.DocKey]bool
	at      source.Position // at which the comparison began
	last    source.Position // at which something was settled last
	saved   time.Time
}

type planTally struct {
	fingerprint string
	split       bool // its ranges are known
	rests       []source.Range
	listed      bool
	report      Report
}

// chunk is what was done in one step.
type chunk struct {
	scanned   bool // rows of a range; number and rest say of which, and what is left of it
	number    int
	rest      source.Range
	ofRows    bool // it began with rows, and not with what the target holds
	rows      int64
	documents int64 // ids that were listed
	foreign   int64
	asked     []source.Key // keys that were open before

	equal, left int64 // filled in by look
	suspects    []suspect
}

func newTally(opts Options, at source.Position) *tally {
	t := &tally{opts: opts, at: at, last: at, plans: map[mappings.PlanID]*planTally{}, open: map[mappings.DocKey]bool{}, orphans: map[mappings.DocKey]bool{}, saved: time.Now()}
	resume := opts.Resume
	if !resume.Fits(opts.Plans) {
		resume = nil
	}
	for _, plan := range opts.Plans {
		p := &planTally{fingerprint: plan.Fingerprint()}
		if resume != nil {
			known := resume.Plans[plan.ID()]
			p.split, p.listed, p.report = true, known.Listed, known.Report.clone()
			for _, rest := range known.Ranges {
				p.rests = append(p.rests, source.Range(rest))
			}
			if !p.listed {
				p.report.Documents, p.report.Foreign, p.report.Orphans = 0, 0, 0 // listed anew
			}
		}
		t.plans[plan.ID()] = p
	}
	if resume != nil {
		for _, open := range resume.Open {
			t.open[mappings.DocKey{Plan: open.Plan, Key: source.Key(open.Key)}] = true
		}
	}
	return t
}

// left are the suspects of an earlier comparison.
func (t *tally) left() []mappings.DocKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.open))
}

func (t *tally) storedOpen() []StoredKey {
	var list []StoredKey
	for doc := range t.open {
		list = append(list, StoredKey{Plan: doc.Plan, Key: []byte(doc.Key)})
	}
	return list
}

// ranges are what an earlier comparison has left of a plan's table; false: it was not split.
func (t *tally) ranges(id mappings.PlanID) ([]source.Range, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.plans[id].rests, t.plans[id].split
}

func (t *tally) begin(plan *mappings.Plan, ranges []source.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.plans[plan.ID()]
	p.split = true
	p.rests = append([]source.Range(nil), ranges...)
}

func (t *tally) listed(id mappings.PlanID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.plans[id].listed
}

func (t *tally) listedAll(id mappings.PlanID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plans[id].listed = true
}

// listAgain: the listing begins anew.
func (t *tally) listAgain(id mappings.PlanID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plans[id].report.Documents, t.plans[id].report.Foreign = 0, 0
}

// share is how many ids of a plan are to be listed; negative: all.
func (t *tally) share(plan *mappings.Plan) int64 {
	if t.opts.Share == 0 {
		return -1
	}
	return max(int64(t.opts.Share*float64(t.opts.Rows[plan.Table()])), 1)
}

// looked counts a step that is done; its suspects are open from then on.
func (t *tally) looked(id mappings.PlanID, c chunk) {
	t.mu.Lock()
	p := t.plans[id]
	if c.scanned {
		p.rests[c.number] = c.rest
	}
	p.report.Rows += c.rows
	p.report.Equal += c.equal
	p.report.Left += c.left
	p.report.Documents += c.documents
	p.report.Foreign += c.foreign
	for _, key := range c.asked {
		delete(t.open, mappings.DocKey{Plan: id, Key: key})
	}
	for _, one := range c.suspects {
		t.open[one.doc()] = true
	}
	due := time.Since(t.saved) >= saveEvery
	t.mu.Unlock()
	if due {
		_ = t.save() // the next one says what is wrong, the last one at the latest
	}
}

// settled counts a suspect that is one, or, if it does not come to rest, one of which nothing can be said.
func (t *tally) settled(one suspect, f Finding) {
	doc := one.doc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = f.At
	delete(t.open, doc)
	known := t.orphans[doc]
	if f.Kind == Orphan && !f.HasRow {
		t.orphans[doc] = true
	}
	if !known {
		t.plans[doc.Plan].report.add(f)
		t.opts.Found(f) // no progress is saved that counts it before it is told
	}
}

// cleared counts a suspect that is none.
func (t *tally) cleared(one suspect) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, one.doc())
	switch r := &t.plans[one.plan.ID()].report; {
	case !one.counted || !one.look.row:
	case one.look.op.Verb == targets.Upsert:
		r.Equal++
	default:
		r.Left++
	}
}

// save hands what is done to Options.Save.
func (t *tally) save() error {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	t.saved = time.Now()
	progress := Progress{Plans: make(map[mappings.PlanID]*PlanProgress, len(t.plans)), Open: t.storedOpen()}
	for id, p := range t.plans {
		stored := &PlanProgress{Fingerprint: p.fingerprint, Listed: p.listed, Report: p.report.clone()}
		for _, rest := range p.rests {
			if rest != "" {
				stored.Ranges = append(stored.Ranges, []byte(rest))
			}
		}
		progress.Plans[id] = stored
	}
	t.mu.Unlock()
	return t.opts.Save(progress)
}

func (t *tally) result() *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Result{Reports: make(map[mappings.PlanID]Report, len(t.plans)), At: t.last}
	for id, p := range t.plans {
		report := p.report.clone()
		report.Whole = t.opts.Keys == nil && t.opts.Share == 0 && p.split && (p.listed || t.opts.RowsOnly)
		for _, rest := range p.rests {
			report.Whole = report.Whole && rest == ""
		}
		r.Reports[id] = report
	}
	return r
}
