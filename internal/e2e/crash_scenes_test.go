package e2e

import (
	"github.com/meepo-replicate/meepo/internal/matrix"
)

// scene is how the process is brought to a point. All steps are optional.
type scene struct {
	before  func(*plant)           // before the process is started
	copied  bool                   // calls count only when all is copied
	provoke func(*plant, *running) // once it runs, or all is copied
	down    func(*plant)           // after it was killed
	mend    func(*plant, *running) // once it runs again
	letters []string               // keys of goods whose rows are rejected
}

var scenes = map[matrix.Scene]scene{
	matrix.Start:    {},
	matrix.Backfill: {},
	matrix.Handover: {},
	matrix.Follow:   {copied: true},
}
