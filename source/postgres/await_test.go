package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func publicTable(name string) source.Table { return source.Table{Schema: "public", Name: name} }

// openOwner opens a database with the account that owns its tables, and whose publication is not there yet.
func openOwner(t *testing.T, d *servertest.Database) *Source {
	t.Helper()
	d.Exec(t, "DROP PUBLICATION meepo")
	return openConfig(t, configOf(t, d.URL+"?slot="+d.Name))
}

// TestEnlist: an account that owns the tables makes the publication.
func TestEnlist(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, poor *Source) {
		s := openOwner(t, d)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
		a, b := publicTable("a"), publicTable("b")
		before, err := s.Columns(t.Context(), "", a)
		if err != nil {
			t.Fatal(err)
		}
		if added, err := s.Enlist(t.Context(), []source.Table{a}); err != nil || !slices.Equal(added, []source.Table{a}) {
			t.Fatal(added, err)
		}
		if added, err := s.Enlist(t.Context(), []source.Table{a}); err != nil || len(added) > 0 {
			t.Fatal(added, err)
		}
		if after, err := s.Columns(t.Context(), "", a); err != nil || after.Incarnation == before.Incarnation {
			t.Errorf("published, the table's incarnation is still %s, %v", after.Incarnation, err)
		}
		f := follow(t, s, head(t, s), "*")
		if added, err := s.Enlist(t.Context(), []source.Table{a, b}); err != nil || !slices.Equal(added, []source.Table{b}) {
			t.Fatal(added, err)
		}
		d.Exec(t, "INSERT INTO b VALUES (2); INSERT INTO a VALUES (3)")
		f.until(head(t, s))
		if got := f.seen[len(f.seen)-2:]; got[0] != "b_write 2" || got[1] != "a_write 3" {
			t.Error(f.seen)
		}
		d.Exec(t, "CREATE TABLE c (id int PRIMARY KEY)")
		_, err = poor.Enlist(t.Context(), []source.Table{a, publicTable("c")})
		if err == nil || !strings.Contains(hintOf(err), `ALTER PUBLICATION "meepo" ADD TABLE "public"."c"`) {
			t.Errorf("%v, hint %s", err, hintOf(err))
		}
	})
}

// begun is a transaction that has run a statement and goes on.
func begun(t *testing.T, d *servertest.Database, statement string) *sql.Tx {
	t.Helper()
	tx, err := d.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return tx
}

// wantWait sees that a copy waits for a transaction, and no longer than that.
func wantWait(t *testing.T, s *Source, table source.Table, tx *sql.Tx) {
	t.Helper()
	for range 2 { // a wait that was cut short is not taken for done
		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.Await(short, table); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v; a transaction whose rows may be missing from the log was to be waited for", err)
		}
	}
	waited := make(chan error, 1)
	go func() { waited <- s.Await(t.Context(), table) }()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
}

// TestAwait: rows that a transaction wrote before their table was published are in no log, whoever published it, and
// however often. The copy waits for such a transaction, and for none of later, or of another database.
func TestAwait(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		other := servertest.OpenSQL(t, d.Flavor)
		other.Exec(t, "CREATE TABLE x (id int PRIMARY KEY)")
		s := openOwner(t, d)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
		if _, err := s.Enlist(t.Context(), []source.Table{publicTable("a")}); err != nil {
			t.Fatal(err)
		}
		f := follow(t, s, head(t, s), "*")
		begun(t, other, "INSERT INTO x VALUES (1)")
		publish := map[string]func(){
			"by us": func() {
				if _, err := s.Enlist(t.Context(), []source.Table{publicTable("b")}); err != nil {
					t.Fatal(err)
				}
			},
			"by its owner": func() { d.Exec(t, "ALTER PUBLICATION meepo ADD TABLE b") },
			"by the owner, with all tables": func() {
				d.Exec(t, "DROP PUBLICATION meepo; CREATE PUBLICATION meepo FOR ALL TABLES WITH (publish_via_partition_root)")
			},
		}
		for i, who := range []string{"by its owner", "by us", "by its owner", "by the owner, with all tables"} {
			tx := begun(t, d, "INSERT INTO b VALUES ("+[]string{"1", "2", "3", "4"}[i]+")")
			publish[who]()
			wantWait(t, s, publicTable("b"), tx)
			later := begun(t, d, "INSERT INTO a VALUES ("+[]string{"1", "2", "3", "4"}[i]+")")
			if err := s.Await(t.Context(), publicTable("b")); err != nil {
				t.Fatal(err)
			}
			if err := later.Commit(); err != nil {
				t.Fatal(err)
			}
			if i < 3 {
				d.Exec(t, "ALTER PUBLICATION meepo DROP TABLE b")
			}
		}
		f.until(head(t, s))
		t.Logf("the log had %v", f.seen)
	})
}
