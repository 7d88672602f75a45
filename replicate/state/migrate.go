package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// migrations[n] turns a file of format n into one of format n+1, within one transaction.
var migrations = map[int]func(context.Context, *sql.Tx) error{
	1: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ALTER TABLE plans ADD COLUMN identity TEXT NOT NULL DEFAULT '';
			ALTER TABLE letters ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;`+schema2)
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO meta VALUES ('id', ?)`, newID())
		}
		return err
	},
	2: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ALTER TABLE plans ADD COLUMN definition TEXT NOT NULL DEFAULT '';`+schema3)
		return err
	},
	3: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema4)
		return err
	},
}

// migrate brings an older file up to date and keeps a copy of it as it was, beside it. A reader
// cannot: it says which command does.
func (s *Store) migrate(ctx context.Context, found int, write bool) error {
	if !write {
		return fmt.Errorf("%w (%d, this program uses %d): the next run brings it up to date", ErrOlder, found, format)
	}
	if err := s.keepCopy(ctx, found); err != nil {
		return fmt.Errorf("keep a copy of the older format: %w", err)
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for ; found < format; found++ {
			step, known := migrations[found]
			if !known {
				return fmt.Errorf("%w: no program has written format %d", ErrCorrupt, found)
			}
			if err := step(ctx, tx); err != nil {
				return fmt.Errorf("migrate from format %d: %w", found, err)
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE meta SET value = ? WHERE name = 'format'`, fmt.Sprint(format))
		return err
	})
}

// keepCopy writes the file as it is now to path.format1. A copy that is there already was made by a
// migration that was cut off; the file has not changed since.
func (s *Store) keepCopy(ctx context.Context, found int) error {
	path := fmt.Sprintf("%s.format%d", s.path, found)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := s.db.ExecContext(ctx, `VACUUM INTO ?`, path)
	return err
}

// newID makes the name of a state, by which a target tells whose marks it holds.
func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
