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
}

func ofRun(s replicate.Status, put func(definition, float64, ...string)) {
	put(lag, s.Lag.Seconds())
	if !s.SavedAt.IsZero() {
		put(savedAge, max(time.Since(s.SavedAt), 0).Seconds())
	}
}
