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

	events, rowsRead, opsWritten         *prometheus.CounterVec
	retries, conflicts, rejected, misses *prometheus.CounterVec
	copies                               copies
}

// New makes the metrics of a run that has not begun: all counters are zero, and no gauge is known.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		events:   events.counters(), rowsRead: rowsRead.counters(), opsWritten: opsWritten.counters(),
		retries: retries.counters(), conflicts: conflicts.counters(), rejected: rejected.counters(), misses: misses.counters(),
	}
	for _, end := range []string{"source", "target"} {
		m.retries.WithLabelValues(end)
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&gauges{m}, m.events, m.rowsRead, m.opsWritten, m.retries, m.conflicts, m.rejected, m.misses,
	)
	return m
}

// Watch takes the gauges from this status from now on.
func (m *Metrics) Watch(status func() replicate.Status) { m.status.Store(&status) }

// Handler answers with all metrics in the format that Prometheus scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
