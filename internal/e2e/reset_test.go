package e2e

import (
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestSourceReset lets the source's log begin anew, as after a restore on the same folder: under a run, and
// between two, when it has grown past the saved position by name. Neither is gone on from; a fresh copy is equal.
func TestSourceReset(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		server := servertest.StartSQL(t, flavor)
		g := goodsBetween(t, server.Open(t), servertest.OpenElastic(t), 2000)
		reset := "RESET BINARY LOGS AND GTIDS"
		if flavor == servertest.MariaDB {
			reset = "RESET MASTER"
		}
		r := g.start()
		r.awaitLog(t, "backfill done")
		g.sentinel(r)
		second := time.Now().Unix() // the log's times are of whole seconds
		servertest.Eventually(t, longest, "the next second", func() (bool, error) { return time.Now().Unix() > second, nil })
		server.Exec(t, reset)
		g.db.Exec(t, "DELETE FROM goods WHERE id = 7")
		wantLost(t, r)

		g.fill(10_001, 30_000)
		g.db.Exec(t, "FLUSH BINARY LOGS")
		g.fill(30_001, 31_000)
		wantLost(t, g.start())

		r = g.start("--fresh")
		r.awaitLog(t, "sweep done")
		r.stop(t)
		g.equal()
	})
}

// wantLost awaits the end of a run that has lost its position.
func wantLost(t *testing.T, r *running) {
	t.Helper()
	if code := r.wait(t); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	r.awaitLog(t, "position lost")
	r.awaitLog(t, "what to do: check the source's address")
}
