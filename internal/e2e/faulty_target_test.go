package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// twoTables is a shop of two tables, orders and users, each with an index of its own.
type twoTables struct {
	t      *testing.T
	db     *servertest.Database
	target *servertest.Elastic
	dir    string
	env    []string
}

func newTwoTables(t *testing.T, flavor servertest.Flavor, rows int) *twoTables {
	t.Helper()
	b := &twoTables{t: t, db: servertest.OpenSQL(t, flavor).InSchema(t), target: servertest.OpenElastic(t)}
	b.env = []string{"ES=" + b.target.URL}
	file := fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: \"${ES}\"}\nmappings:\n", b.db.ReplURL)
	for _, name := range []string{"orders", "users"} {
		b.db.Exec(t, "CREATE TABLE "+name+" (id INT PRIMARY KEY, v VARCHAR(64) NOT NULL)")
		b.fill(name, 1, rows)
		file += fmt.Sprintf("  - {name: %s, from: %s.%s, to: %s}\n", name, b.db.Name, name, b.index(name))
	}
	b.dir = in(t, file)
	return b
}

func (b *twoTables) index(name string) string { return b.target.Prefix + name }

func (b *twoTables) fill(name string, from, to int) {
	b.t.Helper()
	var rows []string
	for id := from; id <= to; id++ {
		rows = append(rows, fmt.Sprintf("(%d, 'value %d')", id, id))
	}
	b.db.Exec(b.t, "INSERT INTO "+name+" VALUES "+strings.Join(rows, ","))
}

func (b *twoTables) start(args ...string) *running {
	b.t.Helper()
	return invocation{args: args, dir: b.dir, env: b.env}.start(b.t)
}

// command runs the program to its end and expects an exit code.
func (b *twoTables) command(code int, args ...string) *running {
	b.t.Helper()
	r := invocation{args: args, dir: b.dir, env: b.env}.run(b.t)
	if got := r.wait(b.t); got != code {
		b.t.Errorf("%s: exit code %d, want %d: %s%s", strings.Join(args, " "), got, code, r.stdout, r.stderr)
	}
	return r
}

// says expects texts in what a command has printed.
func (b *twoTables) says(r *running, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stdout.String()+r.stderr.String(), text) {
			b.t.Errorf("it does not say %q:\n%s%s", text, r.stdout, r.stderr)
		}
	}
}

// awaitDoc waits for the document of a row.
func (b *twoTables) awaitDoc(r *running, name string, id int) {
	b.t.Helper()
	r.await(b.t, fmt.Sprintf("document %d of %s", id, name), func() (bool, error) {
		status, _ := b.target.Do(b.t, "GET", fmt.Sprintf("/%s/_doc/%d", b.index(name), id), nil)
		return status == 200, nil
	})
}

// equal compares a table with its index.
func (b *twoTables) equal(name string) {
	b.t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, row := range b.db.QueryStrings(b.t, "SELECT id, v FROM "+name) {
		want[row[0]] = row[1]
	}
	for id, doc := range b.target.Docs(b.t, b.index(name)) {
		got[id] = fmt.Sprint(doc["v"])
	}
	sameMaps(b.t, want, got)
}

// deleteIndex deletes the index behind an alias.
func (b *twoTables) deleteIndex(name string) {
	b.t.Helper()
	if status, answer := b.target.Do(b.t, "DELETE", "/"+b.index(name)+"-000001", nil); status != 200 {
		b.t.Fatalf("delete index: %d %s", status, answer)
	}
}

// TestParked_DeletedIndex deletes the index of one mapping, while a run goes on and between two runs.
// That mapping is parked, and not filled anew behind anybody's back; the other goes on; check and
// status say so; resumed, all of its rows are there again.
func TestParked_DeletedIndex(t *testing.T) { onAny(t, deletedIndex) }

func deletedIndex(t *testing.T, flavor servertest.Flavor) {
	for name, running := range map[string]bool{"during a run": true, "between runs": false} {
		t.Run(name, func(t *testing.T) {
			b := newTwoTables(t, flavor, 50)
			r := b.start()
			b.awaitDoc(r, "orders", 50)
			b.awaitDoc(r, "users", 50)
			if !running {
				r.stop(b.t)
			}
			b.deleteIndex("orders")
			b.fill("orders", 51, 60)
			b.fill("users", 51, 60)
			if !running {
				r = b.start()
			}
			b.awaitDoc(r, "users", 60)
			r.awaitLog(t, "mapping parked")
			plan := "orders/" + b.db.Name + ".orders"
			r.await(t, "the parked mapping in the state", func() (bool, error) {
				return strings.Contains(invocation{args: []string{"status"}, dir: b.dir, env: b.env}.run(t).stdout.String(), "parked"), nil
			})
			b.says(b.command(0, "status"), plan, b.index("orders"), "what to do: ", "meepo-replicate resume "+plan)
			t.Logf("%s\n%s", b.command(0, "status").stdout, b.command(1, "check").stdout)
			b.says(b.command(1, "check"), "error    "+plan+": parked since 2", "what to do: ", "resume "+plan, "1 errors")
			if status, _ := b.target.Do(t, "HEAD", "/"+b.index("orders"), nil); status != 404 {
				t.Error("the index was made anew")
			}
			b.fill("users", 61, 62) // and no more of orders
			b.awaitDoc(r, "users", 62)
			if running {
				b.says(b.command(0, "resume", "orders"), plan, "the run that is on now")
			} else {
				r.stop(b.t)
				b.says(b.command(0, "resume", "orders"), plan, "the next run, as none is on now")
				b.says(b.command(0, "status"), "asked for, not done yet", "resume of "+plan)
				r = b.start()
			}
			b.awaitDoc(r, "orders", 60)
			b.db.Exec(t, "DELETE FROM orders WHERE id = 3; INSERT INTO orders VALUES (99, 'last')")
			b.awaitDoc(r, "orders", 99)
			r.stop(b.t)
			b.equal("orders")
			b.equal("users")
			b.says(b.command(0, "check"), "0 errors")
			if text := b.command(0, "status").stdout.String(); strings.Contains(text, "parked") || strings.Contains(text, "asked for") {
				t.Errorf("status:\n%s", text)
			}
		})
	}
}

// makeStrict makes the index of a table so that no document of the table fits: v is copied to a date.
func (b *twoTables) makeStrict(name, format string) {
	b.t.Helper()
	body := fmt.Sprintf(`{"aliases": {"%s": {"is_write_index": true}}, "mappings": {"dynamic": "strict", "properties": {
		"id": {"type": "integer"}, "when": {"type": "date", "format": %q},
		"v": {"type": "text", "copy_to": "when", "fields": {"keyword": {"type": "keyword"}}}}}}`, b.index(name), format)
	if status, answer := b.target.Do(b.t, "PUT", "/"+b.index(name)+"-000001", body); status != 200 {
		b.t.Fatalf("create index: %d %s", status, answer)
	}
}

// TestParked_WrongMapping has an index that takes no document of its table. The mapping is parked, with
// three keys and their reasons in the message; the other one goes on.
func TestParked_WrongMapping(t *testing.T) { onAny(t, wrongMapping) }

func wrongMapping(t *testing.T, flavor servertest.Flavor) {
	b := newTwoTables(t, flavor, 600)
	b.makeStrict("orders", "yyyy-MM-dd")
	r := b.start()
	b.awaitDoc(r, "users", 600)
	r.awaitLog(t, "mapping parked")
	b.fill("users", 601, 601)
	b.awaitDoc(r, "users", 601)
	r.stop(b.t)
	log := r.stderr.String()
	parked := log[strings.Index(log, "mapping parked"):]
	parked = parked[:strings.Index(parked, "\n")]
	t.Log(parked)
	if samples := regexp.MustCompile(`key \d+: [^;]*\[when\]`).FindAllString(parked, -1); len(samples) != 3 || !strings.Contains(parked, "resume orders/") {
		t.Errorf("%d keys with reasons in %s", len(samples), parked)
	}
	if strings.Contains(log, "value 1") {
		t.Error("a value of a row is in the log")
	}
	s := statusOf(t, b.dir, b.env)
	if s.Letters < 251 || s.Letters > 600 {
		t.Errorf("%d dead letters", s.Letters)
	}
	b.says(b.command(1, "check"), "parked since", "documents were rejected", fmt.Sprintf("warning  %d dead letters", s.Letters))
	b.says(b.command(0, "deadletters", "retry", "--all"), "left alone", "it is parked", "no dead letter is to be retried")

	// Mended, and resumed between runs: all documents are there, and no letter is left.
	b.deleteIndex("orders")
	b.command(0, "resume", "orders")
	b.command(0, "--once")
	b.equal("orders")
	if s := statusOf(t, b.dir, b.env); s.Letters != 0 {
		t.Errorf("%d dead letters are left", s.Letters)
	}
	b.command(0, "check")
}

// TestLostState: without its state file, a run does not copy onto what is filled already, until that is
// asked for; then what has gone meanwhile goes.
func TestLostState(t *testing.T) { onAny(t, lostState) }

func lostState(t *testing.T, flavor servertest.Flavor) {
	b := newTwoTables(t, flavor, 20)
	b.command(0, "--once")
	files, err := filepath.Glob(filepath.Join(b.dir, "meepo-state.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state file: %v", err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	b.db.Exec(t, "DELETE FROM orders WHERE id = 3; UPDATE users SET v = 'changed' WHERE id = 4")
	before := b.target.Docs(t, b.index("users"))["4"]["v"]
	b.says(b.command(4, "--once"), b.index("orders"), b.index("users"), "what to do: ", "--state", "--fresh")
	if after := b.target.Docs(t, b.index("users"))["4"]["v"]; after != before {
		t.Errorf("%v was written over %v", after, before)
	}
	b.command(4) // and again: the refused run has left nothing that would let the next one in
	b.command(0, "--once", "--fresh")
	b.equal("orders")
	b.equal("users")
	b.command(0, "--once")
}

// TestSecondRun is refused with the pid of the first, whatever it is to copy.
func TestSecondRun(t *testing.T) { onAny(t, secondRun) }

func secondRun(t *testing.T, flavor servertest.Flavor) {
	b := newTwoTables(t, flavor, 5)
	r := b.start()
	b.awaitDoc(r, "users", 5)
	b.says(b.command(1), fmt.Sprintf("in use by process %d", r.cmd.Process.Pid), "what to do: ")
	b.says(b.command(1, "--once", "--fresh"), fmt.Sprintf("in use by process %d", r.cmd.Process.Pid))
	b.fill("users", 6, 6)
	b.awaitDoc(r, "users", 6)
	r.stop(b.t)
	b.command(0, "--once")
}

// TestDeadletters retries letters while a run goes on: first nothing is mended, then one row is, by
// its own key, then the index.
func TestDeadletters(t *testing.T) { onAny(t, deadLetters) }

func deadLetters(t *testing.T, flavor servertest.Flavor) {
	b := newTwoTables(t, flavor, 5)
	b.db.Exec(t, "UPDATE orders SET v = CONCAT('2026-01-0', id)")
	b.makeStrict("orders", "yyyy-MM-dd")
	r := b.start()
	b.awaitDoc(r, "orders", 5)
	b.db.Exec(t, "UPDATE orders SET v = 'poison' WHERE id IN (2, 4); INSERT INTO orders VALUES (9, 'poison'), (10, '2026-01-10')")
	b.awaitDoc(r, "orders", 10)
	letters := func(args ...string) string {
		t.Helper()
		var keys []string
		for _, line := range b.command(0, append([]string{"deadletters", "list", "--json"}, args...)...).stdout.lines() {
			var l struct{ Key, Mapping, Reason string }
			if err := json.Unmarshal([]byte(line), &l); err != nil || l.Mapping != "orders/"+b.db.Name+".orders" {
				t.Errorf("%s: %v", line, err)
			}
			keys = append(keys, l.Key)
		}
		return strings.Join(keys, " ")
	}
	r.await(t, "three letters", func() (bool, error) {
		keys := letters()
		return len(strings.Fields(keys)) == 3, fmt.Errorf("letters: %s", keys)
	})
	if keys := letters("--reason=parse field*when", "--newer=1h", "--table=orders"); len(strings.Fields(keys)) != 3 {
		t.Errorf("letters by filters: %s", keys)
	}
	b.says(b.command(0, "deadletters", "show", "9"), "key          9\n", "document     9\n", "destination  "+b.index("orders")+"\n", "[when]", ", once\n")

	// Nothing is mended: all are left, and were tried once more.
	b.says(b.command(1, "deadletters", "retry", "--all", "--wait"), "3 dead letters (3 of orders/", "by the run that is on now", "0 are resolved, 3 are left")
	b.says(b.command(0, "deadletters", "show", "9"), "the last of 2 times")
	if r.stderr.String() == "" || strings.Contains(r.stderr.String(), "poison") {
		t.Error("the log shows a value")
	}

	// The index takes what it did not take before.
	mended := `{"properties": {"when": {"type": "date", "format": "yyyy-MM-dd", "ignore_malformed": true}}}`
	if status, answer := b.target.Do(t, "PUT", "/"+b.index("orders")+"/_mapping", mended); status != 200 {
		t.Fatalf("change the index: %d %s", status, answer)
	}
	b.says(b.command(0, "deadletters", "retry", "9", "--wait"), "1 dead letters", "all 1 are resolved")
	if keys := letters(); len(strings.Fields(keys)) != 2 || strings.Contains(keys, "9") {
		t.Errorf("letters: %s", keys)
	}
	b.says(b.command(0, "deadletters", "drop", "4"), "will be dropped by the run")
	r.await(t, "one letter", func() (bool, error) { return letters() == "2", nil })
	b.says(b.command(0, "deadletters", "retry", "--reason=when", "--wait"), "all 1 are resolved")
	r.stop(b.t)
	want, docs := b.db.QueryStrings(t, "SELECT id, v FROM orders"), b.target.Docs(t, b.index("orders"))
	for _, row := range want {
		if row[0] == "4" { // its letter was dropped
			row[1] = "2026-01-04"
		}
		if v := fmt.Sprint(docs[row[0]]["v"]); v != row[1] {
			t.Errorf("row %s is %q, its document %q", row[0], row[1], v)
		}
	}
	if len(docs) != len(want) {
		t.Errorf("%d documents of %d rows", len(docs), len(want))
	}
}

// TestTwoStates has two runs with states of their own on the same table and index: each finds versions
// there that it did not issue, and both end equal. That neither undoes what the other has written from a
// newer read is a test of the engine, which can hold one of them back.
func TestTwoStates(t *testing.T) { onEach(t, twoStates) }

func twoStates(t *testing.T, flavor servertest.Flavor) {
	g := newGoods(t, flavor, 3000)
	first := g.start("--state=first.db")
	first.awaitLog(t, "backfill done")
	w := g.scribble(2, 3000)
	second := g.start("--state=second.db", "--fresh")
	second.awaitLog(t, "sweep done")
	second.awaitLog(t, "backfill done")
	t.Logf("%d changes by the writers", w.end())
	g.sentinel(first)
	g.sentinel(second)
	// Each has everything up to here when it has stopped with the log's head saved.
	second.stop(g.t)
	first.stop(g.t)
	g.equal()
	for _, state := range []string{"first.db", "second.db"} {
		r := invocation{args: []string{"--once", "--state=" + state}, dir: g.dir, env: g.env}.run(t)
		if code := r.wait(t); code != 0 {
			t.Errorf("%s: exit code %d", state, code)
		}
	}
	g.equal()
}
