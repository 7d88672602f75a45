package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explained is what explain --json prints.
type explained struct {
	ID, Change, Verdict string
	Meant               bool
	Row                 []struct{ Column string }
	Document            []struct{ Field, From string }
	Stored              map[string]any
	Differences         []struct{ Field, Want, Have string }
	Advice              string `json:"what_to_do"`
	Now                 struct {
		State  string
		Run    bool
		Letter *struct {
			Reason string
			Tries  int
		} `json:"dead_letter"`
		Last *struct{ Verb string } `json:"last_write"`
	}
}

func (p *plant) explain(table, key string) explained {
	p.t.Helper()
	r := invocation{args: []string{"explain", "--json", table, key}, dir: p.dir}.run(p.t)
	if code := r.wait(p.t); code != 0 {
		p.t.Fatalf("explain %s %s: code %d\n%s", table, key, code, r.stderr)
	}
	var e explained
	if err := json.Unmarshal([]byte(r.stdout.String()), &e); err != nil {
		p.t.Fatalf("%v\n%s", err, r.stdout)
	}
	return e
}

// TestExplain: an equal row, one that waits, a dead letter, an orphan, a row that the condition excludes, a key that does not
// exist, and one that is none.
func TestExplain(t *testing.T) {
	from, to := openPair(t, "mysql+elastic")
	target := to.(elasticEnd)
	target.refuseLarge(t)
	p := plantBetween(t, from, to, 100, `where: v != "two"`)
	r := p.start("", false)
	p.awaitCopied(r)

	if e := p.explain("goods", "7"); e.Verdict != "the document is what the row makes" || e.Stored["v"] != "value 7" || !e.Now.Run || e.Now.State != "clean" ||
		e.Now.Last == nil || e.Now.Last.Verb != "upsert" || len(e.Document) != 6 || e.Document[3].From != "column d (decimal(12,2))" {
		t.Errorf("an equal row: %+v", e)
	}
	if e := p.explain("side", "2"); e.Meant || e.Verdict != "the row does not meet the mapping's where, and has no document: as it should be" {
		t.Errorf("an excluded row: %+v", e)
	}
	if e := p.explain("goods", "5000"); len(e.Row) != 0 || e.Verdict != "there is no row with this key, and no document: as it should be" {
		t.Errorf("no such key: %+v", e)
	}
	p.vandalize(nil, numbers(9, 1), numbers(6000, 1))
	if e := p.explain("goods", "6000"); e.Change != "delete" || !strings.HasSuffix(e.Verdict, "an orphan") || !strings.Contains(e.Advice, "verify") {
		t.Errorf("an orphan: %+v", e)
	}
	if e := p.explain("goods", "9"); e.Change != "update" || e.Verdict != "the document differs in note" || e.Differences[0].Have != `"vandal"` {
		t.Errorf("another document: %+v", e)
	}
	p.source.exec(t, "UPDATE goods SET n = 40000 WHERE id = 8")
	r.await(t, "a dead letter", func() (bool, error) {
		s, err := statusIf(t, p.dir, nil)
		return err == nil && s.Letters == 1, err
	})
	if e := p.explain("goods", "8"); e.Now.Letter == nil || !strings.HasPrefix(e.Verdict, "it is a dead letter: ") || !strings.Contains(e.Advice, "deadletters retry 8") {
		t.Errorf("a dead letter: %+v", e)
	}
	target.away(t, true)
	p.source.exec(t, "UPDATE goods SET v = 'late' WHERE id = 7")
	r.await(t, "it to be told that the key is in flight", func() (bool, error) {
		e := p.explain("goods", "7")
		return e.Now.State == "in flight" && strings.Contains(e.Verdict, "the document differs in v; the run knows, the key is in flight"), nil
	})
	target.away(t, false)
	p.awaitCaughtUp(r)
	for key, want := range map[string]string{"x": "written; the key is id bigint", "1,2": "key 1,2 of"} {
		bad := invocation{args: []string{"explain", "goods", key}, dir: p.dir}.run(t)
		if code := bad.wait(t); code != 2 || !strings.Contains(bad.stderr.String(), want) || !strings.Contains(bad.stderr.String(), "what to do:") {
			t.Errorf("key %s: code %d: %s", key, code, bad.stderr)
		}
	}
	if info, err := os.Stat(filepath.Join(p.dir, "meepo-state.db.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	shown := invocation{args: []string{"explain", "goods", "9"}, dir: p.dir}.run(t)
	for _, want := range []string{"row       id = 9", "should be id: 9    by column id (bigint)", "stored    under the id \"9\"", `differs   note: "vandal", should be "number 9"`, "so        the document differs in note"} {
		if !strings.Contains(shown.stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, shown.stdout)
		}
	}
	r.stop(t)
	if e := p.explain("goods", "7"); e.Now.Run || e.Verdict != "the document is what the row makes" {
		t.Errorf("without a run: %+v", e)
	}
}
