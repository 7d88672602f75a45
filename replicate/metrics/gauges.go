package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meepo-replicate/meepo/replicate"
)

// gauges reads the status once for all gauges, so that they belong to one moment.
type gauges struct{ metrics *Metrics }

// Describe implements prometheus.Collector.
func (g *gauges) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range definitions {
		if d.kind == gauge {
			descs <- d.desc()
		}
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(found chan<- prometheus.Metric) {
	status := g.metrics.status.Load()
	if status == nil {
		return
	}
	s := (*status)()
	if s.Position == "" {
		return // the run has not begun
	}
	put := func(d definition, value float64, labels ...string) {
		found <- prometheus.MustNewConstMetric(d.desc(), prometheus.GaugeValue, value, labels...)
	}
	ofRun(s, put)
	followed := map[string]bool{}
	for _, p := range s.Plans {
		followed[string(p.ID)] = true
		g.ofPlan(p, put)
	}
	for _, plan := range s.Parked {
		if !followed[plan] { // the status is no transaction: it may have been resumed just now
			put(parked, 1, plan)
		}
	}
}

// ofRun gives what belongs to the run as a whole.
func ofRun(s replicate.Status, put func(definition, float64, ...string)) {
	put(lag, s.Lag.Seconds())
	put(logSilent, s.LogSilent.Seconds())
	if !s.SavedAt.IsZero() {
		put(savedAge, max(time.Since(s.SavedAt), 0).Seconds())
	}
	if s.Runway >= 0 {
		put(runway, s.Runway.Hours())
	}
	put(deadLetters, float64(s.DeadLetters))
	put(waiting, float64(s.Waiting))
	put(bytesInFlight, float64(s.BytesInFlight))
}

// ofPlan gives what belongs to one plan that is followed, and makes its counters appear with zero: of
// a counter that appears with its first count, nobody sees that it has grown.
func (g *gauges) ofPlan(p replicate.PlanStatus, put func(definition, float64, ...string)) {
	m, plan := g.metrics, string(p.ID)
	for _, c := range []*prometheus.CounterVec{m.conflicts, m.rejected, m.misses} {
		c.WithLabelValues(plan)
	}
	put(parked, 0, plan)
	put(inFlight, float64(p.InFlight), plan)
	put(copied, float64(p.Rows), plan)
	if p.Total >= 0 {
		put(copyTotal, float64(max(p.Total, p.Rows)), plan)
	}
	if p.Done {
		put(copyPending, 0, plan)
		return
	}
	put(copyPending, 1, plan)
	if eta, known := m.copies.eta(p.ID, p.Total-p.Rows); known && p.Total >= 0 {
		put(copyETA, eta.Seconds(), plan)
	}
}
