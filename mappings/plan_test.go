package mappings

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

var orders = sourcetest.Table("Shop.Orders", 1, sourcetest.Int("id"), sourcetest.Text("note"), sourcetest.Of("total", source.KindDecimal))

var lines = sourcetest.Table("Shop.Lines", 2, sourcetest.Int("order_id"), sourcetest.Text("sku"), sourcetest.Int("amount"))

// compile compiles mappings that have to be right.
func compile(tb testing.TB, mappings []Mapping, tables ...source.Columns) []*Plan {
	tb.Helper()
	compiled, err := Compile(mappings, tables, Rules{})
	if err != nil {
		tb.Fatal(err)
	}
	return compiled.Plans
}

func TestPlan_DefaultMapsEachTableWhole(t *testing.T) {
	plans := compile(t, nil, orders, lines)
	if len(plans) != 2 {
		t.Fatalf("%d plans for two tables", len(plans))
	}
	plan := plans[1]
	if plan.ID() != "Shop.Orders" || plan.Name() != "Shop.Orders" || plan.Table() != orders.Table {
		t.Errorf("plan %s %s of %s", plan.ID(), plan.Name(), plan.Table())
	}
	want := &targets.Destination{
		Name: "shop.orders",
		Fields: []targets.Field{
			{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true},
			{Name: "note", Kind: targets.KindText, Native: "varchar(255)", Length: 255, Nullable: true},
			{Name: "total", Kind: targets.KindDecimal, Native: "kind 4", Bits: 64, Nullable: true},
		},
		Key: []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true}},
	}
	if diff := cmp.Diff(want, plan.Destination()); diff != "" {
		t.Error(diff)
	}
	wantSelection := source.Selection{Table: orders.Table, Key: orders.Columns[:1], Columns: orders.Columns}
	if diff := cmp.Diff(wantSelection, plan.Selection()); diff != "" {
		t.Error(diff)
	}
}

func TestPlan_Ops(t *testing.T) {
	plans := compile(t, nil, orders, lines)
	for name, test := range map[string]struct {
		plan *Plan
		row  source.Row
		want targets.Op
	}{
		"found": {plans[1],
			source.Row{Key: sourcetest.Key(7), Found: true, Values: []source.Value{int64(7), nil, "1.50"}},
			targets.Op{Verb: targets.Upsert, Dest: plans[1].Destination(), ID: "7", Doc: []any{int64(7), nil, "1.50"}, Version: 9}},
		"not found": {plans[1],
			source.Row{Key: sourcetest.Key(-7)},
			targets.Op{Verb: targets.Delete, Dest: plans[1].Destination(), ID: "-7", Version: 9}},
		"composite": {plans[0],
			source.Row{Key: sourcetest.Key(7, `a|b\`)},
			targets.Op{Verb: targets.Delete, Dest: plans[0].Destination(), ID: `7|a\|b\\`, Version: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			before := []targets.Op{{ID: "before"}}
			ops, err := test.plan.Ops(before, test.row, 9)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(before, test.want), ops); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlan_OpsRefuses(t *testing.T) {
	plan := compile(t, nil, orders)[0]
	broken := errors.New("cannot decode")
	for name, row := range map[string]source.Row{
		"row error":       {Key: sourcetest.Key(1), Err: broken},
		"other key":       {Key: sourcetest.Key(1, "a")},
		"no key":          {},
		"too few values":  {Key: sourcetest.Key(1), Found: true, Values: []source.Value{int64(1)}},
		"key not decoded": {Key: "i\x09"},
	} {
		ops, err := plan.Ops(nil, row, 1)
		if err == nil || len(ops) > 0 {
			t.Errorf("%s: ops %v, error %v", name, ops, err)
		}
		if row.Err != nil && !errors.Is(err, broken) {
			t.Errorf("%s: %v hides the row's error", name, err)
		}
	}
}

func TestPlan_Dirty(t *testing.T) {
	plan := compile(t, nil, orders)[0]
	key := sourcetest.Key(3)
	var got []DocKey
	for _, e := range []source.Event{
		{Action: source.Insert, Table: orders.Table, Key: key},
		{Action: source.Delete, Table: orders.Table, Key: key},
		{Action: source.Update, Table: lines.Table, Key: key},
		{Action: source.Truncate, Table: orders.Table},
	} {
		got = plan.Dirty(got, e)
	}
	want := []DocKey{{Plan: plan.ID(), Key: key}, {Plan: plan.ID(), Key: key}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlan_Fingerprint(t *testing.T) {
	base := compile(t, nil, orders)[0].Fingerprint()
	if again := compile(t, nil, orders, lines)[1].Fingerprint(); again != base {
		t.Error("the same plan has two fingerprints")
	}
	change := func(what func(c *source.Columns)) string {
		changed := orders
		changed.Columns = append([]source.Column(nil), orders.Columns...)
		what(&changed)
		return compile(t, nil, changed)[0].Fingerprint()
	}
	if change(func(c *source.Columns) { c.Columns[1].Type.Length = 500; c.Columns[0].Type.Native = "int" }) != base {
		t.Error("a longer text is another document")
	}
	for name, changed := range map[string]string{
		"scale":       change(func(c *source.Columns) { c.Columns[2].Type.Scale = 3 }),
		"kind":        change(func(c *source.Columns) { c.Columns[1].Type.Kind = source.KindJSON }),
		"column":      change(func(c *source.Columns) { c.Columns = c.Columns[:2] }),
		"order":       change(func(c *source.Columns) { c.Columns[1], c.Columns[2] = c.Columns[2], c.Columns[1] }),
		"table":       change(func(c *source.Columns) { c.Table.Name = "orders" }),
		"key":         change(func(c *source.Columns) { c.Key = []int{0, 1} }),
		"destination": compile(t, []Mapping{{From: Default(source.Pattern(orders.Table))[0].From, To: Text{Value: "o"}}}, orders)[0].Fingerprint(),
	} {
		if changed == base {
			t.Errorf("another %s gives the same fingerprint", name)
		}
	}
}
