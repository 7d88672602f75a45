package postgres

import (
	"testing"

	"github.com/meepo-replicate/meepo/source"
)

// TestPolls_SwappedNames: a table that has taken another's name is not taken for the one that left it, in whatever order
// they were renamed.
func TestPolls_SwappedNames(t *testing.T) {
	of := func(name string) shape { return shape{table: source.Table{Schema: "s", Name: name}} }
	p := &polls{known: map[uint32]shape{100: of("old"), 200: of("a"), 300: of("c")}}
	var got []string
	for _, e := range p.changes(map[uint32]shape{100: of("a"), 200: of("bad"), 300: of("d")}) {
		got = append(got, e.Table.Name+"_"+e.Action.String())
	}
	wantLines(t, got, "old_drop\na_drop\nc_drop\na_create\nbad_create\nd_create")
}
