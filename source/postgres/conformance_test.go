package postgres

import (
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

func TestConformance(t *testing.T) {
	for _, f := range servertest.PostgresFlavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, sourcetest.Options{Open: func(t *testing.T) sourcetest.Subject {
				return subject(t, servertest.OpenSQL(t, f))
			}})
		})
	}
}

func subject(t *testing.T, d *servertest.Database) sourcetest.Subject {
	d.Exec(t, Triggers)
	src := openTest(t, d)
	if _, _, err := src.Head(t.Context()); err != nil { // the slot is there before the first change
		t.Fatal(err)
	}
	keepOld := func(t testing.TB, table source.Table) {
		d.Exec(t, "ALTER TABLE "+table.String()+" REPLICA IDENTITY FULL")
	}
	return sourcetest.Subject{Source: src, Schema: "public", KeepOld: keepOld, Apply: func(t testing.TB, changes []sourcetest.Change) {
		t.Helper()
		tx, err := d.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		for _, change := range changes {
			if _, err := tx.ExecContext(t.Context(), change.SQL()); err != nil {
				t.Fatalf("%s: %v", change.SQL(), err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}}
}
