package compare

import (
	"maps"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Kind says what is wrong with a document.
type Kind string

// The kinds.
const (
	Missing   Kind = "missing"   // there is a row and no document
	Different Kind = "different" // the document is not what the row makes
	Orphan    Kind = "orphan"    // there is a document, and no row that the mapping takes
	Rejected  Kind = "rejected"  // the row makes no document that the target would take, or cannot be read
	Unsettled Kind = "unsettled" // row or document changed at every look, so that nothing can be said
)

// Finding is a document that is not as it should be.
type Finding struct {
	Plan    mappings.PlanID `json:"plan"`
	Key     source.Key      `json:"-"` // empty: of a row without a readable key
	KeyText string          `json:"key"`
	ID      targets.ID      `json:"id"`
	Kind    Kind            `json:"kind"`
	// Differences are those of a document that is Different.
	Differences []targets.Difference `json:"differences,omitempty"`
	Reason      string               `json:"reason,omitempty"` // why it is Rejected
	// HasRow: of an Orphan, that its row is there and does not meet the mapping's condition.
	HasRow  bool  `json:"has_row,omitempty"`
	Version int64 `json:"version,omitempty"` // of the stored document; 0: unknown, or there is none
	// At is the source's position at which it holds.
	At source.Position `json:"at"`
}

// Report counts what was found of a plan.
type Report struct {
	Rows      int64 `json:"rows"`      // that were read, those that the mapping does not take among them
	Left      int64 `json:"left"`      // that the mapping does not take, and of which there is no document
	Equal     int64 `json:"equal"`     // documents that are what their rows make
	Missing   int64 `json:"missing"`   //
	Different int64 `json:"different"` //
	Orphans   int64 `json:"orphans"`   // documents without a row
	Excluded  int64 `json:"excluded"`  // documents whose row the mapping does not take
	Rejected  int64 `json:"rejected"`
	Unsettled int64 `json:"unsettled"`
	Documents int64 `json:"documents"` // ids that were listed
	Foreign   int64 `json:"foreign"`   // ids among them that no row of the table can have
	// Fields counts the differences of documents that are Different, by field.
	Fields map[string]int64 `json:"fields,omitempty"`
	// Whole: all rows were read, and all ids unless Options.RowsOnly. False after a part was asked for, or one cut off.
	Whole bool `json:"whole"`
}

// Wrong is how many documents are not as they should be, those left aside that nothing can be said of.
func (r *Report) Wrong() int64 { return r.Missing + r.Different + r.Orphans + r.Excluded }

func (r *Report) add(f Finding) {
	switch f.Kind {
	case Missing:
		r.Missing++
	case Different:
		r.Different++
		if r.Fields == nil {
			r.Fields = map[string]int64{}
		}
		for _, difference := range f.Differences {
			r.Fields[difference.Field]++
		}
	case Orphan:
		if f.HasRow {
			r.Excluded++
		} else {
			r.Orphans++
		}
	case Rejected:
		r.Rejected++
	case Unsettled:
		r.Unsettled++
	}
}

func (r *Report) clone() Report {
	c := *r
	c.Fields = maps.Clone(r.Fields)
	return c
}

// Result is what a comparison ends with.
type Result struct {
	Reports map[mappings.PlanID]Report
	At      source.Position // at which the source was when the last of it was settled: it all holds there
}

// Wrong sums the plans up.
func (r *Result) Wrong() (n int64) {
	for _, report := range r.Reports {
		n += report.Wrong()
	}
	return n
}

// Progress is what has been done of a comparison, in a form that can be stored.
type Progress struct {
	Plans map[mappings.PlanID]*PlanProgress `json:"plans"`
	// Open are documents that were suspects: they are looked at anew.
	Open []StoredKey `json:"open,omitempty"`
}

// StoredKey is a mappings.DocKey whose key, which is no text, can be stored as JSON.
type StoredKey struct {
	Plan mappings.PlanID `json:"plan"`
	Key  []byte          `json:"key"`
}

// PlanProgress is that of one plan.
type PlanProgress struct {
	Fingerprint string   `json:"fingerprint"` // of the plan: another one begins anew
	Ranges      [][]byte `json:"ranges"`      // what is left of the table, none: all rows were read
	Listed      bool     `json:"listed"`      // what the target holds was looked through
	Report      Report   `json:"report"`
}

// Fits reports whether the progress is one of these plans.
func (p *Progress) Fits(plans []*mappings.Plan) bool {
	if p == nil || len(p.Plans) != len(plans) {
		return false
	}
	for _, plan := range plans {
		if known := p.Plans[plan.ID()]; known == nil || known.Fingerprint != plan.Fingerprint() {
			return false
		}
	}
	return true
}
