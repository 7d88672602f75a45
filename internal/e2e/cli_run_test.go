package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// shop makes a table of n rows whose documents go to an index of the test's own.
func shop(t *testing.T, flavor servertest.Flavor, n int) (db *servertest.Database, target *servertest.Elastic, file string) {
	t.Helper()
	db, target = servertest.OpenSQL(t, flavor), servertest.OpenElastic(t)
	db.Exec(t, "CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, total DECIMAL(9,2), note TEXT); CREATE TABLE nokey (a INT)")
	values := strings.TrimSuffix(strings.Repeat("(1.5,'x'),", n), ",")
	db.Exec(t, "INSERT INTO orders (total, note) VALUES "+values)
	file = fmt.Sprintf(`version: 1
source: {url: "%s"}
target: {kind: elastic, url: "${ES}"}
mappings:
  - {name: orders, from: orders, to: %sorders, exclude: [note], fields: {total: {to: amount}}}
`, db.ReplURL, target.Prefix)
	if !strings.Contains(file, "from: "+db.Name) {
		file = strings.Replace(file, "from: orders", "from: "+db.Name+".orders", 1)
	}
	return db, target, file
}

// in writes the configuration into a fresh folder.
func in(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "meepo.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRun_OnceThenStatus(t *testing.T) {
	for _, flavor := range both {
		t.Run(string(flavor), func(t *testing.T) {
			_, target, file := shop(t, flavor, 500)
			dir, env := in(t, file), []string{"ES=" + target.URL}
			r := invocation{args: []string{"--once"}, dir: dir, env: env}.run(t)
			if code := r.wait(t); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			docs := target.Docs(t, target.Prefix+"orders")
			if len(docs) != 500 {
				t.Fatalf("%d documents", len(docs))
			}
			if _, ok := docs["1"]["amount"]; !ok || docs["1"]["note"] != nil {
				t.Errorf("a document is %v", docs["1"])
			}
			s := statusOf(t, dir, env)
			if len(s.Tables) != 1 || !s.Tables[0].Copied || s.Tables[0].Rows != 500 || s.Tables[0].Done != s.Tables[0].Ranges || s.Position == "" || s.Letters != 0 {
				t.Errorf("status: %+v", s)
			}
			text := invocation{args: []string{"status"}, dir: dir, env: env}.run(t).stdout.String()
			if !strings.Contains(text, s.Position) || !strings.Contains(text, "done") {
				t.Errorf("status:\n%s", text)
			}
		})
	}
}

// statusJSON is what status --json promises.
type statusJSON struct {
	State, Position string
	Tables          []struct {
		Mapping, Table, Destination string
		Destinations                int
		Done                        int `json:"ranges_done"`
		Ranges                      int
		Rows                        int64
		Copied                      bool
	}
	Jobs    []struct{ Mapping, Kind string }        `json:"jobs"`
	Letters int                                     `json:"dead_letters"`
	Newest  []struct{ Mapping, Key, Reason string } `json:"newest_dead_letters"`
	Parked  []struct{ Mapping, Reason string }      `json:"parked"`
	LeftOut []string                                `json:"left_out"`

	Requests []struct{ Mapping, Request string } `json:"requests"`
	Prepared []struct {
		XID     string
		Changes int
	} `json:"prepared"`
}

// copied reports whether no copy of a table is under way.
func (s statusJSON) copied() bool {
	for _, table := range s.Tables {
		if !table.Copied {
			return false
		}
	}
	return true
}

func statusOf(t *testing.T, dir string, env []string) statusJSON {
	t.Helper()
	r := invocation{args: []string{"status", "--json"}, dir: dir, env: env}.run(t)
	var s statusJSON
	if err := json.Unmarshal([]byte(r.stdout.String()), &s); err != nil || r.wait(t) != 0 {
		t.Fatalf("status: %v: %s%s", err, r.stdout, r.stderr)
	}
	return s
}

func TestRun_FollowsUntilTheFirstSignal(t *testing.T) {
	db, target, file := shop(t, servertest.MariaDB, 10)
	dir, env := in(t, file), []string{"ES=" + target.URL}
	r := invocation{dir: dir, env: env}.start(t)
	awaitCount(t, r, target, 10)
	db.Exec(t, "INSERT INTO orders (total) VALUES (7); DELETE FROM orders WHERE id <= 3")
	awaitCount(t, r, target, 8)
	if s := statusOf(t, dir, env); s.Position == "" {
		t.Errorf("status during the run: %+v", s)
	}
	second := invocation{dir: dir, env: env}.run(t)
	if code := second.wait(t); code == 0 || !strings.Contains(second.stderr.String(), "error: ") {
		t.Errorf("a second process on the same state ends with code %d: %s", code, second.stderr)
	}
	r.signal(t, syscall.SIGINT)
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d after a signal", code)
	}
	if text := r.stderr.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "error: ") {
		t.Error("stopping is not quiet")
	}
}

// awaitCount waits for so many documents of orders.
func awaitCount(t *testing.T, r *running, target *servertest.Elastic, want int) {
	t.Helper()
	r.await(t, fmt.Sprintf("%d documents", want), func() (bool, error) {
		if status, _ := target.Do(t, "HEAD", "/"+target.Prefix+"orders", nil); status != 200 {
			return false, fmt.Errorf("no index yet")
		}
		n := target.Count(t, target.Prefix+"orders")
		return n == want, fmt.Errorf("%d documents", n)
	})
}

func TestRun_SecondSignalLeavesAtOnce(t *testing.T) {
	db, target, file := shop(t, servertest.MySQL, 10)
	proxy, url := inFront(t, target.URL)
	r := invocation{dir: in(t, file), env: []string{"ES=" + url}}.start(t)
	awaitCount(t, r, target, 10)
	proxy.Freeze()
	db.Exec(t, "INSERT INTO orders (total) VALUES (7)")
	awaitHeld(t, proxy)
	r.signal(t, syscall.SIGINT)
	r.awaitLog(t, "finishing what is in flight")
	r.signal(t, syscall.SIGINT)
	if code := r.wait(t); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

func TestRun_TableWithoutKeyUnderAGlobIsLeftOut(t *testing.T) {
	db, target, _ := shop(t, servertest.MariaDB, 20)
	alias := strings.ToLower(db.Name) + ".orders"
	t.Cleanup(func() { deleteIndexesOf(t, target, alias) })
	r := invocation{args: sides(db.ReplURL, target, "--tables=*", "--once")}.run(t)
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if n := target.Count(t, alias); n != 20 {
		t.Errorf("%d documents", n)
	}
	if text := r.stderr.String(); !strings.Contains(text, db.Name+".nokey") || !strings.Contains(text, "primary key") {
		t.Error("there is no warning")
	}
}

// TestRun_UnfitTableUnderAGlobIsLeftOut: tables that Elasticsearch can have no index or no fields for stop
// no other.
func TestRun_UnfitTableUnderAGlobIsLeftOut(t *testing.T) {
	db, target, _ := shop(t, servertest.MariaDB, 20)
	db.Exec(t, "CREATE TABLE `or#ders` (id INT PRIMARY KEY); CREATE TABLE `50%` (id INT PRIMARY KEY); CREATE TABLE documents (_id INT PRIMARY KEY)")
	alias := strings.ToLower(db.Name) + ".orders"
	t.Cleanup(func() { deleteIndexesOf(t, target, alias) })
	r := invocation{args: sides(db.ReplURL, target, "--tables=*", "--once")}.run(t)
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if n := target.Count(t, alias); n != 20 {
		t.Errorf("%d documents", n)
	}
	for _, table := range []string{"or#ders", "50%", "documents"} {
		if !strings.Contains(r.stderr.String(), db.Name+"."+table+" is left out") {
			t.Errorf("there is no warning of %s", table)
		}
	}
}

// deleteIndexesOf deletes what a run made outside the test's prefix, since the index was named
// after the table.
func deleteIndexesOf(t *testing.T, target *servertest.Elastic, alias string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodDelete, target.URL+"/"+alias+"-000001", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNotFound {
		t.Errorf("delete index of %s: %s", alias, answer.Status)
	}
}

func TestCheck_ReportsBothSides(t *testing.T) {
	db, target, file := shop(t, servertest.MariaDB, 3)
	good := invocation{args: []string{"check"}, dir: in(t, file), env: []string{"ES=" + target.URL}}.run(t)
	if code := good.wait(t); code != 0 {
		t.Errorf("exit code %d:\n%s%s", code, good.stdout, good.stderr)
	}
	for _, want := range []string{"source mysql://repl:xxxxx@", "target " + target.URL, "1 tables to copy", "0 errors"} {
		if !strings.Contains(good.stdout.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, good.stdout)
		}
	}
	if status, _ := target.Do(t, "HEAD", "/"+target.Prefix+"orders", nil); status != 404 {
		t.Error("check has made an index")
	}
	for name, one := range map[string]struct {
		args []string
		says []string
	}{
		"source down": {[]string{"check", "--source=mysql://a@" + closedPort(t)}, []string{"connection refused", "could not be checked", "1 errors"}},
		"target down": {[]string{"check", "--target-url=http://" + closedPort(t)}, []string{"connection refused", "1 tables to copy", "1 errors"}},
		"bad mapping": {[]string{"check", "--mappings=bad.yaml"}, []string{"bad.yaml:3:", "nosuch", "target " + target.URL}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := in(t, file)
			bad := "version: 1\nmappings:\n  - {name: a, from: " + db.Name + ".orders, exclude: [nosuch]}\n"
			if err := os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			r := invocation{args: one.args, dir: dir, env: []string{"ES=" + target.URL}}.run(t)
			if code := r.wait(t); code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range one.says {
				if !strings.Contains(r.stdout.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, r.stdout)
				}
			}
		})
	}
}
