package postgres_test

import (
	"errors"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// TestVersions_NotWritten: what the server has not written is not said to be, whatever stands in the row.
func TestVersions_NotWritten(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, v text);"+
		" CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF coalesce(new.id, old.id) >= 100 THEN RETURN NULL; END IF; RETURN coalesce(new, old); END $$")
	target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", VersionColumn: "version"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close(t.Context()) }()
	dest := &targets.Destination{Name: "public.a", Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
	prepare(t, target, dest)
	op := func(verb targets.Verb, id targets.ID, version int64) targets.Op {
		op := targets.Op{Verb: verb, Dest: dest, ID: id, Version: version}
		if verb == targets.Upsert {
			op.Doc = []any{"ours"}
		}
		return op
	}
	const up, del = targets.Upsert, targets.Delete
	t.Run("somebody else's row of the same version", func(t *testing.T) {
		d.Exec(t, "INSERT INTO a VALUES (1, 'theirs', 7), (2, 'theirs', 6), (3, 'theirs', 8)")
		targettest.ExpectFailures(t, target, []targets.Op{op(up, "1", 7), op(up, "2", 7), op(up, "3", 7), op(up, "4", 7)}, "0 4 ", "2 4 ")
		targettest.ExpectFailures(t, target, []targets.Op{op(up, "1", 8), op(up, "3", 9)})
	})
	t.Run("a trigger that skips rows", func(t *testing.T) {
		d.Exec(t, "INSERT INTO a VALUES (101, 'theirs', 1), (102, 'theirs', 1)")
		d.Exec(t, "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION skip()")
		targettest.ExpectFailures(t, target, []targets.Op{op(up, "100", 5), op(up, "5", 5), op(up, "101", 5)}, "0 2 ", "2 2 ")
		targettest.ExpectFailures(t, target, []targets.Op{op(del, "5", 6), op(del, "102", 5), op(del, "6", 5)}, "1 2 ")
	})
}

// TestVersions_Unfit: a column that cannot hold every version is none.
func TestVersions_Unfit(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	for name, column := range map[string]string{"rounded": "numeric(20,-3)", "identity": "bigint GENERATED ALWAYS AS IDENTITY", "narrow": "integer"} {
		d.Exec(t, "CREATE TABLE "+name+" (id bigint PRIMARY KEY, version "+column+")")
		target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", VersionColumn: "version"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = target.Close(t.Context()) }()
		err = target.Prepare(t.Context(), []*targets.Destination{{Name: "public." + name, Key: intKey, Fields: intKey}})
		if !errors.Is(err, targets.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
