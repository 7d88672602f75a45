package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
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
