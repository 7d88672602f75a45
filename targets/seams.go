package targets

import "context"

// Writer writes operations. Write may be called concurrently; the caller never has two ops of one
// document under way at once.
type Writer interface {
	// Write returns nil if all ops are durable, a *PartialError if those it does not name are, and
	// any other error if nothing is known of any of them: then all may be repeated. The driver
	// splits what is too large for one request. A delete of an id that no document can have is durable.
	Write(ctx context.Context, ops []Op) error
	// Close releases connections. It may be called twice.
	Close(ctx context.Context) error
}

// Cursor is a place in a scan, opaque outside the driver, valid while the process lives. The empty
// Cursor is the beginning.
type Cursor string

// Scanner lists what a destination holds.
type Scanner interface {
	// ScanIDs returns up to limit ids and the cursor to go on from; an empty cursor ends the scan.
	// A scan from the beginning sees every write that had returned before it began. ErrCursor
	// (wrapped): begin again. ErrReplaced (wrapped): the destination is not there.
	ScanIDs(ctx context.Context, dest string, after Cursor, limit int) ([]ID, Cursor, error)
}

// Doc is a stored document.
type Doc struct {
	ID      ID
	Found   bool
	Version int64  // 0: unknown
	Body    []byte // the document as JSON; nil unless Found
}

// Reader reads stored documents, to compare them with what they should be.
type Reader interface {
	// ReadDocs returns one Doc per id, in the order of ids, with every durable write in it.
	ReadDocs(ctx context.Context, dest string, ids []ID) ([]Doc, error)
}

// Preparer makes destinations ready to be written to.
type Preparer interface {
	// Prepare creates what is missing, adds missing fields, and checks what is there. It may be
	// called again at any time with the same or more fields. Where what exists does not fit it
	// returns ErrMismatch (wrapped), one for each destination and field, joined; as far as that can
	// be seen beforehand nothing is created or changed then, in none of the destinations.
	Prepare(ctx context.Context, dests []*Destination) error
}

// Emptiness tells whether a destination has to be looked through for what no row stands for.
type Emptiness interface {
	// Empty reports whether the destination holds no document; one that is not there holds none. It sees
	// every write that had returned before, and does not count as reading the destination.
	Empty(ctx context.Context, dest string) (bool, error)
}

// Refresher makes writes visible to searches.
type Refresher interface {
	// Refresh returns when searches find all writes to the destinations that had returned before. Those that are not there are
	// passed over.
	Refresh(ctx context.Context, dests []string) error
}

// Lister tells which destinations there are.
type Lister interface {
	// List returns the names of all destinations that begin with a prefix, whoever made them, sorted. It makes nothing.
	List(ctx context.Context, prefix string) ([]string, error)
}

// Counter tells how much a destination holds.
type Counter interface {
	// Count returns how many documents the destination holds, whoever made it; about so many where that is not
	// exact. One that is not there holds none. It makes nothing.
	Count(ctx context.Context, dest string) (n int64, exact bool, err error)
}

// Identifier tells whether a destination still is the one that was filled.
type Identifier interface {
	// Identify returns what stands behind the destination: a text that stays the same as long as that
	// is the same thing with the same history, and differs once it was deleted and made again, replaced,
	// or restored from a backup, as far as the target can tell. Empty: there is nothing. It writes
	// nothing and makes nothing.
	Identify(ctx context.Context, dest string) (string, error)
}

// Mark is what a run leaves in the target now and then, so that a target that went back to an earlier
// time is noticed, and so that a run whose state is new writes above what the ones before may have under way.
type Mark struct {
	Number   int64  // rising with each mark of a state; 0: there is none
	Position string // the position that was saved, for people
	Ceiling  int64  // above every version that the state has issued; 0: it has issued none
}

// Marker keeps one mark per state in a small place of the driver's own in the target.
type Marker interface {
	// ReadMark returns the mark that the target holds for a state; the zero Mark where there is none.
	// It makes nothing.
	ReadMark(ctx context.Context, state string) (Mark, error)
	// WriteMark replaces the mark of a state and returns when it is durable. A mark with a lower number
	// than the target's does not replace it, however late the request lands; it may be an error.
	WriteMark(ctx context.Context, state string, mark Mark) error
	// Ceiling returns the highest ceiling of the marks of all states, those that have just been written
	// among them; 0: there is none. It makes nothing.
	Ceiling(ctx context.Context) (int64, error)
}

// BulkMode makes a destination faster to fill while nobody reads it.
type BulkMode interface {
	// BeginBulk switches a destination to bulk mode if this product made it and nobody reads it;
	// otherwise it does nothing. What it changed is kept in the target.
	BeginBulk(ctx context.Context, dest string) error
	// EndBulk restores what BeginBulk changed, in this process or an earlier one. Without such a
	// change it does nothing.
	EndBulk(ctx context.Context, dest string) error
}

// Severity grades a finding.
type Severity uint8

// The severities.
const (
	Note    Severity = iota + 1 // good to know
	Warning                     // works, but something may be lost or slow
	Fatal                       // a run would fail or lose documents
)

// Finding is one result of a preflight.
type Finding struct {
	Severity Severity
	Subject  string // an index, a setting, a field: "orders.total"
	Message  string // what is wrong or lost
	Fix      string // what to run or change; may be empty for a Note
	Loss     bool   // it is one of LossTeller's
}

// Checker looks for what would keep destinations from being written to, before a run.
type Checker interface {
	// Check returns all findings at once, the worst first, types that lose information included.
	// It writes nothing. The error is for what kept it from looking at all.
	Check(ctx context.Context, dests []*Destination) ([]Finding, error)
}
