package e2e

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestPostgres_SlotInvalidated stops the process for so long that the server gives the slot up, as max_slot_wal_keep_size has it. Each
// start says so and what to do; that, done, copies the table anew and is equal.
func TestPostgres_SlotInvalidated(t *testing.T) {
	server := servertest.StartSQL(t, servertest.Postgres, "-c", "max_slot_wal_keep_size=16MB")
	g := goodsBetween(t, server.Open(t).InSchema(t), servertest.OpenElastic(t), 100)
	r := g.start()
	r.awaitLog(t, "backfill done")
	g.sentinel(r)
	r.stop(t)
	g.db.Exec(t, "DELETE FROM goods WHERE id = 7; UPDATE goods SET v = 'unseen' WHERE id = 8")
	status := func() string {
		return g.db.QueryString(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '"+g.db.Name+"'")
	}
	other := server.Open(t)
	other.Exec(t, "CREATE TABLE filler (v text)")
	servertest.Eventually(t, longest, "the slot to be given up", func() (bool, error) {
		other.Exec(t, "INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 20000) i")
		other.Exec(t, "CHECKPOINT")
		if now := status(); now != "lost" {
			return false, fmt.Errorf("its WAL is %s", now)
		}
		return true, nil
	})
	for _, args := range [][]string{nil, {"--once"}} {
		r := g.start(args...)
		if code := r.wait(t); code != 3 {
			t.Errorf("exit code %d, want 3", code)
		}
		r.awaitLog(t, "position lost: the replication slot "+g.db.Name+" has lost its WAL")
		r.awaitLog(t, "what to do: meepo-replicate heal compares and writes only what differs, or start with --fresh to copy the tables anew, which makes the slot anew; ")
		r.awaitLog(t, "max_slot_wal_keep_size")
	}
	for _, args := range [][]string{{"heal", "--yes"}, {"--once"}} { // heal begins anew as --fresh does
		r := g.start(args...)
		if code := r.wait(t); code != 0 {
			t.Fatalf("%v: exit code %d", args, code)
		}
		g.equal()
	}
	if now := status(); now == "lost" {
		t.Error("the slot is lost still")
	}
}

// TestPostgres_ReadURL reads rows from a standby, whose replay is paused while the table changes.
func TestPostgres_ReadURL(t *testing.T) {
	server := servertest.StartSQL(t, servertest.Postgres)
	g := goodsBetween(t, server.Open(t).InSchema(t), servertest.OpenElastic(t), 1000)
	standby := server.Standby(t)
	g.env = append(g.env, "MEEPO_SOURCE_READ_URL="+standby.ReplURL[:len(standby.ReplURL)-len("/app")])
	r := g.start()
	r.awaitLog(t, "backfill done")
	standby.Exec(t, "SELECT pg_wal_replay_pause()")
	g.db.Exec(t, "UPDATE goods SET v = 'late' WHERE id < 100; DELETE FROM goods WHERE id > 900; ALTER TABLE goods ADD more int DEFAULT 7; UPDATE goods SET v = 'later' WHERE id < 50")
	r.awaitLog(t, "a read waits for the standby to replay the log")
	standby.Exec(t, "SELECT pg_wal_replay_resume()")
	g.sentinel(r)
	r.stop(t)
	g.equal()
}
