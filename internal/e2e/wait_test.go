package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWait: what was written before is found by a search once wait returns, each time, while a writer keeps the run busy; a
// position that does not come in time, and one that is none, are told. A thousand trials with MEEPO_MATRIX=full.
func TestWait(t *testing.T) {
	trials := 20
	if os.Getenv("MEEPO_MATRIX") == "full" {
		trials = 1000
		longest = 20 * time.Minute
	}
	onPairs(t, []string{"mysql+elastic", "postgres+elastic", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		p := plantBetween(t, source, target, 2000)
		r := p.start("", false)
		p.awaitCopied(r)
		w := p.scribble(1000)
		var took []time.Duration
		for i := range trials {
			id := 100_000 + i
			p.source.exec(t, fmt.Sprintf("INSERT INTO goods (id, v) VALUES (%d, 'awaited')", id))
			begin := time.Now()
			waited := invocation{args: []string{"wait", "--timeout", "60s", "--searchable"}, dir: p.dir}.run(t)
			if code := waited.wait(t); code != 0 {
				t.Fatalf("code %d: %s", code, waited.stderr)
			}
			took = append(took, time.Since(begin))
			if !p.searched(id) {
				t.Fatalf("trial %d: a search does not find the row", i)
			}
		}
		slices.Sort(took)
		t.Logf("%d trials, waited %s in the middle, %s at most; %d changes by the writer", trials, took[len(took)/2], took[len(took)-1], w.end())

		p.source.exec(t, "INSERT INTO side VALUES (77, 'late')")
		if e, ok := target.(elasticEnd); ok {
			e.away(t, true)
			p.source.exec(t, "INSERT INTO side VALUES (78, 'held')")
			late := invocation{args: []string{"wait", "--timeout", "300ms"}, dir: p.dir}.run(t)
			if code := late.wait(t); code != 6 || !strings.Contains(late.stderr.String(), "does not hold everything up to") {
				t.Errorf("code %d: %s", code, late.stderr)
			}
			e.away(t, false)
		}
		for _, wrong := range []string{"nonsense", ""} {
			bad := invocation{args: []string{"wait", "--position", wrong}, dir: p.dir}.run(t)
			if code := bad.wait(t); code != 2 || !strings.Contains(bad.stderr.String(), "is no position of this server") || !strings.Contains(bad.stderr.String(), "what to do: write ") {
				t.Errorf("position %q: code %d: %s", wrong, code, bad.stderr)
			}
		}
		r.stop(t)
		ended := invocation{args: []string{"wait"}, dir: p.dir}
		p.source.exec(t, "INSERT INTO side VALUES (79, 'nobody follows')")
		if stopped := ended.run(t); stopped.wait(t) != 1 || !strings.Contains(stopped.stderr.String(), "the run on the state file has ended") {
			t.Errorf("without a run: %s", stopped.stderr)
		}
	})
}

// searched reports whether a row of goods is found, by a search where the target has one.
func (p *plant) searched(id int) bool {
	p.t.Helper()
	e, ok := p.target.(elasticEnd)
	if !ok {
		_, found := p.target.docs(p.t, "goods")[fmt.Sprint(id)]
		return found
	}
	status, answer := e.target.Do(p.t, "GET", fmt.Sprintf("/%s/_count?q=id:%d", e.index, id), nil)
	var counted struct{ Count int }
	if err := json.Unmarshal(answer, &counted); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d %s", status, answer)
	}
	return counted.Count == 1
}
