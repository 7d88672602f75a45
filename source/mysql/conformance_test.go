package mysql

import (
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

func TestConformance(t *testing.T) {
	for _, f := range servertest.Flavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, sourcetest.Options{Open: func(t *testing.T) sourcetest.Subject {
				return subject(t, servertest.OpenSQL(t, f))
			}})
		})
	}
}

func subject(t *testing.T, d *servertest.Database) sourcetest.Subject {
	return sourcetest.Subject{Source: openTest(t, d), Schema: d.Name, Prepare: xa(d).prepare, End: xa(d).end, Apply: func(t testing.TB, changes []sourcetest.Change) {
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
