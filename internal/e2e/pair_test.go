package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestPair copies under writers that change, delete and rename keys, follows, is started again, and compares every field;
// ten times as many rows with MEEPO_MATRIX=full.
func TestPair(t *testing.T) {
	rows := 20_000
	if os.Getenv("MEEPO_MATRIX") == "full" {
		rows = 200_000
	}
	for _, pair := range matrix.Pairs {
		t.Run(pair.Name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, pair.Name, 5000)
			for from := 5001; from < rows; from += 5000 {
				p.source.exec(t, goodsRows(from, from+4999))
			}
			w := p.scribble(rows)
			r := p.start("", false)
			p.awaitCopied(r)
			after := w.done.Load() + 500
			r.await(t, "more changes", func() (bool, error) { return w.done.Load() > after, nil })
			r.stop(t)
			r = p.start("", false)
			p.source.exec(t, "UPDATE side SET v = 'again' WHERE id = 2", "UPDATE side SET id = 7 WHERE id = 3")
			t.Logf("%d changes by the writer", w.end())
			p.awaitCaughtUp(r)
			r.stop(t)
			if strings.Contains(r.stderr.String(), "backfill begins") {
				t.Error("it was copied again")
			}
			p.equal(nil)
		})
	}
}

// TestPostgresTarget_Outage kills the target under writers, and starts it again.
func TestPostgresTarget_Outage(t *testing.T) {
	server := servertest.StartSQL(t, servertest.Postgres)
	target := postgresEndOf(server.Open(t), servertest.MySQL)
	outlast(t, target, 2000, func() { server.Kill(t) }, func() {
		server.Start(t)
		target.db.Reconnect()
	})
}

// TestMongoTarget_Outage cuts the target off under writers, and lets it be reached again.
func TestMongoTarget_Outage(t *testing.T) {
	t.Parallel() // it waits for the time that a request without an answer has
	target := openMongoEnd(t)
	outlast(t, target, 2000, func() { target.away(t, true) }, func() { target.away(t, false) })
}

// outlast lets a target go and come back under a writer.
func outlast(t *testing.T, target targetEnd, rows int, goes, comes func()) {
	t.Helper()
	p := plantBetween(t, openSQLEnd(t, servertest.MySQL), target, rows)
	r := p.start("", false)
	p.awaitCopied(r)
	w := p.scribble(rows)
	goes()
	r.awaitLog(t, "target does not answer")
	comes()
	r.awaitLog(t, "target recovered")
	t.Logf("%d changes by the writer", w.end())
	p.awaitCaughtUp(r)
	r.stop(t)
	p.equal(nil)
}
