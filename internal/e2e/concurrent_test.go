package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestBackfillUnderWriters copies a table while writers change it, then follows them.
func TestBackfillUnderWriters(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) { backfillUnderWriters(t, flavor, 20_000) })
}

func backfillUnderWriters(t *testing.T, flavor servertest.Flavor, rows int) {
	g := newGoods(t, flavor, rows)
	w := g.scribble(2, rows)
	r := g.start()
	r.awaitLog(t, "backfill done")
	target := w.done.Load() + int64(rows/20)
	r.await(t, "some more changes", func() (bool, error) { return w.done.Load() > target, nil })
	t.Logf("%d changes by the writers", w.end())
	g.settle(r)
}

// TestKill kills the process in the middle of the backfill and in the middle of follow. The restart
// goes on from what was saved: no finished chunk is read again.
func TestKill(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) {
		const rows = 60_000
		g := newGoods(t, flavor, rows)
		w := g.scribble(1, rows)
		r := g.start("--rate", "20000")
		var saved int64
		r.await(t, "progress in the state", func() (bool, error) {
			s, err := statusIf(t, g.dir, g.env)
			if err == nil && len(s.Tables) == 1 {
				saved = s.Tables[0].Rows
			}
			return saved > rows/10, err
		})
		kill(t, r)
		s := statusOf(t, g.dir, g.env)
		saved = s.Tables[0].Rows
		if s.Tables[0].Copied {
			t.Fatal("the backfill was over before the kill")
		}

		r = g.start()
		r.awaitLog(t, "backfill done")
		kill(t, r)
		changes := w.end()

		r = g.start()
		g.sentinel(r)
		r.stop(g.t)
		g.equal()
		// What was saved before the first kill is not read again: the rows that the backfills
		// counted are those of the table, give or take what the writers added and removed.
		s = statusOf(t, g.dir, g.env)
		if again := s.Tables[0].Rows - rows; again > changes || again > saved {
			t.Errorf("%d rows saved before the kill, %d counted for a table of %d with %d changes", saved, s.Tables[0].Rows, rows, changes)
		}
		if read := rowsRead(t, r); read > changes+1000 {
			t.Errorf("the last run read %d rows, after a finished backfill and %d changes", read, changes)
		}
	})
}

func kill(t *testing.T, r *running) {
	t.Helper()
	r.signal(t, syscall.SIGKILL)
	<-r.ended
}

// rowsRead is what the program said at its end.
func rowsRead(t *testing.T, r *running) int64 {
	t.Helper()
	_, after, ok := strings.Cut(r.stderr.String(), "rows_read=")
	var n int64
	if _, err := fmt.Sscan(after, &n); !ok || err != nil {
		t.Fatalf("no count of rows at the end: %v", err)
	}
	return n
}

// statusIf is statusOf while there may be no state yet.
func statusIf(t *testing.T, dir string, env []string) (statusJSON, error) {
	t.Helper()
	r := invocation{args: []string{"status", "--json"}, dir: dir, env: env}.run(t)
	if code := r.wait(t); code != 0 {
		return statusJSON{}, fmt.Errorf("status ends with code %d", code)
	}
	var s statusJSON
	return s, json.Unmarshal([]byte(r.stdout.String()), &s)
}

// TestTruncate empties the table under writers, outside and inside a transaction that goes on.
func TestTruncate(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) {
		g := newGoods(t, flavor, 5000)
		w := g.scribble(2, 5000)
		r := g.start()
		r.awaitLog(t, "backfill done")
		g.db.Exec(t, "TRUNCATE goods")
		g.fill(100_000, 100_500)
		g.db.Exec(t, "START TRANSACTION; INSERT INTO goods (id, v) VALUES (200000, 'before'); TRUNCATE TABLE goods; INSERT INTO goods (id, v) VALUES (200001, 'after'); COMMIT")
		r.awaitLog(t, "sweep done")
		w.end()
		g.sentinel(r)
		r.await(t, "both sweeps done", func() (bool, error) {
			s, err := statusIf(t, g.dir, g.env)
			return err == nil && len(s.Jobs) == 0, err
		})
		r.stop(g.t)
		g.finish()
		g.equal()
	})
}

// TestTruncate_DuringBackfill empties the table while it is copied.
func TestTruncate_DuringBackfill(t *testing.T) {
	g := newGoods(t, servertest.MySQL, 30_000)
	r := g.start("--rate", "20000")
	r.await(t, "documents", func() (bool, error) {
		s, err := statusIf(t, g.dir, g.env)
		return err == nil && len(s.Tables) == 1 && s.Tables[0].Rows > 1000, err
	})
	g.db.Exec(t, "TRUNCATE goods")
	g.fill(50_000, 50_100)
	r.awaitLog(t, "sweep done")
	g.settle(r)
}

// TestCollation has keys that a collation takes for the same: they differ by case, by a trailing
// space, or by an accent.
func TestCollation(t *testing.T) {
	for _, collation := range []string{"utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_ci"} {
		for _, flavor := range []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID, servertest.MariaDB} {
			t.Run(string(flavor)+"/"+collation, func(t *testing.T) {
				db, target := servertest.OpenSQL(t, flavor), servertest.OpenElastic(t)
				db.Exec(t, "CREATE TABLE words (k VARCHAR(20) COLLATE "+collation+" PRIMARY KEY, v INT)")
				env := []string{"ES=" + target.URL}
				dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: \"${ES}\"}\nmappings: [{name: w, from: %s.words, to: %swords}]\n", db.ReplURL, db.Name, target.Prefix))
				db.Exec(t, "INSERT INTO words VALUES ('a', 1), ('e', 2), ('s', 3), ('x ', 4)")
				r := invocation{dir: dir, env: env}.start(t)
				r.awaitLog(t, "backfill done")
				for _, change := range []string{
					"UPDATE words SET k = 'A' WHERE k = 'a'", "UPDATE words SET k = 'é' WHERE k = 'e'",
					"UPDATE words SET k = 's ' WHERE k = 's'", "UPDATE words SET k = 'x', v = 5 WHERE k = 'x '",
					"DELETE FROM words WHERE k = 'A'", "INSERT IGNORE INTO words VALUES ('a', 6)", "REPLACE INTO words VALUES ('A', 7)",
					"INSERT IGNORE INTO words VALUES ('E', 8), ('è', 9), ('X', 10)", "INSERT INTO words VALUES ('zzz', 0)",
				} {
					db.Exec(t, change)
				}
				r.await(t, "the last row in the target", func() (bool, error) {
					status, _ := target.Do(t, "GET", "/"+target.Prefix+"words/_doc/zzz", nil)
					return status == 200, nil
				})
				r.stop(t)
				want, got := map[string]string{}, map[string]string{}
				for _, row := range db.QueryStrings(t, "SELECT k, v FROM words") {
					want[row[0]] = row[0] + "=" + row[1]
				}
				for id, doc := range target.Docs(t, target.Prefix+"words") {
					got[id] = fmt.Sprintf("%v=%v", doc["k"], doc["v"])
				}
				sameMaps(t, want, got)
			})
		}
	}
}
