package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// TestMapping_Mark: documents of rows that go stay, with the time; a row that comes back has none; a TRUNCATE marks all, and
// what is copied anew keeps its marks.
func TestMapping_Mark(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		p := plantBetween(t, source, target, 10, `where: v != "out" or v == nil, on_delete: {mark: gone}`)
		p.source.exec(t, "DELETE FROM side", "INSERT INTO side VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'out')")
		r := p.start("", false)
		p.awaitCopied(r)
		p.wantMarks(r, "1", "2", "3")
		p.source.exec(t, "DELETE FROM side WHERE id = 1", "UPDATE side SET v = 'out' WHERE id = 2", "UPDATE side SET id = 30 WHERE id = 3")
		p.wantMarks(r, "1 gone", "2 gone", "3 gone", "30")
		r.stop(t)
		p.source.exec(t, "INSERT INTO side VALUES (1, 'again')", "UPDATE side SET v = 'in' WHERE id = 2", "DELETE FROM side WHERE id = 30")
		r = p.start("", false)
		p.wantMarks(r, "1", "2", "3 gone", "30 gone")
		p.source.exec(t, "TRUNCATE TABLE side")
		p.wantMarks(r, "1 gone", "2 gone", "3 gone", "30 gone")
		p.resume("side")
		p.source.exec(t, "INSERT INTO side VALUES (5, 'x')")
		p.wantMarks(r, "1 gone", "2 gone", "3 gone", "30 gone", "5")
		r.stop(t)
		if s := p.status(); s.Letters != 0 || len(s.Parked) != 0 {
			t.Errorf("%d dead letters, parked %v", s.Letters, s.Parked)
		}
	})
}

// wantMarks waits until side has these documents: "1" without a mark, "1 gone" with one.
func (p *plant) wantMarks(r *running, docs ...string) {
	p.t.Helper()
	want := slices.Sorted(slices.Values(docs))
	r.await(p.t, fmt.Sprintf("documents %v", want), func() (bool, error) {
		var got []string
		for id, gone := range p.marks() {
			if gone {
				id += " gone"
			}
			got = append(got, id)
		}
		slices.Sort(got)
		return slices.Equal(got, want), fmt.Errorf("there are %v", got)
	})
}

// marks reads which documents of side are marked, by id. Each has to show its row as it was.
func (p *plant) marks() map[string]bool {
	p.t.Helper()
	all := map[string]bool{}
	add := func(id, v string, gone bool) {
		if v == "" || v == "<nil>" {
			p.t.Errorf("document %s has lost its row", id)
		}
		all[id] = gone
	}
	switch e := p.target.(type) {
	case elasticEnd:
		for id, doc := range e.target.Docs(p.t, e.target.Prefix+"side") {
			add(id, fmt.Sprint(doc["v"]), doc["gone"] != nil)
		}
	case mongoEnd:
		for _, doc := range e.db.Docs(p.t, "side") {
			fields := map[string]any{}
			for _, field := range doc {
				fields[field.Key] = field.Value
			}
			add(fmt.Sprint(fields["_id"]), said(fields["v"]), fields["gone"] != nil)
		}
	case postgresEnd:
		for _, row := range e.db.QueryStrings(p.t, "SELECT id, v, gone IS NOT NULL FROM "+endSchema+".side") {
			add(row[0], row[1], row[2] == "true" || row[2] == "t")
		}
	}
	return all
}
