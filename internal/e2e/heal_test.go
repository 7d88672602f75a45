package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// healRows is how many rows are healed: a million with MEEPO_MATRIX=full.
func healRows() int {
	if os.Getenv("MEEPO_MATRIX") == "full" {
		return 1_000_000
	}
	return 20_000
}

// TestHeal: after the log was purged behind the saved position, or the state file was deleted, and rows and documents have drifted
// apart, both sides end equal, and the target's own counters show that only the drift was written.
func TestHeal(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, p *plant, db *servertest.Database){
		"purged": func(t *testing.T, _ *plant, db *servertest.Database) {
			db.Exec(t, "FLUSH BINARY LOGS")
			logs := db.QueryStrings(t, "SHOW BINARY LOGS")
			db.Exec(t, "PURGE BINARY LOGS TO '"+logs[len(logs)-1][0]+"'")
		},
		"state deleted": func(t *testing.T, p *plant, _ *servertest.Database) {
			files, err := filepath.Glob(filepath.Join(p.dir, "meepo-state.db*"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, file := range files {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := servertest.StartSQL(t, servertest.MySQL).Open(t).InSchema(t)
			from := sqlEnd{&goods{t: t, db: db}}
			createGoods(t, db)
			db.Exec(t, "CREATE TABLE side (id INT PRIMARY KEY, v VARCHAR(64))")
			p, rows := filled(t, from, "")
			drift := p.driftApart(rows)
			lose(t, p, db)
			refused := invocation{args: []string{"--once"}, dir: p.dir}.run(t)
			if code := refused.wait(t); code == 0 || !strings.Contains(refused.stderr.String(), "meepo-replicate heal") {
				t.Errorf("a run: code %d, %s", code, refused.stderr)
			}
			before := p.indexed()
			asked := invocation{args: []string{"heal"}, dir: p.dir}.run(t)
			if code := asked.wait(t); code != 2 || !strings.Contains(asked.stdout.String(), "writes what differs") || p.indexed() != before {
				t.Errorf("without --yes: code %d, %s%s", code, asked.stdout, asked.stderr)
			}
			heal := invocation{args: []string{"heal", "--yes"}, dir: p.dir}.run(t)
			p.runs = append(p.runs, heal)
			if code := heal.wait(t); code != 0 {
				t.Fatalf("code %d: %s", code, heal.stderr)
			}
			if written := p.indexed() - before; written != drift {
				t.Errorf("%d documents were written or deleted, want the %d that differ", written, drift)
			}
			p.equal(nil)
			r := p.start("", false)
			p.awaitCaughtUp(r)
			r.stop(t)
			p.equal(nil)
		})
	}
}

// TestAdopt: an index that somebody has filled is compared and mended.
func TestAdopt(t *testing.T) {
	p, rows := filled(t, openSQLEnd(t, servertest.MySQL), ", adopt: true")
	drift := p.driftApart(rows)
	before := p.indexed()
	adopting := invocation{args: []string{"--once", "--state", "new.db"}, dir: p.dir}.run(t)
	if code := adopting.wait(t); code != 0 {
		t.Fatalf("code %d: %s", code, adopting.stderr)
	}
	if written := p.indexed() - before; written != drift {
		t.Errorf("%d documents were written or deleted, want the %d that differ", written, drift)
	}
	p.equal(nil)
}

// filled is a plant whose rows have been copied to Elasticsearch. Said is what both mappings say besides.
func filled(t *testing.T, from sqlEnd, said string) (p *plant, rows int) {
	t.Helper()
	rows = healRows()
	to := openElasticEnd(t)
	p = plantBetween(t, from, to, 5000)
	line, schema := from.config()
	target, prefix := to.config()
	file := fmt.Sprintf("version: 1\n%s\n%s\nmappings:\n  - {name: goods, from: %[3]s.goods, to: %[4]sgoods%[5]s}\n  - {name: side, from: %[3]s.side, to: %[4]sside%[5]s}\n", line, target, schema, prefix, said)
	if err := os.WriteFile(filepath.Join(p.dir, "meepo.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for at := 5001; at < rows; at += 5000 {
		p.source.exec(t, goodsRows(at, at+4999))
	}
	r := invocation{args: []string{"--once"}, dir: p.dir}.run(t)
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, r.stderr)
	}
	return p, rows
}

// driftApart changes 0.1 % of rows and documents behind each other's back, and returns how many documents are wrong then.
func (p *plant) driftApart(rows int) int64 {
	p.t.Helper()
	n := rows / 4000
	p.vandalize(numbers(100, n), numbers(rows/2, n), numbers(10*rows, n))
	p.source.exec(p.t, fmt.Sprintf("UPDATE goods SET v = 'while nobody followed' WHERE id BETWEEN %d AND %d", rows/4, rows/4+n-1))
	return int64(4 * n)
}

// indexed is how many documents the server has written or deleted in goods' index, by its own count.
func (p *plant) indexed() (n int64) {
	p.t.Helper()
	e := p.target.(elasticEnd)
	_, answer := e.target.Do(p.t, "GET", "/"+e.index+"/_stats/indexing?filter_path=_all.primaries.indexing.index_total,_all.primaries.indexing.delete_total", nil)
	for _, name := range []string{"index_total", "delete_total"} {
		_, rest, _ := strings.Cut(string(answer), `"`+name+`":`)
		count, err := strconv.ParseInt(rest[:strings.IndexAny(rest, ",}")], 10, 64)
		if err != nil {
			p.t.Fatalf("%s: %v", answer, err)
		}
		n += count
	}
	return n
}
