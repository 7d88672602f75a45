package metrics

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meepo-replicate/meepo/replicate"
)

// Metrics are the metrics of one run. Its methods may be called concurrently.
type Metrics struct {
	registry *prometheus.Registry
	status   atomic.Pointer[func() replicate.Status]

	events, rowsRead, opsWritten *prometheus.CounterVec
}

// New makes the metrics of a run that has not begun: all counters are zero, and no gauge is known.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		events:   events.counters(), rowsRead: rowsRead.counters(), opsWritten: opsWritten.counters(),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.events, m.rowsRead, m.opsWritten, &gauges{m},
	)
	return m
}

// Watch takes the gauges from this status from now on.
func (m *Metrics) Watch(status func() replicate.Status) { m.status.Store(&status) }

// Handler answers with all metrics in the format that Prometheus scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
