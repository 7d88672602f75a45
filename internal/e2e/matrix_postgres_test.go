package e2e

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// postgresEnd is a PostgreSQL as a target, in a schema of a database of its own.
type postgresEnd struct {
	db *servertest.Database
	at string // the expression for the column at, in the words of the source
}

const endSchema = "warehouse"

func openPostgresEnd(t *testing.T, source servertest.Flavor) postgresEnd {
	t.Helper()
	return postgresEndOf(servertest.OpenSQL(t, servertest.Postgres), source)
}

// postgresEndOf is an end in a database that shows times as the source does.
func postgresEndOf(db *servertest.Database, source servertest.Flavor) postgresEnd {
	e := postgresEnd{db, `to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US')`}
	if source.IsPostgres() {
		e.at = "replace(at::text, ' ', 'T')"
	}
	return e
}

func (e postgresEnd) config() (line, prefix string) {
	return fmt.Sprintf("target: {kind: postgres, url: %q}", e.db.URL+"?sslmode=disable"), endSchema + "."
}

func (e postgresEnd) docs(t *testing.T, table string) map[string]string {
	t.Helper()
	columns := "concat_ws('|', id, v, coalesce(n::text, '<nil>'), coalesce(d::text, '<nil>'), coalesce(" + e.at + ", '<nil>'), coalesce(note, '<nil>'), '')"
	if table == "side" {
		columns = "v"
	}
	all := map[string]string{}
	if e.db.QueryString(t, "SELECT to_regclass('"+endSchema+"."+table+"') IS NULL") == "true" {
		return all
	}
	for _, row := range e.db.QueryStrings(t, "SELECT id, "+columns+" FROM "+endSchema+"."+table) {
		all[row[0]] = row[1]
	}
	return all
}

func (e postgresEnd) refuseLarge(t *testing.T) {
	t.Helper()
	e.db.Exec(t, "CREATE SCHEMA "+endSchema+"; CREATE TABLE "+endSchema+".goods (id bigint PRIMARY KEY, v text, n bigint CHECK (n <= 32767),"+
		" d numeric(12,2), at timestamp, note text)")
}

func (e postgresEnd) lose(t *testing.T) {
	t.Helper()
	e.db.Exec(t, "DROP TABLE "+endSchema+".goods")
}

func (e postgresEnd) overtake(t *testing.T, _ string) {
	t.Helper()
	t.Fatal("this target keeps no versions")
}

// away lets the server answer that its disk is full.
func (e postgresEnd) away(t *testing.T, yes bool) {
	t.Helper()
	for _, table := range []string{"goods", "side"} {
		name := endSchema + "." + table
		if !yes {
			e.db.Exec(t, "DROP TRIGGER away ON "+name)
			continue
		}
		e.db.Exec(t, "CREATE OR REPLACE FUNCTION "+endSchema+".away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$;"+
			" CREATE TRIGGER away BEFORE INSERT OR UPDATE OR DELETE ON "+name+" FOR EACH STATEMENT EXECUTE FUNCTION "+endSchema+".away()")
	}
}
