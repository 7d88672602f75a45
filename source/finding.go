package source

import "errors"

// Errors that callers branch on. Drivers wrap them with what they know.
var (
	// ErrPositionLost: the log no longer holds what follows the position. Only a new backfill helps.
	ErrPositionLost = errors.New("position lost")
	// ErrNoTable: the table does not exist.
	ErrNoTable = errors.New("no such table")
	// ErrDenied: the account may not read this table, or not see it. Others may be fine.
	ErrDenied = errors.New("table may not be read")
	// ErrStale: a table or column has changed since the selection was compiled; compile again.
	ErrStale = errors.New("table definition changed")
)

// HintError adds to an error what an operator can do about it. Whoever shows errors asks for
// interface{ Hint() string } along the chain.
type HintError struct {
	Err    error
	Advice string // a sentence or a command
}

// Error returns the cause's text; the hint is shown apart.
func (e *HintError) Error() string { return e.Err.Error() }

// Hint returns what to do.
func (e *HintError) Hint() string { return e.Advice }

// Unwrap returns the cause.
func (e *HintError) Unwrap() error { return e.Err }

// Severity grades a finding.
type Severity uint8

// The severities.
const (
	Note    Severity = iota + 1 // good to know
	Warning                     // works, but something may be lost or slow
	Fatal                       // a run would fail or lose rows
)

// Finding is one result of a preflight.
type Finding struct {
	Severity Severity
	Subject  string // a setting, a grant, a table: "binlog_format", "shop.orders"
	Message  string // what is wrong
	Fix      string // what to run or change
}
