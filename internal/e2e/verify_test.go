package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// verified is what verify --json prints.
type verified struct {
	Equal    bool
	Followed bool
	Mappings []struct {
		Mapping                                             string
		Rows, Equal, Missing, Different, Orphans, Unsettled int64
		Documents                                           int64
		Fields                                              map[string]int64
		Whole                                               bool
	}
	Findings []struct{ Mapping, Plan, Key, Kind string }
}

// verify runs the command, which has to end with one of the codes.
func (p *plant) verify(codes []int, args ...string) verified {
	p.t.Helper()
	r := invocation{args: append([]string{"verify", "--json"}, args...), dir: p.dir}.run(p.t)
	if code := r.wait(p.t); !slices.Contains(codes, code) {
		p.t.Fatalf("verify %v: code %d, want one of %v\n%s\n%s", args, code, codes, r.stdout, r.stderr)
	}
	var v verified
	if err := json.NewDecoder(strings.NewReader(r.stdout.String())).Decode(&v); err != nil {
		p.t.Fatalf("verify %v: %v\n%s\n%s", args, err, r.stdout, r.stderr)
	}
	return v
}

// vandalize removes documents of goods, changes a field of others, and adds some that have no row.
func (p *plant) vandalize(removed, changed, added []int) {
	p.t.Helper()
	switch e := p.target.(type) {
	case elasticEnd:
		var body strings.Builder
		for _, id := range removed {
			fmt.Fprintf(&body, `{"delete":{"_index":%q,"_id":"%d"}}`+"\n", e.index, id)
		}
		for _, id := range changed {
			fmt.Fprintf(&body, `{"update":{"_index":%q,"_id":"%d"}}`+"\n"+`{"doc":{"note":"vandal"}}`+"\n", e.index, id)
		}
		for _, id := range added {
			fmt.Fprintf(&body, `{"index":{"_index":%q,"_id":"%d"}}`+"\n"+`{"id":%d,"v":"ghost"}`+"\n", e.index, id, id)
		}
		status, answer := e.target.Do(p.t, "POST", "/_bulk?refresh=true", body.String())
		if status != http.StatusOK || strings.Contains(string(answer), `"errors":true`) {
			p.t.Fatalf("%d %s", status, answer)
		}
	case mongoEnd:
		ids := func(list []int) bson.M {
			all := bson.A{}
			for _, id := range list {
				all = append(all, id)
			}
			return bson.M{"_id": bson.M{"$in": all}}
		}
		e.db.Do(p.t, func(db *mongo.Database) error {
			c, ctx := db.Collection("goods"), p.t.Context()
			if _, err := c.DeleteMany(ctx, ids(removed)); err != nil {
				return err
			}
			if _, err := c.UpdateMany(ctx, ids(changed), bson.M{"$set": bson.M{"note": "vandal"}}); err != nil {
				return err
			}
			ghosts := make([]any, len(added))
			for i, id := range added {
				ghosts[i] = bson.M{"_id": id, "v": "ghost"}
			}
			_, err := c.InsertMany(ctx, ghosts)
			return err
		})
	case postgresEnd:
		in := func(list []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]") }
		e.db.Exec(p.t, fmt.Sprintf("DELETE FROM %[1]s.goods WHERE id IN (%[2]s); UPDATE %[1]s.goods SET note = 'vandal' WHERE id IN (%[3]s);"+
			" INSERT INTO %[1]s.goods (id, v) SELECT unnest(ARRAY[%[4]s]), 'ghost'", endSchema, in(removed), in(changed), in(added)))
	}
}

func numbers(from, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = from + i
	}
	return list
}

// TestVerify: what somebody has done to the documents is found, all of it and nothing else, while writers run, and mended.
func TestVerify(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		const rows, wrong = 20_000, 100
		p := plantBetween(t, source, target, 5000)
		for from := 5001; from < rows; from += 5000 {
			p.source.exec(t, goodsRows(from, from+4999))
		}
		r := p.start("", false)
		p.awaitCopied(r)
		w := p.scribble(rows / 4) // changes ids up to half of them
		if v := p.verify([]int{0}); !v.Equal || !v.Followed || !v.Mappings[0].Whole {
			t.Errorf("before anything was done: %+v", v)
		}
		p.vandalize(numbers(rows-1000, wrong), numbers(rows-2000, wrong), numbers(10*rows, wrong))
		v := p.verify([]int{5})
		of := v.Mappings[0]
		if of.Missing != wrong || of.Different != wrong || of.Orphans != wrong || of.Fields["note"] != wrong || len(of.Fields) != 1 || len(v.Findings) != 3*wrong {
			t.Errorf("found %+v", of)
		}
		p.verify([]int{0}, "--repair", "--yes")
		if v := p.verify([]int{0}); !v.Equal {
			t.Errorf("after the repair: %+v", v)
		}
		t.Logf("%d changes by the writer", w.end())
		p.awaitCaughtUp(r)
		r.stop(t)
		p.equal(nil)
	})
}

// TestVerify_NoRun: without a run, verify compares as things are, and repairs by a run of its own.
func TestVerify_NoRun(t *testing.T) {
	p := newPlant(t, "mysql+elastic", 500)
	r := p.start("", false)
	p.awaitCopied(r)
	r.stop(t)
	p.vandalize(numbers(1, 5), numbers(10, 5), numbers(1000, 5))
	v := p.verify([]int{5})
	if v.Followed || len(v.Findings) != 15 {
		t.Errorf("%+v", v)
	}
	keys := p.verify([]int{5}, "goods", "--key", "1", "--key", "11", "--key", "100", "--key", "1001", "--key", "5000")
	if of := keys.Mappings[0]; of.Missing != 1 || of.Different != 1 || of.Orphans != 1 || of.Equal != 1 {
		t.Errorf("by keys: %+v", of)
	}
	if v := p.verify([]int{2}, "--repair", "--yes", "--max-repairs", "14"); len(v.Findings) != 15 {
		t.Errorf("%+v", v)
	}
	p.verify([]int{0}, "--repair", "--yes")
	p.verify([]int{0})
	p.equal(nil)
}

// TestVerify_GoesOn: what was compared before a Ctrl-C is not compared again.
func TestVerify_GoesOn(t *testing.T) {
	const rows = 20_000
	p := newPlant(t, "mysql+elastic", 5000)
	for from := 5001; from < rows; from += 5000 {
		p.source.exec(t, goodsRows(from, from+4999))
	}
	r := p.start("", false)
	p.awaitCopied(r)
	r.stop(t)
	p.vandalize(numbers(100, 5), numbers(19_000, 5), numbers(30_000, 5))
	first := invocation{args: []string{"verify", "--rate", "5000"}, dir: p.dir}.start(t)
	first.await(t, "progress is kept", func() (bool, error) {
		kept, err := keptRows(p.dir)
		return kept > 0, err
	})
	first.signal(t, syscall.SIGINT)
	if code := first.wait(t); code != 130 {
		t.Errorf("code %d: %s", code, first.stderr)
	}
	before, err := keptRows(p.dir)
	if err != nil || before == 0 || before >= rows {
		t.Fatalf("%d rows kept, %v", before, err)
	}
	second := invocation{args: []string{"verify", "--json"}, dir: p.dir}.run(t)
	if code := second.wait(t); code != 5 || !strings.Contains(second.stderr.String(), "going on where an earlier verify was cut off") {
		t.Errorf("code %d: %s", code, second.stderr)
	}
	var v verified
	if err := json.Unmarshal([]byte(second.stdout.String()), &v); err != nil {
		t.Fatal(err)
	}
	if of := v.Mappings[0]; of.Rows != rows || of.Missing != 5 || of.Different != 5 || of.Orphans != 5 || len(v.Findings) != 15 {
		t.Errorf("%+v, %d findings", of, len(v.Findings))
	}
	if kept, err := keptRows(p.dir); err == nil {
		t.Errorf("%d rows are kept of a comparison that has ended", kept)
	}
}

// keptRows is how many rows of goods a comparison that was cut off has looked at; an error where none is kept.
func keptRows(dir string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(dir, "meepo-state.db.verify"))
	if err != nil {
		return 0, err
	}
	var kept struct {
		Progress struct {
			Plans map[string]struct{ Report struct{ Rows int64 } }
		}
	}
	err = json.Unmarshal(text, &kept)
	for _, plan := range kept.Progress.Plans {
		if plan.Report.Rows > 3 { // side has three
			return plan.Report.Rows, err
		}
	}
	return 0, err
}
