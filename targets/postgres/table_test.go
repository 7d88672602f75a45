package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// TestPrepare_Unlogged: the server empties such tables after a crash, and says nothing.
func TestPrepare_Unlogged(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE UNLOGGED TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id bigint PRIMARY KEY) PARTITION BY RANGE (id);"+
		" CREATE TABLE b1 PARTITION OF b FOR VALUES FROM (0) TO (9); CREATE UNLOGGED TABLE b2 PARTITION OF b FOR VALUES FROM (9) TO (99)")
	target := openTarget(t, d)
	for name, table := range map[string]string{"public.a": "public.a", "public.b": "public.b2"} {
		dest := &targets.Destination{Name: name, Key: intKey, Fields: intKey}
		err := target.Prepare(t.Context(), []*targets.Destination{dest})
		var hint *targets.HintError
		if !errors.Is(err, targets.ErrMismatch) || !errors.As(err, &hint) || hint.Advice != "ALTER TABLE "+table+" SET LOGGED" {
			t.Errorf("%s: %v, %+v", name, err, hint)
		}
		if err != nil && !strings.Contains(err.Error(), table+" is unlogged") {
			t.Errorf("%s: %v", name, err)
		}
		d.Exec(t, "ALTER TABLE "+table+" SET LOGGED")
		prepare(t, target, dest)
	}
}

// TestOpen_SynchronousCommit: what is written is durable, whatever the database or the account is set to; what is stronger stays.
func TestOpen_SynchronousCommit(t *testing.T) {
	for set, want := range map[string]string{"off": "on", "local": "local", "on": "on", "remote_apply": "remote_apply"} {
		t.Run(set, func(t *testing.T) {
			d := servertest.OpenSQL(t, servertest.Postgres)
			d.Exec(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = "+set+"', current_database()); END $$")
			d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, how text);"+
				" CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.how := current_setting('synchronous_commit'); RETURN new; END $$;"+
				" CREATE TRIGGER see BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION see()")
			target, dest := openTarget(t, d), &targets.Destination{Name: "public.a", Key: intKey, Fields: intKey}
			prepare(t, target, dest)
			targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", int64(1))})
			if got := d.QueryString(t, "SELECT how FROM a"); got != want {
				t.Errorf("synchronous_commit is %s, want %s", got, want)
			}
		})
	}
}

// TestScanIDs_WiderKey: a table of their own has a bigint where the source has an integer, and rows that the source cannot have.
func TestScanIDs_WiderKey(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'a'), (3000000000, 'b'), (3000000001, 'c')")
	key := []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "int", Bits: 32, Key: true}}
	target := openTarget(t, d)
	for _, column := range []string{"", "version"} {
		if column != "" {
			var err error
			if target, err = postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", VersionColumn: column}); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = target.Close(t.Context()) }()
		}
		dest := &targets.Destination{Name: "public.a", Key: key, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
		prepare(t, target, dest)
		ids, cursor, err := target.ScanIDs(t.Context(), dest.Name, "", 2)
		if err != nil || len(ids) != 2 || ids[1] != "3000000000" {
			t.Fatalf("ids %q, %v", ids, err)
		}
		if ids, _, err = target.ScanIDs(t.Context(), dest.Name, cursor, 2); err != nil || len(ids) != 1 || ids[0] != "3000000001" {
			t.Errorf("the next page: %q, %v", ids, err)
		}
		docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"1", "3000000000"})
		if err != nil || !docs[0].Found || !docs[1].Found {
			t.Errorf("read: %+v, %v", docs, err)
		}
	}
	// A delete that is compared for its version reads by the key, too.
	d.Exec(t, "UPDATE a SET version = 9 WHERE id = 3000000000")
	dest := &targets.Destination{Name: "public.a", Key: key, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
	remove := targets.Op{Verb: targets.Delete, Dest: dest, ID: "3000000000", Version: 5}
	targettest.ExpectFailures(t, target, []targets.Op{remove}, "0 4 ")
	remove.Version = 10
	targettest.ExpectFailures(t, target, []targets.Op{remove})
	if n := d.QueryInt(t, "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows", n)
	}
}
