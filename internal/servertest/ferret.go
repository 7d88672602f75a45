package servertest

import (
	"fmt"
	"net/url"
	"testing"
)

// ferretIndexes makes an index for each collection that FerretDB 1 can use to find a document by its _id: its own cannot be,
// so that every write reads the whole collection.
const ferretIndexes = `CREATE FUNCTION public.ferret_index() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE TABLE' LOOP
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = r.objid AND attname = '_jsonb') THEN
      EXECUTE format('CREATE INDEX ON %%s USING gin ((_jsonb->''_id'') jsonb_path_ops) WITH (fastupdate = off)', r.object_identity);
    END IF;
  END LOOP;
END $$;
CREATE EVENT TRIGGER ferret_index ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.ferret_index();
CREATE ROLE %[1]s SUPERUSER LOGIN PASSWORD 'ferret';
ALTER ROLE %[1]s SET plan_cache_mode = force_custom_plan;
ALTER ROLE %[1]s SET enable_seqscan = off`

// PrivateFerret is a FerretDB of one test's own, which keeps its data and its port over Kill and Start. It is slow, and
// knows not all types. It is killed when the test ends.
type PrivateFerret struct {
	URL    string // mongodb://host:port, without a slash at the end
	server *server
}

// StartFerret starts one on a database of a PostgreSQL, which goes when the test ends.
func StartFerret(t testing.TB) *PrivateFerret {
	t.Helper()
	d, user := OpenSQL(t, Postgres), randomName("f")
	d.Exec(t, "DROP PUBLICATION IF EXISTS meepo") // which would want a replica identity of its tables
	d.Exec(t, fmt.Sprintf(ferretIndexes, user))
	t.Cleanup(func() {
		if _, err := d.DB.Exec("DROP OWNED BY " + user + " CASCADE; DROP ROLE " + user); err != nil {
			t.Errorf("servertest: drop the role of FerretDB: %v", err)
		}
	})
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	at.User = url.UserPassword(user, "ferret")
	s := newServer(t, "FerretDB")
	s.start = func([]string) []string {
		return []string{"ferretdb.sh", "start", s.dir, fmt.Sprint(s.port), at.String()}
	}
	s.stop = []string{"ferretdb.sh", "stop"}
	p := &PrivateFerret{URL: fmt.Sprintf("mongodb://127.0.0.1:%d", s.port), server: s}
	s.run(t)
	return p
}

// Start starts the server again with its data. It returns when the server answers.
func (p *PrivateFerret) Start(t testing.TB) {
	t.Helper()
	p.server.run(t)
}

// Kill ends the server's process at once, as in a crash. Its PostgreSQL lives.
func (p *PrivateFerret) Kill(t testing.TB) {
	t.Helper()
	p.server.end(t, "-9")
}

// Open returns a database of a random name on the server.
func (p *PrivateFerret) Open() *Mongo {
	return &Mongo{URL: p.URL, Name: randomName("t")}
}
