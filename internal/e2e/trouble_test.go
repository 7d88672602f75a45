package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestPoisonRow has one row among many that Elasticsearch rejects: the index copies v to a date
// field, which only that row's text is not.
func TestPoisonRow(t *testing.T) {
	const rows = 100_000
	g := newGoods(t, servertest.MariaDB, 0)
	g.db.Exec(t, "INSERT INTO goods (id, v, n) SELECT seq, '2026-01-02', seq FROM seq_1_to_"+fmt.Sprint(rows))
	g.db.Exec(t, "UPDATE goods SET v = 'poison' WHERE id = 54321")
	body := `{"aliases": {"` + g.index + `": {"is_write_index": true}}, "mappings": {"dynamic": "strict", "properties": {
		"when": {"type": "date", "format": "yyyy-MM-dd"}, "v": {"type": "text", "copy_to": "when", "fields": {"keyword": {"type": "keyword"}}}}}}`
	if status, answer := g.target.Do(t, "PUT", "/"+g.index+"-000001", body); status != 200 {
		t.Fatalf("create index: %d %s", status, answer)
	}
	r := g.start()
	r.awaitLog(t, "backfill done")
	g.sentinelDate(r)
	r.stop(g.t)
	if n := len(g.target.Docs(t, g.index)); n != rows { // all but the poison, and the last one
		t.Errorf("%d documents, want %d", n, rows)
	}
	s := statusOf(t, g.dir, g.env)
	if s.Letters != 1 || len(s.Newest) != 1 || s.Newest[0].Key != "54321" || !strings.Contains(s.Newest[0].Reason, "when") {
		t.Errorf("dead letters: %d, %+v", s.Letters, s.Newest)
	}
	if strings.Contains(s.Newest[0].Reason, "poison") || strings.Contains(r.stderr.String(), "poison") {
		t.Error("a value of the row is in the reason or in the log")
	}
	t.Logf("status: %+v", s)

	// Mended in the source, the row is written and its letter is gone.
	r = g.start()
	g.db.Exec(t, "UPDATE goods SET v = '2026-01-03' WHERE id = 54321")
	r.await(t, "the mended row's document", func() (bool, error) {
		status, _ := g.target.Do(t, "GET", "/"+g.index+"/_doc/54321", nil)
		return status == 200, nil
	})
	r.stop(g.t)
	if s := statusOf(t, g.dir, g.env); s.Letters != 0 {
		t.Errorf("after it was mended: %+v", s.Newest)
	}
}

func (g *goods) sentinelDate(r *running) {
	g.t.Helper()
	g.db.Exec(g.t, "INSERT INTO goods (id, v) VALUES (999999999, '2026-12-31')")
	r.await(g.t, "the last row in the target", func() (bool, error) {
		status, _ := g.target.Do(g.t, "GET", "/"+g.index+"/_doc/999999999", nil)
		return status == 200, nil
	})
}

// TestTargetOutage stops Elasticsearch during follow and starts it again: nothing is lost, the
// process goes on by itself, and says once that it recovered.
func TestTargetOutage(t *testing.T) { targetOutage(t, 0) }

func targetOutage(t *testing.T, down time.Duration) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	server := servertest.StartElastic(t)
	g := goodsBetween(t, db, server.Open(), 2000)
	r := g.start()
	r.awaitLog(t, "backfill done")
	w := g.scribble(2, 2000)
	server.Stop(t)
	r.awaitLog(t, "target does not answer")
	if down > 0 {
		<-time.After(down)
	}
	server.Start(t)
	r.awaitLog(t, "target recovered")
	t.Logf("%d changes by the writers", w.end())
	g.sentinel(r)
	r.stop(g.t)
	g.equal()
	log := r.stderr.String()
	if n := strings.Count(log, "target recovered"); n != 1 {
		t.Errorf("recovered is in the log %d times", n)
	}
	if s := statusOf(t, g.dir, g.env); s.Letters != 0 {
		t.Errorf("%d dead letters: %+v", s.Letters, s.Newest)
	}
}

// TestSourceOutage restarts the source during follow.
func TestSourceOutage(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) {
		server := servertest.StartSQL(t, flavor)
		g := goodsBetween(t, server.Open(t).InSchema(t), servertest.OpenElastic(t), 2000)
		r := g.start()
		r.awaitLog(t, "backfill done")
		g.fill(10_001, 11_000)
		server.Kill(t)
		r.awaitLog(t, "log lost, reconnecting")
		server.Start(t)
		g.db.Reconnect()
		g.fill(20_001, 21_000)
		g.sentinel(r)
		r.stop(g.t)
		g.equal()
	})
}
