package source

import (
	"context"
	"time"
)

// Log is a source's change log. Its methods may be called concurrently.
type Log interface {
	// Head returns the newest position from which following now would miss nothing that is not
	// yet visible to a reader, and the fence that goes with it: rows read behind that fence,
	// plus all events after the position, are complete.
	Head(ctx context.Context) (Position, Fence, error)
	// Open starts to read the log after from. It returns ErrPositionLost (wrapped) if the log no
	// longer reaches back that far. One stream at a time is open per Log.
	Open(ctx context.Context, from Position, subscriptions []Subscription) (Stream, error)
	// Verify returns nil if from is still part of this source's history, and ErrPositionLost
	// (wrapped in a HintError) if it is not: the source is another one, was restored from a backup,
	// or has dropped what comes after. It looks at the server that is there now, waits a bounded
	// time for one that merely lags, and is asked before anything is read behind a saved fence.
	// Streams make the same check whenever they connect.
	Verify(ctx context.Context, from Position) error
	// Reached reports whether a reader that has taken in everything up to have has also taken in
	// everything up to want.
	Reached(ctx context.Context, have, want Position) (bool, error)
}

// Stream is an open log. Next is called by one goroutine at a time; Ack may be called beside it.
type Stream interface {
	// Next blocks for the next batch. Lost connections are mended inside: after one, events
	// since the last position may come again. An error is final: the position is lost, the log
	// holds something that cannot be skipped safely, or ctx has ended.
	Next(ctx context.Context) (Batch, error)
	// Ack tells the source that everything up to position is saved and need not be kept.
	// Sources whose log is not kept for us ignore it.
	Ack(ctx context.Context, position Position) error
	// Close ends the stream and waits for what it started. It may be called twice.
	Close(ctx context.Context) error
}

// Reader reads rows by key. Its methods may be called concurrently.
type Reader interface {
	// ReadRows returns one Row per key, in the order of keys, as of a snapshot that includes the
	// fence. A row answers a key only if its own key, encoded, equals it byte for byte.
	// ErrStale (wrapped) means that table or columns no longer are what the selection says, ErrDenied
	// (wrapped) that the table may not be read.
	ReadRows(ctx context.Context, fence Fence, selection Selection, keys []Key) ([]Row, error)
}

// Scanner reads whole tables by ranges of the key. Its methods may be called concurrently.
type Scanner interface {
	// Split cuts the table into at most n ranges that together hold every possible key: the first
	// has no lower and the last no upper bound. An empty table gives one range.
	Split(ctx context.Context, fence Fence, selection Selection, n int) ([]Range, error)
	// ScanRows returns up to limit rows from the start of r in key order, as of a snapshot that
	// includes the fence, and the rest of the range: empty when r is finished. Every row is Found
	// or has an Err. ErrStale and ErrDenied are as those of ReadRows.
	ScanRows(ctx context.Context, fence Fence, selection Selection, r Range, limit int) ([]Row, Range, error)
}

// Catalog describes tables. Its methods may be called concurrently.
type Catalog interface {
	// Tables lists the tables that a pattern selects, sorted by name. Views and system tables are left out.
	Tables(ctx context.Context, fence Fence, patterns []Pattern) ([]Table, error)
	// Columns describes a table as of a snapshot that includes the fence. ErrNoTable (wrapped)
	// where there is none, ErrDenied (wrapped) where it may not be seen.
	Columns(ctx context.Context, fence Fence, table Table) (Columns, error)
}

// Onlooker tells where a source is to somebody who follows nothing.
type Onlooker interface {
	// Present returns the newest position, to be compared with another one and not to be followed from, and a fence of all that
	// any reader has seen by now. Nothing is made or kept in the source for it.
	Present(ctx context.Context) (Position, Fence, error)
}

// PositionReader reads positions as people know them.
type PositionReader interface {
	// ReadPosition makes a position of what the server calls one (a set of GTIDs, an LSN, a file and a place in it), or of a
	// Position's own text. It is to be compared with, and not to be followed from. The error names the form that this source has.
	ReadPosition(ctx context.Context, text string) (Position, error)
}

// Clock tells the source server's time.
type Clock interface {
	// Now returns the server's current time.
	Now(ctx context.Context) (time.Time, error)
}

// Checker looks for what would keep a source from being followed, before a run.
type Checker interface {
	// Check returns all findings at once, the worst first. The error is for what kept it from
	// looking at all, such as a refused connection. Tables are those that would be replicated.
	Check(ctx context.Context, tables []Table) ([]Finding, error)
}

// Introducer tells what stands behind a source's address.
type Introducer interface {
	// Introduce returns the server's product, its version and what of it matters most to a run, in a few words for
	// people: "MySQL 9.7.1, GTID on, TLS verified".
	Introduce(ctx context.Context) (string, error)
}

// Enlister is a source whose log holds only the tables that it was told of. Its methods may be called
// concurrently with all others.
type Enlister interface {
	// Enlist makes the log hold the changes of the tables by transactions that begin after it returns, beside those
	// of tables it was told of before. It waits for nobody. It returns those that it has put there itself, whose
	// descriptions are to be read again, since Columns.Incarnation may depend on it. ErrDenied (wrapped in a
	// HintError): the account may not change what the log holds.
	Enlist(ctx context.Context, tables []Table) (added []Table, err error)
	// Await returns when rows of a table that are read from then on, plus the log, are complete: when the
	// transactions have ended that began before the table was in the log, whoever put it there. It is called before
	// a table is copied, and may take as long as somebody's transaction.
	Await(ctx context.Context, table Table) error
}
