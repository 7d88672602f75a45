package sourcetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

// RunPrepared tests a source that tells of transactions in two phases when they are prepared: their
// changes come then, and are visible behind the fence of the commit, not before. Positions between the two
// are good to go on from. Nobody else may make such transactions on the server, since every stream is told.
func RunPrepared(t *testing.T, options Options) {
	s := begin(t, options)
	item := s.create(t, "item", Numbered)
	s.insert(t, item, Numbered, numbers(1, 2)...)
	p := &passage{suite: s, names: map[string]string{}}
	p.position, p.fence = s.settle(t)
	selection := s.selection(t, p.fence, item)
	insert := func(n int64) Change {
		return Change{Action: source.Insert, Table: item, Shape: Numbered, Key: []source.Value{n}, N: n}
	}
	s.Prepare(t, "x", []Change{insert(10), {Action: source.Delete, Table: item, Key: []source.Value{int64(1)}}})
	s.insert(t, item, Numbered, numbers(3, 3)...)
	s.Prepare(t, "y", []Change{insert(11)})
	p.expect(t, "prepare T1", "write item 10 of T1", "delete item 1 of T1", "write item 3", "prepare T2", "write item 11 of T2")
	p.found(t, selection, map[int]bool{3: true})
	p.hidden(t, selection, 10)
	s.End(t, "y", false)
	s.insert(t, item, Numbered, numbers(4, 4)...)
	s.End(t, "x", true)
	p.expect(t, "rollback T2", "write item 4", "commit T1")
	p.found(t, selection, map[int]bool{1: false, 3: true, 4: true, 10: true, 11: false})
	s.Prepare(t, "x", []Change{insert(12)}) // the name is free again
	s.End(t, "x", true)
	p.expect(t, "prepare T1", "write item 12 of T1", "commit T1")
	p.found(t, selection, map[int]bool{12: true})
}

// passage goes through the log piece by piece.
type passage struct {
	*suite
	position source.Position // up to where it was read
	fence    source.Fence    // that goes with it
	names    map[string]string
}

// expect reads on to the log's end, from a stream of its own. Transactions are numbered as they come.
func (p *passage) expect(t testing.TB, want ...string) {
	t.Helper()
	batches := p.follow(t, p.position, p.mark(t), p.all())
	var got []string
	for _, batch := range batches {
		for _, e := range batch.Events {
			if e.XID != "" && p.names[e.XID] == "" {
				p.names[e.XID] = fmt.Sprintf("T%d", len(p.names)+1)
			}
			switch {
			case e.Table == p.marker:
			case e.Action.OfTransaction():
				got = append(got, e.Action.String()+" "+p.names[e.XID])
			case e.XID != "":
				got = append(got, inWords(e)+" of "+p.names[e.XID])
			default:
				got = append(got, inWords(e))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after %q: %s", p.position, diff)
	}
	last := batches[len(batches)-1]
	p.position, p.fence = last.Position, last.Fence
}

// found reads rows behind the fence.
func (p *passage) found(t testing.TB, selection source.Selection, want map[int]bool) {
	t.Helper()
	for n, there := range want {
		rows, err := p.Source.ReadRows(t.Context(), p.fence, selection, []source.Key{Key(n)})
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Found != there {
			t.Errorf("behind %q, row %d is found: %v", p.fence, n, rows[0].Found)
		}
	}
}

// hidden reads a row that is prepared: it is not there, or the read waits for what becomes of it.
func (p *passage) hidden(t testing.TB, selection source.Selection, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	rows, err := p.Source.ReadRows(ctx, p.fence, selection, []source.Key{Key(n)})
	if err == nil && rows[0].Found || err != nil && ctx.Err() == nil {
		t.Errorf("behind %q, prepared row %d: %+v, %v", p.fence, n, rows, err)
	}
}
