package metrics

import "github.com/prometheus/client_golang/prometheus"

// kind says how a metric moves.
type kind string

const (
	counter kind = "counter" // only grows, from zero at the start of the process
	gauge   kind = "gauge"
)

// definition is everything that is known of a metric by its name.
type definition struct {
	name   string
	kind   kind
	unit   string
	help   string
	labels []string
}

// The labels. A mapping is named as status and resume name it, with its table: "orders/shop.orders".
const (
	byMapping     = "mapping"
	byTable       = "table"
	byAction      = "action" // write, update, delete, truncate, …
	byReason      = "reason" // copy or change
	byDestination = "destination"
	byVerb        = "verb" // upsert or delete
	byEnd         = "end"  // source or target
)

// The metrics. A gauge whose value is not known is left out.
var (
	lag = definition{"meepo_lag_seconds", gauge, "seconds",
		"How far the target is behind the source, by the source's clock.", nil}
	savedAge = definition{"meepo_saved_position_age_seconds", gauge, "seconds",
		"Time since a position was last saved.", nil}
	events = definition{"meepo_events_total", counter, "events",
		"Events received from the source's log.", []string{byTable, byAction}}
	rowsRead = definition{"meepo_rows_read_total", counter, "rows",
		"Rows read from the source, to copy tables or because of a change.", []string{byMapping, byReason}}
	opsWritten = definition{"meepo_ops_written_total", counter, "operations",
		"Operations that are durable in the target.", []string{byDestination, byVerb}}
)

// definitions are all of the above, for the registry and for the test of the documentation.
var definitions = []definition{lag, savedAge, events, rowsRead, opsWritten}

func (d definition) desc() *prometheus.Desc { return prometheus.NewDesc(d.name, d.help, d.labels, nil) }

func (d definition) counters() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.name, Help: d.help}, d.labels)
}
