package e2e

import "github.com/meepo-replicate/meepo/internal/matrix"

// scene is how the process is brought to a point. All steps are optional.
type scene struct {
	before  func(*plant)           // before the process is started
	copied  bool                   // calls count only when all is copied
	provoke func(*plant, *running) // once it runs, or all is copied
	down    func(*plant)           // after it was killed
	mend    func(*plant, *running) // once it runs again
	letters []string               // keys of goods whose rows are rejected
}

// beyond is a key that no writer touches.
const beyond = "50000000"

// scenes stage what the matrix names. Writers change goods all the while.
var scenes = map[matrix.Scene]scene{
	matrix.Start:    {},
	matrix.Backfill: {},
	matrix.Handover: {},
	matrix.Follow:   {copied: true},
	matrix.Transaction: {copied: true, provoke: func(p *plant, _ *running) {
		p.source.exec(p.t, goodsRows(10_000_001, 10_005_000), goodsRows(10_005_001, 10_010_000), "UPDATE goods SET v = 'late' WHERE id > 10009000")
	}},
	matrix.Letter: {
		before: func(p *plant) { p.target.refuseLarge(p.t) },
		copied: true,
		provoke: func(p *plant, _ *running) {
			p.source.exec(p.t, "INSERT INTO goods (id, v, n) VALUES ("+beyond+", 'too large', 40000)")
		},
		letters: []string{beyond},
	},
	matrix.Sweep: {copied: true, provoke: func(p *plant, _ *running) { p.source.exec(p.t, "TRUNCATE TABLE goods") }},
	matrix.Park: {
		copied:  true,
		provoke: func(p *plant, _ *running) { p.target.lose(p.t) },
		mend: func(p *plant, r *running) {
			p.awaitParked(r)
			p.resume("goods")
		},
	},
	matrix.Resume: {
		copied: true,
		provoke: func(p *plant, r *running) {
			p.target.lose(p.t)
			p.awaitParked(r)
			p.resume("goods")
		},
	},
	matrix.ResumeLater: {
		before: func(p *plant) {
			r := p.start("", false)
			p.awaitCopied(r)
			p.target.lose(p.t)
			p.source.exec(p.t, "INSERT INTO goods (id, v) VALUES (60000000, 'for nobody')")
			p.awaitParked(r)
			r.stop(p.t)
			p.resume("goods")
		},
	},
	matrix.Away: {
		copied:  true,
		provoke: func(p *plant, _ *running) { p.target.away(p.t, true) },
		down:    func(p *plant) { p.target.away(p.t, false) },
	},
	matrix.Foreign: {
		before: func(p *plant) { p.source.exec(p.t, "INSERT INTO goods (id, v) VALUES ("+beyond+", 'ours')") },
		copied: true,
		provoke: func(p *plant, _ *running) {
			p.target.overtake(p.t, beyond)
			p.source.exec(p.t, "UPDATE goods SET v = 'ours again' WHERE id = "+beyond)
		},
	},
	matrix.Absent: {
		before: func(p *plant) {
			r := p.start("", false)
			p.awaitCopied(r)
			r.stop(p.t)
			p.source.exec(p.t, "INSERT INTO goods (id, v) VALUES ("+beyond+", 'soon gone')")
			p.source.unlogged(p.t, "DELETE FROM goods WHERE id = "+beyond)
		},
	},
}
