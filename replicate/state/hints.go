package state

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

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
	code := codeOf(err)
	switch {
	case errors.Is(err, ErrCorrupt), code == lib.SQLITE_CORRUPT, code == lib.SQLITE_NOTADB:
		return &hinted{err, "put a copy of the file back; or move it away and start with --fresh, which copies everything again"}
	case errors.Is(err, ErrNewer):
		return &hinted{err, "use that program, or name another file by --state"}
	case errors.Is(err, ErrPlace):
		return &hinted{err, "name another file by --state"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS),
		code == lib.SQLITE_PERM, code == lib.SQLITE_READONLY, code == lib.SQLITE_CANTOPEN:
		return &hinted{err, "let this user write to the file and to its folder, where two more files are kept beside it; or name a file by --state in a folder that exists and that this user may write to"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), code == lib.SQLITE_FULL, code == lib.SQLITE_IOERR:
		return &hinted{err, "make room where the file is, and look whether the disk works; then start again: it goes on from what was saved last"}
	}
	return err
}

// codeOf returns the class of SQLite's error code; 0: it is no error of SQLite.
func codeOf(err error) int {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return 0
	}
	return failed.Code() & 0xff // the rest says more of the class
}

// damaged is ErrCorrupt for what the file's content is to blame for; a file that cannot be opened or read is
// none.
func damaged(err error) error {
	switch code := codeOf(err); {
	case errors.Is(err, sql.ErrNoRows), code == lib.SQLITE_ERROR, code == lib.SQLITE_CORRUPT, code == lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
