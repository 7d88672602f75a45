package compare

import (
	"context"
	"errors"

	"golang.org/x/time/rate"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Source is what is needed of a source driver.
type Source interface {
	source.Onlooker
	source.Reader
	source.Scanner
}

// Target is what is needed of a target driver.
type Target interface {
	targets.Scanner
	targets.Comparer
}

// Options say what to compare. Source, Target and Plans must be set; the zero value of everything else means its default.
type Options struct {
	Source Source
	Target Target
	Plans  []*mappings.Plan
	// Rows are the catalog's estimates of the tables' rows, by which they are split; a negative one is unknown.
	Rows map[source.Table]int64

	// Passed returns when the target holds everything up to a position. Nil: nobody follows the source, so that
	// there is nothing to wait for.
	Passed func(ctx context.Context, position source.Position) error
	// Share of each table to look at, above 0 and below 1; 0: all. Documents without a row are looked for among as many.
	Share float64
	// RowsOnly leaves out the look for documents that no row stands for.
	RowsOnly bool
	// Keys are to be compared and nothing else; nil: all rows.
	Keys []mappings.DocKey

	Parallel int        // ranges that are read at once; default 4
	Chunk    int        // rows that are read at once at most; default 2000
	Rate     rate.Limit // rows and ids per second at most; 0: no limit

	// Found is called for each finding, one at a time, as it is settled, and before any progress that counts it is
	// saved. What is open in a progress, or an orphan of a plan that was not Listed, is told again after Resume.
	Found func(Finding)
	// Resume is what an earlier comparison of the same plans has left, see Save. Nil: from the beginning.
	Resume *Progress
	// Save is called with what has been done, now and then and at the end, also of one that is cut off; one at a time,
	// beside Found. Nil: never.
	Save func(Progress) error
}

func (o Options) withDefaults() (Options, error) {
	if o.Source == nil || o.Target == nil || len(o.Plans) == 0 {
		return o, errors.New("compare: Source, Target and Plans must be set")
	}
	if o.Share < 0 || o.Share >= 1 {
		o.Share = 0
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Chunk <= 0 {
		o.Chunk = 2000
	}
	if o.Rate <= 0 {
		o.Rate = rate.Inf
	}
	if o.Found == nil {
		o.Found = func(Finding) {}
	}
	if o.Save == nil {
		o.Save = func(Progress) error { return nil }
	}
	return o, nil
}
