package postgres

import (
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestSearchPath: what an account takes for all names without a schema changes neither types' names nor what is read, on
// whichever server: those of the standby's account may be others.
func TestSearchPath(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, `CREATE SCHEMA s; CREATE TYPE s."My Mood" AS ENUM ('sad', 'happy'); CREATE DOMAIN s.few AS int CHECK (VALUE < 10); CREATE TYPE s.inet AS (n int);
CREATE FUNCTION s.now() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE a (m s."My Mood", n s.few, i s.inet, c regclass, v text[], PRIMARY KEY (m, n)); INSERT INTO a VALUES ('happy', 1, ROW(1), 'a', '{x}'), ('sad', 2, NULL, NULL, NULL);
CREATE TABLE b (m s."My Mood" PRIMARY KEY); INSERT INTO b VALUES ('happy'); ANALYZE a; GRANT USAGE ON SCHEMA s TO repl`)
		for _, path := range []string{"public", "s, public, pg_catalog"} {
			d.Exec(t, "ALTER ROLE repl IN DATABASE "+d.Name+" SET search_path = "+path)
			s := openTest(t, d)
			sel := everything(t, s, publicTable("a"))
			for i, want := range []string{`s."My Mood"`, "s.few", "s.inet", "regclass", "text[]"} {
				if got := sel.Columns[i].Type.Native; got != want {
					t.Errorf("%s: column %d is of the type %s, want %s", path, i, got, want)
				}
			}
			key, err := source.NewKey("happy", int64(1))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.ReadRows(t.Context(), "", sel, []source.Key{key})
			if err != nil || !rows[0].Found || rows[0].Values[3] != "public.a" || rows[0].Values[2] != `{"n":1}` {
				t.Errorf("%s: %+v, %v", path, rows, err)
			}
			ranges, err := s.Split(t.Context(), "", sel, 3)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, r := range ranges {
				rows, _, err := s.ScanRows(t.Context(), "", sel, r, 10)
				if err != nil {
					t.Error(err)
				}
				n += len(rows)
			}
			if n != 2 {
				t.Errorf("%s: %d rows in %d ranges, want 2", path, n, len(ranges))
			}
			if key, err = source.NewKey("happy"); err != nil {
				t.Fatal(err)
			}
			if rows, err := s.ReadRows(t.Context(), "", everything(t, s, publicTable("b")), []source.Key{key}); err != nil || !rows[0].Found {
				t.Errorf("%s: by an enum alone: %+v, %v", path, rows, err)
			}
			if _, err := s.Check(t.Context(), []source.Table{sel.Table}); err != nil {
				t.Error(err)
			}
		}
	})
}
