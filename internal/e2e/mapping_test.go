package e2e

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestMapping_Where: rows enter and leave a mapping's condition by update while it follows, before it copies, and while it
// is down, and every target has the documents of those that match at the end.
func TestMapping_Where(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		p := plantBetween(t, source, target, 10, `where: 'v startsWith "in"'`)
		p.source.exec(t, "DELETE FROM side", "INSERT INTO side VALUES (1, 'in'), (2, 'out'), (3, 'in'), (4, 'out')")
		r := p.start("", false)
		p.awaitCopied(r)
		p.wantSide(r, "1", "3")
		p.source.exec(t, "UPDATE side SET v = 'out' WHERE id = 1", "UPDATE side SET v = 'in' WHERE id = 2")
		p.wantSide(r, "2", "3")
		p.source.exec(t, "UPDATE side SET v = 'in again' WHERE id = 1", "UPDATE side SET id = 30 WHERE id = 3", "DELETE FROM side WHERE id = 2")
		p.wantSide(r, "1", "30")
		r.stop(t)
		p.source.exec(t, "UPDATE side SET v = 'out' WHERE id = 1", "UPDATE side SET v = 'in' WHERE id = 4")
		r = p.start("", false)
		p.wantSide(r, "30", "4")
		p.resume("side")
		p.source.exec(t, "UPDATE side SET v = 'out' WHERE id = 30", "UPDATE side SET v = 'in' WHERE id = 1")
		p.awaitCopied(r)
		p.wantSide(r, "1", "4")
		r.stop(t)
	})
}

// wantSide waits until side has these documents.
func (p *plant) wantSide(r *running, ids ...string) {
	p.t.Helper()
	r.await(p.t, fmt.Sprintf("documents %v", ids), func() (bool, error) {
		got := slices.Sorted(maps.Keys(p.target.docs(p.t, "side")))
		return slices.Equal(got, slices.Sorted(slices.Values(ids))), fmt.Errorf("there are %v", got)
	})
}
