package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// prepareXA prepares a transaction and ends its session. If it is left, it is rolled back in the end.
func prepareXA(t *testing.T, db *servertest.Database, name string, statements ...string) {
	t.Helper()
	xid := "'" + db.Name + name + "'"
	t.Cleanup(func() {
		_, _ = db.DB.ExecContext(context.Background(), "XA ROLLBACK "+xid) // there is none any more, mostly
	})
	conn, err := db.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	if err := conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		t.Fatal(err)
	}
	for _, statement := range append(append([]string{"XA START " + xid}, statements...), "XA END "+xid, "XA PREPARE "+xid) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	db.Exec(t, fmt.Sprintf("KILL %d", id)) // a prepared transaction outlives its session
	_ = conn.Close()
}

// endXA ends a transaction from another session: COMMIT or ROLLBACK.
func endXA(t *testing.T, db *servertest.Database, name, verb string) {
	t.Helper()
	servertest.Eventually(t, longest, "the end of the session that prepared", func() (bool, error) {
		_, err := db.DB.ExecContext(t.Context(), "XA "+verb+" '"+db.Name+name+"'")
		return err == nil, err
	})
}

// TestXA has servers of its own, since every stream of a server is told of every XA transaction.
func TestXA(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		server := servertest.StartSQL(t, flavor)
		t.Run("Killed", func(t *testing.T) { xaKilled(t, server) })
		t.Run("BeforeTheFirstRun", func(t *testing.T) { xaBeforeTheFirstRun(t, server) })
		t.Run("Events", func(t *testing.T) { xaEvents(t, server) })
	})
}

// xaKilled prepares transactions while the program follows, kills it and the server between their two
// phases, and ends them while it follows again.
func xaKilled(t *testing.T, server *servertest.PrivateSQL) {
	g := goodsBetween(t, server.Open(t), servertest.OpenElastic(t), 200)
	r := g.start()
	r.awaitLog(t, "backfill done")
	before := statusOf(t, g.dir, g.env).Position
	prepareXA(t, g.db, "x", "INSERT INTO goods (id, v) VALUES (1001, 'new 1')", "UPDATE goods SET v = 'changed 1' WHERE id = 5",
		"DELETE FROM goods WHERE id = 7", "UPDATE goods SET id = 1009 WHERE id = 9")
	prepareXA(t, g.db, "y", "INSERT INTO goods (id, v) VALUES (1002, 'new 2')", "DELETE FROM goods WHERE id = 8")
	g.sentinel(r)
	r.await(t, "a position behind the prepared transactions", func() (bool, error) {
		s := statusOf(t, g.dir, g.env)
		return len(s.Prepared) == 2 && s.Position != before, fmt.Errorf("%+v", s)
	})
	if s := statusOf(t, g.dir, g.env); s.Prepared[0].Changes != 5 || s.Prepared[1].Changes != 2 {
		t.Errorf("prepared: %+v", s.Prepared)
	}
	kill(t, r)
	server.Kill(t)
	server.Start(t)
	r = g.start()
	endXA(t, g.db, "y", "ROLLBACK")
	endXA(t, g.db, "x", "COMMIT")
	g.sentinel(r)
	r.stop(g.t)
	g.equal()
	if log := r.stderr.String(); strings.Contains(log, "backfill begins") || strings.Contains(log, "is unknown") {
		t.Error("a transaction was forgotten, and the table copied anew")
	}
	if s := statusOf(t, g.dir, g.env); len(s.Prepared) != 0 {
		t.Errorf("still prepared: %+v", s.Prepared)
	}
}

// xaBeforeTheFirstRun commits what was prepared before anybody followed: the table is copied anew.
// Without GTID its first copy has to wait for that commit, since reads lock.
func xaBeforeTheFirstRun(t *testing.T, server *servertest.PrivateSQL) {
	g := goodsBetween(t, server.Open(t), servertest.OpenElastic(t), 200)
	prepareXA(t, g.db, "x", "INSERT INTO goods (id, v) VALUES (1001, 'new 1')", "UPDATE goods SET v = 'changed 1' WHERE id = 5", "DELETE FROM goods WHERE id = 7")
	r := g.start()
	if server.Flavor == servertest.MySQLNoGTID {
		r.awaitLog(t, "backfill begins")
	} else {
		r.awaitLog(t, "backfill done")
	}
	endXA(t, g.db, "x", "COMMIT")
	r.awaitLog(t, "what it has changed is unknown")
	r.awaitLog(t, "sweep done")
	g.sentinel(r)
	r.stop(g.t)
	g.finish()
	g.equal()
	// MySQL shows prepared transactions to few accounts.
	if warned := strings.Contains(r.stderr.String(), "XA transactions are prepared now"); warned != (server.Flavor == servertest.MariaDB) {
		t.Errorf("warned at the start: %v", warned)
	}
}

// xaEvents writes what an XA transaction has changed when it commits, so that its position delivers
// all of it again. Of one that was prepared before, all that can be said is that there is a gap.
func xaEvents(t *testing.T, server *servertest.PrivateSQL) {
	db := server.Open(t)
	db.Exec(t, "CREATE TABLE test (id INT PRIMARY KEY)")
	args := []string{"events", "--source=" + db.ReplURL, "--tables=" + db.Name + ".test"}
	r := invocation{args: args}.start(t)
	r.awaitLog(t, "events follow")
	prepareXA(t, db, "x", "INSERT INTO test VALUES (1)", "INSERT INTO test VALUES (2)")
	prepareXA(t, db, "y", "INSERT INTO test VALUES (3)")
	db.Exec(t, "INSERT INTO test VALUES (4)")
	r.awaitLines(t, 1)
	late := invocation{args: append(args[:3:3], "--format=plain")}.start(t)
	late.awaitLog(t, "events follow")
	endXA(t, db, "y", "ROLLBACK")
	endXA(t, db, "x", "COMMIT")
	db.Exec(t, "INSERT INTO test VALUES (5)")
	want := []string{"test_write 4", "test_write 1", "test_write 2", "test_write 5"}
	list := parseEvents(t, r.awaitLines(t, 4))
	if diff := cmp.Diff(want, plain(list)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"test_gap", "test_write 5"}, late.awaitLines(t, 2)); diff != "" {
		t.Errorf("begun between: %s", diff)
	}
	again := invocation{args: append(args[:3:3], "--format=plain", "--from="+list[1].Position, "--until=now")}.run(t)
	if diff := cmp.Diff(want, again.stdout.lines()); diff != "" {
		t.Errorf("from %s: %s", list[1].Position, diff)
	}
}
