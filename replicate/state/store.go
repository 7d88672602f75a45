package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver "sqlite", pure Go so that the binary stays static
)

// format is the version of the tables below. A file with a higher one was written by a newer
// program and is refused.
const format = 4

const schema = `
CREATE TABLE meta      (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE position  (one INTEGER PRIMARY KEY CHECK (one = 1), position TEXT NOT NULL, fence TEXT NOT NULL,
                        committed_us INTEGER NOT NULL, saved_us INTEGER NOT NULL);
CREATE TABLE plans     (plan TEXT PRIMARY KEY, source TEXT NOT NULL, destination TEXT NOT NULL,
                        fingerprint TEXT NOT NULL, identity TEXT NOT NULL DEFAULT '', definition TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE ranges    (plan TEXT NOT NULL, number INTEGER NOT NULL, rest TEXT NOT NULL, rows INTEGER NOT NULL,
                        PRIMARY KEY (plan, number)) WITHOUT ROWID;
CREATE TABLE jobs      (id INTEGER PRIMARY KEY, plan TEXT NOT NULL, kind TEXT NOT NULL,
                        reason TEXT NOT NULL, UNIQUE (plan, kind));
CREATE TABLE letters   (plan TEXT NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, document TEXT NOT NULL,
                        reason TEXT NOT NULL, at_us INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 1,
                        PRIMARY KEY (plan, key)) WITHOUT ROWID;
CREATE TABLE leases    (low INTEGER PRIMARY KEY, high INTEGER NOT NULL);
` + schema2 + schema3 + schema4

// schema2 is what format 2 has beyond format 1, but for the columns plans.identity and letters.tries.
const schema2 = `
CREATE TABLE parked    (plan TEXT PRIMARY KEY, source TEXT NOT NULL, destination TEXT NOT NULL, reason TEXT NOT NULL,
                        advice TEXT NOT NULL, position TEXT NOT NULL, at_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE requests  (id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, plan TEXT NOT NULL, key BLOB NOT NULL,
                        at_us INTEGER NOT NULL);
CREATE TABLE held      (xid TEXT NOT NULL, number INTEGER NOT NULL, source_schema TEXT NOT NULL, source_name TEXT NOT NULL,
                        action INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (xid, number)) WITHOUT ROWID;
CREATE INDEX letters_by_age ON letters (at_us, plan, key);
`

// schema3 is what format 3 has beyond format 2, but for the column plans.definition.
const schema3 = `
ALTER TABLE parked ADD COLUMN was TEXT NOT NULL DEFAULT '';
CREATE TABLE left_out  (plan TEXT PRIMARY KEY) WITHOUT ROWID;
`

// schema4 is what format 4 has beyond format 3.
const schema4 = `
ALTER TABLE ranges ADD COLUMN comparing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN comparing INTEGER NOT NULL DEFAULT 0;
`

// ErrCorrupt: the file is not a state file, or holds what cannot be.
var ErrCorrupt = errors.New("state file is corrupt")

// ErrNewer: the file was written by a newer program.
var ErrNewer = errors.New("state file was written by a newer program")

// ErrOlder: the file is of an older format, which only a run brings up to date.
var ErrOlder = errors.New("state file is of an older format")

// Store is an open state file. Its methods may be called concurrently.
type Store struct {
	db   *sql.DB
	lock *os.File

	path  string // as it was named
	place string // where it is
}

// Open opens the state file for writing and makes it where there is none. A second process on the
// same file is refused with the pid of the first; so is a file that a newer program wrote, or one
// that is no state file. A damaged file is never started over silently.
func Open(ctx context.Context, path string) (*Store, error) {
	place, err := settled(path, true)
	if err != nil {
		return nil, advised(fmt.Errorf("open state file %s: %w", path, err))
	}
	lock, err := takeLock(place + ".lock")
	if err != nil {
		return nil, advised(err)
	}
	s := &Store{lock: lock, path: path, place: place}
	if err := s.open(ctx, "rwc"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens an existing state file for reading only, also while another process writes it. A
// missing file is an error wrapping fs.ErrNotExist, one of an older format is ErrOlder.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	return openExisting(ctx, path, "ro")
}

func openExisting(ctx context.Context, path, mode string) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open state file %s: %w", path, fs.ErrNotExist)
	}
	place, err := settled(path, mode != "ro")
	if err != nil {
		return nil, advised(fmt.Errorf("open state file %s: %w", path, err))
	}
	s := &Store{path: path, place: place}
	if err := s.open(ctx, mode); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, mode string) error {
	query := url.Values{"mode": {mode}, "_pragma": {"busy_timeout(10000)"}}
	if mode != "ro" {
		query.Add("_pragma", "journal_mode(WAL)")
		query.Add("_pragma", "synchronous(FULL)")
		query.Set("_txlock", "immediate")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.place}).EscapedPath(), RawQuery: query.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("open state file %s: %w", s.path, err)
	}
	db.SetMaxOpenConns(1)
	s.db = db
	if err := s.prepare(ctx, mode == "rwc"); err != nil {
		return advised(fmt.Errorf("open state file %s: %w", s.path, err))
	}
	return nil
}

// prepare makes the tables in an empty file and checks the format of one that is not.
func (s *Store) prepare(ctx context.Context, create bool) error {
	var tables int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return damaged(err)
	}
	if tables == 0 && create {
		return s.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, schema); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES ('format', ?), ('id', ?)`, fmt.Sprint(format), newID())
			return err
		})
	}
	if tables == 0 { // a run is making it just now, or was killed before it had
		return fmt.Errorf("it is empty: %w", fs.ErrNotExist)
	}
	var found int
	if err := s.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'format'`).Scan(&found); err != nil {
		return fmt.Errorf("no format in it: %w", damaged(err))
	}
	if found > format {
		return fmt.Errorf("%w (format %d, this one knows up to %d)", ErrNewer, found, format)
	}
	if found < format {
		return s.migrate(ctx, found, create)
	}
	return nil
}

func (s *Store) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Path returns the path that the file was opened by.
func (s *Store) Path() string { return s.path }

// Close closes the file and gives up the lock. It may be called twice.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}
