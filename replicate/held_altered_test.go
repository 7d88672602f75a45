package replicate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// A table that is altered or renamed while keys of it are held is copied anew at the commit, under the
// name that it has then; others keep their keys, and transactions that have not changed it know nothing
// of it. What is saved says the same.
func TestHeld_TableAlteredBetween(t *testing.T) {
	a, b, c := source.Table{Schema: "s", Name: "a"}, source.Table{Schema: "s", Name: "b"}, source.Table{Schema: "s", Name: "c"}
	h := newHeld(100, nil)
	var change state.Change
	for _, xid := range []string{"x", "y"} {
		h.begin(xid, &change)
	}
	h.add(source.Event{Action: source.Insert, Table: a, Key: "1", XID: "x"}, &change)
	h.add(source.Event{Action: source.Insert, Table: b, Key: "1", XID: "x"}, &change)
	h.add(source.Event{Action: source.Delete, Table: b, Key: "2", XID: "y"}, &change)
	h.altered(a, c, &change)
	h.altered(c, c, &change)
	h.altered(a, a, &change)
	h.add(source.Event{Action: source.Insert, Table: a, Key: "3", XID: "x"}, &change)
	saved := slices.Clone(change.Hold)
	slices.SortStableFunc(saved, func(p, q state.Held) int { return int(p.XID[0]) - int(q.XID[0]) })
	for name, h := range map[string]*held{"in memory": h, "loaded": newHeld(100, saved)} {
		x, _ := h.end("x", &state.Change{})
		if diff := cmp.Diff(map[source.Table]bool{a: true, c: true}, x.whole); diff != "" {
			t.Errorf("%s, x: %s", name, diff)
		}
		y, _ := h.end("y", &state.Change{})
		if len(y.whole) != 0 || x.keys != 2 || y.keys != 1 {
			t.Errorf("%s: x has %d keys, y %d and %v", name, x.keys, y.keys, y.whole)
		}
		want := []state.Held{{XID: "y", Action: uint8(source.Prepare)}, {XID: "y", Number: 1, Schema: "s", Name: "b", Action: uint8(source.Delete), Key: "2"}}
		if diff := cmp.Diff(want, y.changes); diff != "" {
			t.Errorf("%s, y: %s", name, diff)
		}
	}
}
