package state

import (
	"errors"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

// Unwrap returns the error itself.
func (e *hinted) Unwrap() error { return e.error }

// Hint says what to do, for whoever shows the error to people.
func (e *hinted) Hint() string { return e.hint }

// advised adds what to do about an error of the file, where that is known.
func advised(err error) error {
	var failed *sqlite.Error
	switch {
	case errors.Is(err, ErrCorrupt):
		return &hinted{err, "put a copy of the file back; or move it away and start with --fresh, which copies everything again"}
	case errors.Is(err, ErrNewer):
		return &hinted{err, "use that program, or name another file by --state"}
	case errors.As(err, &failed) && (failed.Code() == lib.SQLITE_FULL || failed.Code()&0xff == lib.SQLITE_IOERR): // low byte: the class
		return &hinted{err, "make room where the file is, and look whether the disk works; then start again: it goes on from what was saved last"}
	}
	return err
}
