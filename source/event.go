package source

import "time"

// Action says what happened to a row or a table.
type Action uint8

// The actions. Row actions come first. The next change a table as a whole, the last three are of a
// transaction; they have no Key and stand in order among the row events. States hold the numbers.
const (
	Insert   Action = iota + 1 // the row of Key is new
	Update                     // the row of Key has changed, its key has not
	Delete                     // the row of Key is gone; also the old key of a changed key
	Truncate                   // all rows of Table are gone
	Create                     // Table is new
	Alter                      // Table's definition has changed: reload its catalog
	Drop                       // Table is gone
	Rename                     // Table is now called To; what was called To before, if anything, is gone
	// Gap: rows of Table have changed, or are unreadable, without row events that say so: partitions
	// that were dropped or exchanged, values that an Alter has converted, rows in the log that are
	// older than the table's definition. What has become of them is visible to every read made after
	// the event, so copying the table anew, and looking again at what the target holds, makes up for
	// it. Where an Alter is the cause, the Gap stands before it.
	Gap
	// Prepare begins a transaction in two phases (XA), named by XID. The row events and gaps that carry
	// its XID come next, and are visible to no read before its Commit. A Prepare of a name that is in use
	// begins it anew: what came under the name before is void.
	Prepare
	// Commit ends the transaction XID: what it changed is visible to every read made after the event. If
	// no Prepare of it has come, it was prepared before the place from which the log was followed at first,
	// and may have changed any table.
	Commit
	Rollback // ends the transaction XID: nothing has changed
)

var actionNames = [...]string{"", "write", "update", "delete", "truncate", "create", "alter", "drop", "rename", "gap", "prepare", "commit", "rollback"}

// String returns the word used in event output: an Insert is a "write".
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// OfRow reports whether the action concerns one row, so that the event has a Key.
func (a Action) OfRow() bool { return a >= Insert && a <= Delete }

// OfTransaction reports whether the action concerns a transaction in two phases, so that the event has
// an XID and no Table. Such events come whatever tables were subscribed.
func (a Action) OfTransaction() bool { return a >= Prepare && a <= Rollback }

// Event is one change in the log. A changed key is two events, Delete of the old key and then
// Insert of the new one: the source decides that, nobody else has to know.
type Event struct {
	Action Action
	Table  Table
	Key    Key   // empty unless Action.OfRow
	To     Table // of Rename only
	// XID names the transaction in two phases that the event belongs to; see Prepare. Empty: none, the
	// event is visible behind its batch's fence. It is opaque, and free for another one after its end.
	XID string
	// Old and New hold the subscribed columns beyond the key, in the subscription's order.
	// Nil unless such columns were subscribed.
	Old, New []Value
}

// Position is a place in the source's log at a commit boundary. It is opaque outside the driver
// that made it, can be stored and shown, and is never compared or parsed elsewhere.
type Position string

// Fence is what a read must be able to see. It is opaque outside its driver, names the server it
// belongs to where that matters, and can be stored beside a position. The zero Fence asks for
// nothing.
type Fence string

// Batch is a run of events in log order.
type Batch struct {
	Events []Event
	// Position is set only if the batch ends on a commit boundary: everything up to here is in
	// this batch or an earlier one. A large transaction comes as several batches, of which only
	// the last has a position. A keepalive is a batch without events but with a position.
	// A transaction that is prepared does not hold positions back, and the log followed from one tells
	// nothing again of what was prepared before: whoever keeps a position keeps that beside it.
	Position Position
	// Fence covers this batch and all earlier ones of the stream: a later fence includes every
	// earlier one, so the newest is enough.
	Fence Fence
	// Time is when the newest transaction in it was committed, by the source's clock. Zero: unknown.
	Time time.Time
	// Retries is how often the log could not be read since the batch before and was asked for anew.
	Retries int
}

// Subscription asks for the events of tables. Columns are wanted in addition to the key, with old
// and new values in each event; usually there are none.
type Subscription struct {
	Tables  Pattern
	Columns []string
}
