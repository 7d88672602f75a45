package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestSelection_UnfitTables: Elasticsearch can have no index for shop.50% and no field _id. Under a
// glob such tables are left out, with and without mappings beside it; named they are errors.
func TestSelection_UnfitTables(t *testing.T) {
	nokey := sourcetest.Table("shop.nokey", 0, sourcetest.Int("id"))
	nokey.Refused = "it has no primary key"
	tables := []source.Columns{
		sourcetest.Table("shop.orders", 1, sourcetest.Int("id")), sourcetest.Table("shop.50%", 1, sourcetest.Int("id")),
		sourcetest.Table("shop.documents", 1, sourcetest.Int("_id")), sourcetest.Table("shop.lines", 1, sourcetest.Int("id")), nokey,
	}
	left := []string{"shop.50% is left out", "shop.documents is left out", "shop.nokey is left out"}
	for name, test := range map[string]struct {
		tables, file string
		plans, says  []string
		wrong        []string
	}{
		"a glob": {tables: "shop.*", plans: []string{"shop.lines", "shop.orders"}, says: left},
		"a glob beside a mapping": {tables: "shop.*", file: "mappings: [{name: o, from: shop.orders, to: o}]\n",
			plans: []string{"o/shop.orders", "shop.lines"}, says: left},
		"a glob of a mapping": {file: "mappings: [{name: o, from: 'shop.*'}]\n", plans: []string{"o/shop.lines", "o/shop.orders"}, says: left},
		"a mapping makes it fit": {tables: "shop.*", file: "mappings: [{name: o, from: 'shop.50%', to: half}]\n",
			plans: []string{"o/shop.50%", "shop.lines", "shop.orders"}, says: left[1:]},
		"named": {tables: "shop.50%,shop.documents,shop.orders", wrong: []string{"shop.50% cannot", "shop.documents cannot"}},
		"named beside a mapping": {tables: "shop.50%,shop.orders", file: "mappings: [{name: o, from: shop.orders, to: o}]\n",
			wrong: []string{"shop.50% cannot"}},
		"a field that is named": {file: "mappings: [{name: o, from: 'shop.l*', fields: {id: {to: _id}}}]\n", wrong: []string{"meepo.yaml:1:57: field _id"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := needed
			if test.tables != "" {
				args = append(args[:len(args):len(args)], "--tables="+test.tables)
			}
			c, _, err := setup{files: map[string]string{"meepo.yaml": test.file}, args: args}.load(t)
			if err != nil {
				t.Fatal(err)
			}
			chosen, err := c.selectTables()
			if err != nil {
				t.Fatal(err)
			}
			compiled, err := chosen.compile(t.Context(), tables)
			var got []string
			for _, p := range compiled.Plans {
				got = append(got, string(p.ID()))
			}
			if diff := cmp.Diff(test.plans, got); diff != "" {
				t.Error(diff)
			}
			var wrong []string
			for _, e := range flatten(err) {
				message, _ := messageOf(e)
				wrong = append(wrong, message)
			}
			wantEach(t, "error", wrong, test.wrong)
			if test.says != nil {
				wantEach(t, "warning", slices.DeleteFunc(compiledWarnings(compiled), func(w string) bool { return strings.Contains(w, "not replicated") }), test.says)
			}
		})
	}
}

// wantEach looks for each part in the text at its place.
func wantEach(t *testing.T, what string, got, parts []string) {
	t.Helper()
	slices.Sort(got)
	if len(got) != len(parts) {
		t.Errorf("%d %ss, want %d: %q", len(got), what, len(parts), got)
		return
	}
	for i := range got {
		if !strings.Contains(got[i], parts[i]) {
			t.Errorf("%s %q, want %q", what, got[i], parts[i])
		}
	}
}
