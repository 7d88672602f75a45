package mappings

import (
	"testing"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// templatePlan is a plan of a table with two text columns in its key.
func templatePlan(tb testing.TB, table, id string) *Plan {
	tb.Helper()
	columns := sourcetest.Table(table, 2, sourcetest.Text("a"), sourcetest.Text("b"))
	return compile(tb, []Mapping{{From: Default(source.Pattern(columns.Table))[0].From, To: Text{Value: "all"}, ID: Text{Value: id}}}, columns)[0]
}

func idOf(tb testing.TB, plan *Plan, values ...source.Value) targets.ID {
	tb.Helper()
	ops, err := plan.Ops(nil, source.Row{Key: sourcetest.Key(values...)}, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return ops[0].ID
}

// FuzzIDForm: ids by a template are the same for the same key only, lead back to it, and what none has made is
// taken for none's.
func FuzzIDForm(f *testing.F) {
	forms := []string{"{a}:{b}", "{b}--{a}", "x{a}äö{b}ä", "{a}:{b}:", "{table}:{a}:{b}", "{a}\u00e9{b}.doc", "{db}.{a}.{table}.{b}"}
	f.Add(uint8(0), "1", "2:3", "1:2", "3", "1:2:3")
	f.Add(uint8(1), "-", "", "", "-", "---")
	f.Add(uint8(2), `\`, "ä", `\ä`, "", `xäöä`)
	f.Add(uint8(3), ":", ":", "::", "", ":::")
	f.Fuzz(func(t *testing.T, form uint8, a, b, c, d, id string) {
		plan := templatePlan(t, "db.t", forms[int(form)%len(forms)])
		for _, text := range []string{a, b, c, d} {
			if !utf8.ValidString(text) {
				return // no column has it
			}
		}
		first, second := idOf(t, plan, a, b), idOf(t, plan, c, d)
		if (first == second) != (a == c && b == d) {
			t.Errorf("%q and %q of %q %q and %q %q", first, second, a, b, c, d)
		}
		if key, err := plan.KeyOf(first); err != nil || key != sourcetest.Key(a, b) {
			t.Errorf("key of %q: %s, %v", first, key.Text(), err)
		}
		if key, err := plan.KeyOf(targets.ID(id)); err == nil {
			ops, err := plan.Ops(nil, source.Row{Key: key}, 1)
			if err != nil || string(ops[0].ID) != id {
				t.Errorf("%q is taken for that of %s, %v", id, key.Text(), err)
			}
		}
		if other := templatePlan(t, "db.u", "{table}:{a}:{b}"); forms[int(form)%len(forms)] == "{table}:{a}:{b}" {
			if _, err := other.KeyOf(first); err == nil {
				t.Errorf("%q of one table is taken for the other's", first)
			}
		}
	})
}
