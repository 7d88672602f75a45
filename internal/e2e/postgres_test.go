package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// tablesOf is a PostgreSQL database of which all tables are replicated, each into the index of its own name.
type tablesOf struct {
	t      *testing.T
	db     *servertest.Database
	target *servertest.Elastic
	dir    string
}

func newTablesOf(t *testing.T, statements string) *tablesOf {
	t.Helper()
	x := &tablesOf{t: t, db: servertest.OpenSQL(t, servertest.Postgres).InSchema(t), target: servertest.OpenElastic(t)}
	x.db.Exec(t, statements)
	x.dir = in(t, fmt.Sprintf("version: 1\non_schema_change: evolve\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\ntables: ['%s.*']\n", x.db.ReplURL, x.target.URL, x.db.Name))
	return x
}

// drop deletes the indices, whose names are not those that the test's others begin with.
func (x *tablesOf) drop() {
	for _, table := range []string{"a", "b", "c", "p"} {
		x.target.Do(x.t, "DELETE", "/"+x.db.Name+"."+table+"-000001", nil)
	}
}

func (x *tablesOf) start(args ...string) *running {
	x.t.Helper()
	return invocation{args: args, dir: x.dir}.start(x.t)
}

// differ compares a table with its index, by id and v.
func (x *tablesOf) differ(table string) error {
	index := x.db.Name + "." + table
	if status, _ := x.target.Do(x.t, "HEAD", "/"+index, nil); status != 200 {
		return fmt.Errorf("%s has no index", table)
	}
	docs := x.target.Docs(x.t, index)
	rows := x.db.QueryStrings(x.t, "SELECT id, v FROM "+table)
	for _, row := range rows {
		if doc, ok := docs[row[0]]; !ok || fmt.Sprint(doc["v"]) != row[1] {
			return fmt.Errorf("%s: row %v, document %v", table, row, doc)
		}
	}
	if len(docs) != len(rows) {
		return fmt.Errorf("%s: %d rows, %d documents", table, len(rows), len(docs))
	}
	return nil
}

// awaitEqual waits until tables and indices are the same.
func (x *tablesOf) awaitEqual(r *running, tables ...string) {
	x.t.Helper()
	r.await(x.t, "equal tables", func() (bool, error) {
		for _, table := range tables {
			if err := x.differ(table); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// TestPostgres_Definitions changes rows in ways that a log of rows does not tell, during a run and while none is on,
// with the triggers that make up for it and without.
func TestPostgres_Definitions(t *testing.T) {
	triggers := invocation{args: []string{"source", "triggers"}}.run(t)
	if code := triggers.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for name, sql := range map[string]string{"looked at": "", "told by triggers": triggers.stdout.String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTablesOf(t, "CREATE TABLE a (id int PRIMARY KEY, v varchar(20)); INSERT INTO a VALUES (1, 'one'), (2, 'two'); CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); "+
				"CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); INSERT INTO p VALUES (1, 'p one'), (2, 'p two')")
			defer x.drop()
			if sql != "" {
				x.db.Exec(t, sql)
			}
			r := x.start()
			x.awaitEqual(r, "a", "p")
			x.db.Exec(t, "CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b VALUES (1, 'b one')")
			x.db.Exec(t, "ALTER TABLE a ALTER v TYPE varchar(30) USING upper(v)")
			x.db.Exec(t, "CREATE TABLE p2 (id int PRIMARY KEY, v text); INSERT INTO p2 VALUES (150, 'p far')")
			x.db.Exec(t, "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200)")
			x.awaitEqual(r, "a", "b", "p")
			x.db.Exec(t, "UPDATE b SET v = 'b more'; UPDATE p SET v = 'p farther' WHERE id = 150; TRUNCATE p1")
			x.awaitEqual(r, "a", "b", "p")
			x.db.Exec(t, "ALTER TABLE b RENAME TO c; INSERT INTO c VALUES (2, 'c two')")
			x.awaitEqual(r, "a", "c", "p")
			r.stop(t)

			x.db.Exec(t, "DROP TABLE c; CREATE TABLE c (id int PRIMARY KEY, v text); INSERT INTO c VALUES (7, 'another table')")
			x.db.Exec(t, "ALTER TABLE a ALTER v TYPE varchar(20) USING lower(v); UPDATE a SET v = 'TWO' WHERE id = 2")
			x.db.Exec(t, "INSERT INTO p VALUES (5, 'p five'); ALTER TABLE p DETACH PARTITION p2")
			r = x.start()
			x.awaitEqual(r, "a", "c", "p")
			r.stop(t)

			x.db.Exec(t, "TRUNCATE p1")
			r = x.start()
			x.awaitEqual(r, "a", "c", "p")
			r.stop(t)
		})
	}
}

// TestPostgres_Unpublished takes a table out of the publication for a while, during a run and while none is on: it is
// published again, and copied anew, since its changes meanwhile are in no log.
func TestPostgres_Unpublished(t *testing.T) {
	x := newTablesOf(t, "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, 'three'); INSERT INTO b SELECT id, v FROM a; DROP PUBLICATION meepo")
	defer x.drop()
	x.dir = in(t, fmt.Sprintf("version: 1\nsource: {url: %q, slot: %s}\ntarget: {kind: elastic, url: %q}\ntables: ['%s.*']\n", x.db.URL, x.db.Name, x.target.URL, x.db.Name))
	r := x.start()
	x.awaitEqual(r, "a", "b")
	unpublish := "ALTER PUBLICATION meepo DROP TABLE " + x.db.Name + ".a"
	x.db.Exec(t, unpublish)
	x.db.Exec(t, "UPDATE a SET v = 'not told' WHERE id = 1; DELETE FROM a WHERE id = 2; UPDATE b SET v = 'told'")
	x.awaitEqual(r, "a", "b")
	x.db.Exec(t, "UPDATE a SET v = 'told again'")
	x.awaitEqual(r, "a", "b")
	r.stop(t)
	x.db.Exec(t, unpublish)
	x.db.Exec(t, "UPDATE a SET v = 'not told either' WHERE id = 1; DELETE FROM a WHERE id = 3")
	r = x.start()
	x.awaitEqual(r, "a", "b")
	r.stop(t)
	x.db.Exec(t, "ALTER PUBLICATION meepo SET (publish = 'insert')")
	x.db.Exec(t, "DELETE FROM a WHERE id = 1")
	r = x.start()
	if code := r.wait(t); code == 0 {
		t.Error("a publication without deletes was taken")
	}
	r.awaitLog(t, "what to do: ALTER PUBLICATION \"meepo\" SET (publish = ")
	x.db.Exec(t, "ALTER PUBLICATION meepo SET (publish = 'insert, update, delete, truncate')")
	r = x.start()
	x.awaitEqual(r, "a", "b")
	r.stop(t)
}

// TestPostgres_SlotLost drops the replication slot, under a run and between two: what came since is gone. A fresh
// copy makes a new one, and is equal.
func TestPostgres_SlotLost(t *testing.T) {
	g := newGoods(t, servertest.Postgres, 500)
	r := g.start()
	r.awaitLog(t, "backfill done")
	g.sentinel(r)
	drop := "SELECT pg_drop_replication_slot('" + g.db.Name + "')"
	servertest.Eventually(t, longest, "the slot to be dropped", func() (bool, error) {
		g.db.Exec(t, "SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE active AND slot_name = '"+g.db.Name+"'")
		_, err := g.db.DB.ExecContext(t.Context(), drop)
		return err == nil, err
	})
	g.db.Exec(t, "DELETE FROM goods WHERE id = 7")
	for _, again := range []func() *running{func() *running { return r }, func() *running { return g.start() }, func() *running { return g.start("--once") }} {
		r := again()
		if code := r.wait(t); code != 3 {
			t.Errorf("exit code %d, want 3", code)
		}
		r.awaitLog(t, "position lost")
		r.awaitLog(t, "or start with --fresh")
	}
	r = g.start("--once", "--fresh")
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	r.awaitLog(t, "meepo-replicate source drop-slot")
	g.equal()
	for _, want := range []string{"slot " + g.db.Name + " dropped\n", "there is no slot " + g.db.Name + "\n"} {
		r := invocation{args: []string{"source", "drop-slot"}, dir: g.dir, env: g.env}.run(t)
		if code := r.wait(t); code != 0 || r.stdout.String() != want {
			t.Errorf("drop-slot: exit code %d, %q", code, r.stdout)
		}
	}
}

// TestPostgres_TwoPhase kills the process between the two phases of transactions: what they changed comes with
// their commit.
func TestPostgres_TwoPhase(t *testing.T) {
	g := newGoods(t, servertest.Postgres, 100)
	r := g.start()
	r.awaitLog(t, "backfill done")
	name := func(n int) string { return fmt.Sprintf("'%s_%d'", g.db.Name, n) }
	g.db.Exec(t, "BEGIN; INSERT INTO goods (id, v) VALUES (1001, 'prepared'); DELETE FROM goods WHERE id = 1; PREPARE TRANSACTION "+name(1))
	g.db.Exec(t, "BEGIN; INSERT INTO goods (id, v) VALUES (1002, 'prepared'); DELETE FROM goods WHERE id = 2; PREPARE TRANSACTION "+name(2))
	g.sentinel(r)
	kill(t, r)
	g.db.Exec(t, "COMMIT PREPARED "+name(1))
	r = g.start()
	g.sentinel(r)
	g.db.Exec(t, "ROLLBACK PREPARED "+name(2))
	g.sentinel(r)
	r.stop(t)
	g.equal()
}

// TestPostgres_IdleSlot: while another database of the server writes and ours is idle, the server need not keep
// what was written: the slot moves on.
func TestPostgres_IdleSlot(t *testing.T) { idleSlot(t, 100) }

func idleSlot(t *testing.T, megabytes int) {
	server := servertest.StartSQL(t, servertest.Postgres)
	g := goodsBetween(t, server.Open(t).InSchema(t), servertest.OpenElastic(t), 10)
	other := server.Open(t)
	other.Exec(t, "CREATE TABLE filler (v text)")
	r := g.start()
	r.awaitLog(t, "backfill done")
	behind := func(what string) int64 {
		return g.db.QueryInt(t, "SELECT (pg_current_wal_lsn() - "+what+")::bigint FROM pg_replication_slots WHERE slot_name = '"+g.db.Name+"'")
	}
	most, wal := int64(0), g.db.QueryString(t, "SELECT pg_current_wal_lsn()")
	written := func() int64 { return g.db.QueryInt(t, "SELECT pg_current_wal_lsn() - '"+wal+"'") >> 20 }
	for written() < int64(megabytes) {
		other.Exec(t, "INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 10000) i") // about 10 MB
		r.await(t, "the slot to follow", func() (bool, error) {
			other.Exec(t, "CHECKPOINT") // which says in the log what runs, as the server does every few seconds
			now := behind("restart_lsn")
			return now < 16<<20, fmt.Errorf("%d bytes are kept, %d are not acknowledged", now, behind("confirmed_flush_lsn"))
		})
		most = max(most, behind("restart_lsn"))
	}
	t.Logf("%d MB of WAL written elsewhere, at most %.1f MB kept for the slot", written(), float64(most)/(1<<20))
	g.sentinel(r)
	r.stop(t)
	g.equal()
	if strings.Contains(r.stderr.String(), "reconnecting") {
		t.Error("the connection was lost")
	}
}

// TestPostgres_GrantTakenAway takes the account's right to read one table away, under a writer: it is parked, and the log
// goes on for the other.
func TestPostgres_GrantTakenAway(t *testing.T) {
	source := openSQLEnd(t, servertest.Postgres)
	db, user := source.db, "u"+source.db.Name[2:]
	db.Exec(t, fmt.Sprintf("CREATE ROLE %[1]s LOGIN REPLICATION PASSWORD 'hunter1'; GRANT USAGE ON SCHEMA %[2]s TO %[1]s; GRANT SELECT ON goods, side TO %[1]s", user, db.Name))
	t.Cleanup(func() {
		if _, err := db.DB.Exec("DROP OWNED BY " + user + "; DROP ROLE " + user); err != nil {
			t.Error(err)
		}
	})
	db.ReplURL = withUser(t, db.ReplURL, user, "hunter1")
	p := plantBetween(t, source, openElasticEnd(t), 100)
	r := p.start("", false)
	p.awaitCopied(r)
	db.Exec(t, "REVOKE SELECT ON goods FROM "+user)
	p.source.exec(t, "DELETE FROM goods WHERE id = 1")
	p.awaitParked(r)
	p.source.exec(t, "UPDATE goods SET v = 'unseen' WHERE id = 2", "INSERT INTO side VALUES (998, 'goes on')")
	r.await(t, "the other table to go on", func() (bool, error) {
		_, there := p.target.docs(t, "side")["998"]
		return there, nil
	})
	db.Exec(t, "GRANT SELECT ON goods TO "+user)
	p.resume("goods")
	p.awaitCopied(r)
	p.awaitCaughtUp(r)
	r.stop(t)
	p.equal(nil)
}
