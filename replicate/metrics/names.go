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
		"How far the target is behind the source, by the source's clock and the head of its log.", nil}
	logSilent = definition{"meepo_log_silent_seconds", gauge, "seconds",
		"How long the source's log has given nothing, not even a sign of life, while it was listened to.", nil}
	savedAge = definition{"meepo_saved_position_age_seconds", gauge, "seconds",
		"Time since a position was last saved. A quiet log has its position saved, too.", nil}
	runway = definition{"meepo_log_runway_hours", gauge, "hours",
		"For how long, at least, the source will still have the log after the saved position.", nil}

	events = definition{"meepo_events_total", counter, "events",
		"Events received from the source's log, of the tables that are followed.", []string{byTable, byAction}}
	rowsRead = definition{"meepo_rows_read_total", counter, "rows",
		"Rows read from the source, to copy tables or because of a change.", []string{byMapping, byReason}}
	opsWritten = definition{"meepo_ops_written_total", counter, "operations",
		"Operations that are durable in the target.", []string{byDestination, byVerb}}

	retries = definition{"meepo_retries_total", counter, "tries",
		"Failures of one end after which it was tried again.", []string{byEnd}}
	conflicts = definition{"meepo_conflicts_total", counter, "documents",
		"Documents whose version in the target this state did not issue; they were written again.", []string{byMapping}}
	rejected = definition{"meepo_rejected_total", counter, "documents",
		"Documents that were refused and became dead letters.", []string{byMapping}}
	misses = definition{"meepo_misses_total", counter, "keys",
		"Keys from the log that have no row, and no delete explains it.", []string{byMapping}}

	deadLetters = definition{"meepo_dead_letters", gauge, "documents",
		"Documents that have a dead letter now, of this run or earlier ones.", nil}
	parked = definition{"meepo_mapping_parked", gauge, "0 or 1",
		"Whether a mapping is parked: left alone after a fault until it is resumed.", []string{byMapping}}

	waiting = definition{"meepo_documents_waiting", gauge, "documents",
		"Documents that are known to be dirty and wait to be read.", nil}
	inFlight = definition{"meepo_documents_in_flight", gauge, "documents",
		"Documents that are being read or written.", []string{byMapping}}
	bytesInFlight = definition{"meepo_in_flight_bytes", gauge, "bytes",
		"About how large the rows of the documents in flight are.", nil}

	copied = definition{"meepo_copy_rows", gauge, "rows",
		"Rows that the copy of a table has done so far, or had in the end.", []string{byMapping}}
	copyTotal = definition{"meepo_copy_rows_expected", gauge, "rows",
		"Rows that the copy of a table will have, by the source's estimate.", []string{byMapping}}
	copyPending = definition{"meepo_copy_pending", gauge, "0 or 1",
		"Whether a copy of a table is queued or under way.", []string{byMapping}}
	copyETA = definition{"meepo_copy_eta_seconds", gauge, "seconds",
		"Time until the copy of a table is done, at the pace that it has had in this run.", []string{byMapping}}
)

// definitions are all of the above.
var definitions = []definition{
	lag, logSilent, savedAge, runway,
	events, rowsRead, opsWritten,
	retries, conflicts, rejected, misses,
	deadLetters, parked,
	waiting, inFlight, bytesInFlight,
	copied, copyTotal, copyPending, copyETA,
}

func (d definition) desc() *prometheus.Desc { return prometheus.NewDesc(d.name, d.help, d.labels, nil) }

func (d definition) counters() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.name, Help: d.help}, d.labels)
}
