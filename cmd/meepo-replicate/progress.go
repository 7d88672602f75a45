package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/meepo-replicate/meepo/replicate"
)

const (
	drawEvery = 500 * time.Millisecond // on a terminal
	lineEvery = 10 * time.Second       // without one
)

// monitor shows how a run goes: bars and a status line on a terminal, log lines elsewhere.
type monitor struct {
	status  func() replicate.Status
	log     *slog.Logger
	out     *redirect
	every   time.Duration // between log lines
	listens string        // see view
	rates   map[string]*meter
}

func newMonitor(status func() replicate.Status, log *slog.Logger, out *redirect) *monitor {
	return &monitor{status: status, log: log, out: out, every: lineEvery, rates: map[string]*meter{}}
}

// run shows the progress until ctx ends.
func (m *monitor) run(ctx context.Context) {
	if m.out.width() > 0 {
		m.draw(ctx)
		return
	}
	ticks := time.NewTicker(m.every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			m.line(m.look(now))
		}
	}
}

// width is how many characters a line of the terminal has; 0: it is none, or has no size.
func (r *redirect) width() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.to.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// view is the progress at one moment, with rates.
type view struct {
	tables  []tableView
	done    int // tables that are copied
	copying bool
	// Of all tables together. A negative total is unknown, a negative eta too.
	rows, total int64
	rowRate     float64
	eta         time.Duration
	changeRate  float64
	status      replicate.Status
	listens     string // where the run serves its metrics; empty: nowhere
}

type tableView struct {
	name        string
	rows, total int64
	rate        float64
	eta         time.Duration
	done        bool
}

// look takes a snapshot and brings the rates up to date.
func (m *monitor) look(now time.Time) view {
	s := m.status()
	if len(s.Plans) == 0 {
		return view{status: s} // the run has not begun; what it finds done is no rate
	}
	v := view{status: s, listens: m.listens, copying: s.Backfilling, changeRate: m.rate("changes", now, s.Events)}
	for _, p := range s.Plans {
		t := tableView{name: p.Name, rows: p.Rows, total: p.Total, done: p.Done}
		if p.Name != p.Table.String() {
			t.name += " (" + p.Table.String() + ")"
		}
		t.rate = m.rate("table "+t.name, now, p.Rows)
		t.eta = etaOf(t.rows, t.total, t.rate)
		v.tables = append(v.tables, t)
		v.rows += t.rows
		if v.total >= 0 {
			v.total = addTotal(v.total, t)
		}
		if t.done {
			v.done++
		}
	}
	v.rowRate = m.rate("rows", now, v.rows)
	v.eta = etaOf(v.rows, v.total, v.rowRate)
	return v
}

// addTotal adds a table to the total. An estimate that is too low counts as what has been found.
func addTotal(total int64, t tableView) int64 {
	switch {
	case t.done:
		return total + t.rows
	case t.total < 0:
		return -1
	}
	return total + max(t.total, t.rows)
}

// etaOf is how long the rest takes at this rate; negative: unknown.
func etaOf(rows, total int64, rate float64) time.Duration {
	if total < rows || rate < 0.01 {
		return -1
	}
	seconds := float64(total-rows) / rate
	if seconds > 1000*3600 {
		return -1
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second)
}

// line logs the progress.
func (m *monitor) line(v view) {
	if len(v.tables) == 0 {
		return
	}
	if !v.copying {
		m.log.Info("following", "lag", lagText(v.status.Lag), "changes_per_second", rounded(v.changeRate), "changes", v.status.Events,
			"position", v.status.Position, "dead_letters", v.status.DeadLetters)
		return
	}
	total, eta := "unknown", "unknown"
	if v.total >= 0 {
		total = fmt.Sprint(v.total)
	}
	if v.eta >= 0 {
		eta = v.eta.String()
	}
	m.log.Info("copying", "tables", fmt.Sprintf("%d/%d", v.done, len(v.tables)), "rows", v.rows, "of_about", total,
		"rows_per_second", rounded(v.rowRate), "eta", eta, "lag", lagText(v.status.Lag), "changes", v.status.Events, "dead_letters", v.status.DeadLetters)
}

// spanText is a time in its largest unit, or the two largest.
func spanText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func lagText(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func rounded(rate float64) int64 { return int64(math.Round(rate)) }

// rate updates and returns the meter of that name.
func (m *monitor) rate(name string, now time.Time, count int64) float64 {
	r, ok := m.rates[name]
	if !ok {
		r = &meter{count: count, at: now}
		m.rates[name] = r
	}
	return r.update(now, count)
}

// meter is a rate that follows changes within some ten seconds.
type meter struct {
	count int64
	at    time.Time
	rate  float64
	moved bool // since it was made
}

const meterMemory = 10 * time.Second

func (m *meter) update(now time.Time, count int64) float64 {
	passed := now.Sub(m.at)
	if passed <= 0 {
		return m.rate
	}
	present := float64(max(count-m.count, 0)) / passed.Seconds()
	share := 1 - math.Exp(-passed.Seconds()/meterMemory.Seconds())
	if !m.moved {
		share = 1
	}
	m.rate += share * (present - m.rate)
	m.moved = m.moved || present > 0
	m.count, m.at = count, now
	return m.rate
}
