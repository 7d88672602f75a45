package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// planned is what plan --json prints.
type planned struct {
	Changes  int64
	Sampled  float64
	Mappings []struct {
		Mapping                                                    string
		Rows, Create, Update, Delete, Unchanged, Reject, Documents int64
		Left                                                       int64            `json:"not_meant"`
		Fields                                                     map[string]int64 `json:"update_fields"`
	}
	DDL     string
	Refused []struct{ Subject, Message string }
}

// plan runs the command, which has to end with the code.
func (p *plant) plan(code int, args ...string) planned {
	p.t.Helper()
	r := invocation{args: append([]string{"plan", "--json"}, args...), dir: p.dir}.run(p.t)
	if got := r.wait(p.t); got != code {
		p.t.Fatalf("plan %v: code %d, want %d\n%s\n%s", args, got, code, r.stdout, r.stderr)
	}
	var d planned
	if err := json.Unmarshal([]byte(r.stdout.String()), &d); err != nil {
		p.t.Fatalf("plan %v: %v\n%s", args, err, r.stdout)
	}
	return d
}

// writesOf are the writes that a target's server counts.
func (p *plant) writesOf() string {
	p.t.Helper()
	switch e := p.target.(type) {
	case elasticEnd:
		_, answer := e.target.Do(p.t, "GET", "/_stats/indexing?filter_path=indices.*.primaries.indexing.index_total,indices.*.primaries.indexing.delete_total", nil)
		var stats struct{ Indices map[string]json.RawMessage }
		if err := json.Unmarshal(answer, &stats); err != nil {
			p.t.Fatal(err)
		}
		var all []string
		for name, counts := range stats.Indices {
			if strings.HasPrefix(name, e.target.Prefix) {
				all = append(all, name+string(counts))
			}
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	case postgresEnd:
		e.db.Exec(p.t, "SELECT pg_stat_force_next_flush()")
		return fmt.Sprint(e.db.QueryStrings(p.t, "SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1, 2"))
	}
	return fmt.Sprint(p.target.docs(p.t, "goods")) // no such counters: the documents themselves
}

// TestPlan: what plan says before a copy is what the copy does, to the row, and plan itself writes nothing anywhere.
func TestPlan(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		const rows = 3000
		p := plantBetween(t, source, target, rows, `where: v != "two"`)
		before := source.(sqlEnd).catalog(t, rows)
		d := p.plan(0)
		if of := d.Mappings[0]; of.Create != rows || of.Update+of.Delete+of.Unchanged+of.Reject != 0 || of.Rows != rows {
			t.Errorf("goods, nothing there: %+v", of)
		}
		if of := d.Mappings[1]; of.Create != 2 || of.Left != 1 || of.Rows != 3 {
			t.Errorf("side, nothing there: %+v", of)
		}
		if d.Changes != rows+2 || len(d.Refused) > 0 || !strings.Contains(d.DDL, "goods") {
			t.Errorf("%+v", d)
		}
		p.plan(2, "--exit-code")
		if files, err := filepath.Glob(filepath.Join(p.dir, "meepo-state.db*")); err != nil || len(files) > 0 {
			t.Errorf("files of a state: %v, %v", files, err)
		}
		if after := source.(sqlEnd).catalog(t, rows); after != before {
			t.Errorf("the source was %s, is %s", before, after)
		}

		r := invocation{args: []string{"--once"}, dir: p.dir, faulty: true}.run(t)
		if code := r.wait(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		if text := r.stderr.String(); !strings.Contains(text, fmt.Sprint("written=", rows+2)) {
			t.Errorf("the copy has not written what plan said:\n%s", tail(text))
		}
		p.vandalize(numbers(1, 10), numbers(100, 20), numbers(10*rows, 5))
		writes, state := p.writesOf(), p.status()
		d = p.plan(2, "--exit-code")
		if of := d.Mappings[0]; of.Create != 10 || of.Update != 20 || of.Fields["note"] != 20 || of.Delete != 5 || of.Unchanged != rows-30 || of.Documents != rows-5 {
			t.Errorf("goods, somebody was there: %+v", of)
		}
		if now := p.writesOf(); now != writes {
			t.Errorf("plan has written: counters were %s, are %s", writes, now)
		}
		if now := p.status(); now.Position != state.Position {
			t.Errorf("the state was %+v, is %+v", state, now)
		}
		dry := invocation{args: []string{"run", "--dry-run"}, dir: p.dir}.run(t)
		if code := dry.wait(t); code != 0 || !strings.Contains(dry.stdout.String(), "create 10, update 20 (note 20), delete 5") {
			t.Errorf("code %d: %s", code, dry.stdout)
		}
		if d := p.plan(0, "goods", "--sample", "10%"); len(d.Mappings) != 1 || d.Mappings[0].Rows == 0 || d.Mappings[0].Rows > rows/2 || d.Sampled != 0.1 {
			t.Errorf("a sample: %+v", d)
		}
	})
}

// catalog is what a source has that a run would make, and how often it was written to: so many rows of goods.
func (s sqlEnd) catalog(t *testing.T, rows int64) string {
	t.Helper()
	if s.db.Flavor.IsPostgres() {
		servertest.Eventually(t, longest, "the server to count what was written", func() (bool, error) {
			return s.db.QueryInt(t, "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'goods'") == rows, nil
		})
		return fmt.Sprint(s.db.QueryStrings(t, "SELECT slot_name FROM pg_replication_slots WHERE database = current_database() UNION ALL SELECT pubname FROM pg_publication ORDER BY 1"),
			s.db.QueryStrings(t, "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1"))
	}
	return fmt.Sprint(s.db.QueryStrings(t, "SELECT table_name, table_rows, update_time FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"))
}

// TestPlan_Wrong: what cannot be planned is said, as other commands do.
func TestPlan_Wrong(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	dir := in(t, "version: 1\nsource: {url: '"+db.ReplURL+"'}\ntarget: {kind: elastic, url: 'http://"+nobody+"'}\nmappings:\n  - {name: a, from: "+db.Name+".a, to: a}\n")
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a share that is none": {[]string{"plan", "--sample", "200%"}, 2, `--sample "200%" is no share`},
		"nobody at the target": {[]string{"plan"}, 1, "connection refused"},
	} {
		r := invocation{args: c.args, dir: dir}.run(t)
		said := strings.Join(strings.Fields(r.stderr.String()), " ")
		said = strings.ReplaceAll(said, " what to do", "")
		if code := r.wait(t); code != c.code || !strings.Contains(said, c.want) {
			t.Logf("%s: code %d, want %d and %q: %s", name, code, c.code, c.want, r.stderr)
			t.Errorf("%s", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "meepo-state.db")); err == nil {
		t.Error("a state was made")
	}
}
