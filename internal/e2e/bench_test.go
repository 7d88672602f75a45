//go:build bench

package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

const benchRows = 300_000

// TestBench measures the backfill and the follow of one table beside two limits, taken in the same
// run on the same documents: Elasticsearch's own _bulk with bodies made beforehand, and a plain
// SELECT of the table. There is no number to reach; there is the number to know.
func TestBench(t *testing.T) {
	longest = 20 * time.Minute
	for _, flavor := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB, servertest.Postgres} {
		t.Run(string(flavor), func(t *testing.T) {
			g := newGoods(t, flavor, benchRows)
			warm := g.bodies(g.copyInto("warm"))
			g.bulk("warmed", warm)

			begin := time.Now()
			read := g.selectAll()
			selecting := rate(read, time.Since(begin))

			took, docs := g.copyInto("copied")
			backfill := rate(benchRows, took)
			bulk := rate(benchRows, g.bulk("limit", g.bodies(took, docs)))
			follow := rate(benchRows, g.follow())
			t.Logf(`%s, %d rows, %d bytes per document
	plain SELECT           %8.0f rows/s
	_bulk, bodies prepared %8.0f documents/s
	backfill               %8.0f rows/s, %.2f of _bulk, %.2f of SELECT
	follow                 %8.0f changes/s, %.2f of _bulk`,
				flavor, benchRows, size(docs)/len(docs), selecting, bulk, backfill, backfill/bulk, backfill/selecting, follow, follow/bulk)
		})
	}
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func size(docs map[string]map[string]any) (sum int) {
	for _, doc := range docs {
		encoded, _ := json.Marshal(doc)
		sum += len(encoded)
		if sum > 1<<20 {
			return sum * len(docs) / (sum / len(encoded))
		}
	}
	return sum
}

// copyInto runs a backfill into an index of this name and returns how long the copy took, from its
// first to its last line in the log, and the documents.
func (g *goods) copyInto(name string) (time.Duration, map[string]map[string]any) {
	g.t.Helper()
	again := *g
	again.index = g.target.Prefix + name
	again.dir = in(g.t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: \"${ES}\"}\nmappings:\n  - {name: goods, from: %s.goods, to: %s}\n",
		g.db.ReplURL, g.db.Name, again.index))
	r := again.start("--once")
	if code := r.wait(g.t); code != 0 {
		g.t.Fatalf("exit code %d: %s", code, r.stderr)
	}
	*g = again
	return logTime(g.t, r, "backfill done").Sub(logTime(g.t, r, "backfill begins")), g.target.Docs(g.t, again.index)
}

// logTime is the time of the first line with this text.
func logTime(t *testing.T, r *running, text string) time.Time {
	t.Helper()
	for _, line := range r.stderr.lines() {
		if strings.Contains(line, text) {
			at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(strings.Fields(line)[0], "time="))
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
	}
	t.Fatalf("no %q in the log", text)
	return time.Time{}
}

// bodies makes _bulk bodies of 1000 documents each, as the program would send them.
func (g *goods) bodies(_ time.Duration, docs map[string]map[string]any) [][]byte {
	g.t.Helper()
	var bodies [][]byte
	var body bytes.Buffer
	n := 0
	for id, doc := range docs {
		source, err := json.Marshal(doc)
		if err != nil {
			g.t.Fatal(err)
		}
		fmt.Fprintf(&body, `{"index":{"_id":%q,"version":1,"version_type":"external"}}`+"\n%s\n", id, source)
		if n++; n%1000 == 0 || n == len(docs) {
			bodies = append(bodies, bytes.Clone(body.Bytes()))
			body.Reset()
		}
	}
	return bodies
}

// bulk sends the bodies by four connections into a fresh index with the mappings of the last copy,
// refresh off as during a backfill, and returns how long that took.
func (g *goods) bulk(name string, bodies [][]byte) time.Duration {
	g.t.Helper()
	index := g.target.Prefix + name
	_, answer := g.target.Do(g.t, "GET", "/"+g.index+"/_mapping", nil)
	var mapping map[string]struct{ Mappings json.RawMessage }
	if err := json.Unmarshal(answer, &mapping); err != nil {
		g.t.Fatal(err)
	}
	for _, m := range mapping {
		create := fmt.Sprintf(`{"settings":{"refresh_interval":"-1","number_of_replicas":0},"mappings":%s}`, m.Mappings)
		if status, answer := g.target.Do(g.t, "PUT", "/"+index, create); status != 200 {
			g.t.Fatalf("create index: %s", answer)
		}
	}
	var next atomic.Int64
	var group errgroup.Group
	begin := time.Now()
	for range 4 {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < len(bodies); i = int(next.Add(1)) - 1 {
				res, err := http.Post(g.target.URL+"/"+index+"/_bulk", "application/x-ndjson", bytes.NewReader(bodies[i]))
				if err != nil {
					return err
				}
				var answer struct{ Errors bool }
				err = json.NewDecoder(res.Body).Decode(&answer)
				res.Body.Close()
				if err != nil || answer.Errors || res.StatusCode != 200 {
					return fmt.Errorf("bulk: status %d, errors %v, %w", res.StatusCode, answer.Errors, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		g.t.Fatal(err)
	}
	return time.Since(begin)
}

// selectAll reads the table by one prepared SELECT and returns the number of rows.
func (g *goods) selectAll() (n int) {
	g.t.Helper()
	rows, err := g.db.DB.Query("SELECT id, v, n, d, at, note FROM goods WHERE id > 0")
	if err != nil {
		g.t.Fatal(err)
	}
	defer rows.Close()
	var c [6]sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5]); err != nil {
			g.t.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		g.t.Fatal(err)
	}
	return n
}

// follow changes every row while the program is stopped, in transactions of 1000, and returns how
// long it takes to catch up, from the start of the process to the last document.
func (g *goods) follow() time.Duration {
	g.t.Helper()
	for id := 1; id <= benchRows; id += 1000 {
		g.db.Exec(g.t, fmt.Sprintf("UPDATE goods SET v = CONCAT(v, '!') WHERE id >= %d AND id < %d", id, id+1000))
	}
	begin := time.Now()
	r := g.start()
	g.sentinel(r)
	took := time.Since(begin)
	r.stop(g.t)
	g.equal()
	return took
}

// TestBench_Memory lets one transaction of a million row changes pass and measures the process's
// peak memory.
func TestBench_Memory(t *testing.T) {
	longest = 20 * time.Minute
	const rows, most = 1_000_000, 256 << 10 // KiB
	for _, flavor := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB, servertest.Postgres} {
		t.Run(string(flavor), func(t *testing.T) {
			g := newGoods(t, flavor, rows)
			r := g.start("--follow-only")
			r.awaitLog(t, "index created")
			g.sentinel(r)
			begin := time.Now()
			g.db.Exec(t, "UPDATE goods SET n = n + 1")
			g.db.Exec(t, "INSERT INTO goods (id, v) VALUES (123456789, 'last')")
			r.await(t, "the last row", func() (bool, error) {
				status, _ := g.target.Do(t, "GET", "/"+g.index+"/_doc/123456789", nil)
				return status == 200, nil
			})
			took := time.Since(begin)
			peak := peakMemory(t, r)
			r.stop(g.t)
			t.Logf("%s: a transaction of %d changes took %s, peak memory %d MiB", flavor, rows, took.Round(time.Second), peak>>10)
			if peak > most {
				t.Errorf("peak memory is %d KiB, want at most %d", peak, most)
			}
			g.equal()
		})
	}
}

// peakMemory is the largest resident memory that the running program has had, in KiB. What wait4
// tells of a process counts the memory of the one that started it, too.
func peakMemory(t *testing.T, r *running) (kib int64) {
	t.Helper()
	kib, err := memoryOf(r.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

func memoryOf(pid int) (kib int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(after, &kib)
	return kib, err
}
