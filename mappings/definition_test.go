package mappings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// defined compiles a mapping, a line of a file, for one table and returns the plan.
func defined(t *testing.T, mapping string, table source.Columns) *Plan {
	t.Helper()
	file, err := Parse("m.yaml", []byte("version: 1\nmappings:\n  - "+mapping+"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, file.Mappings, table)[0]
}

// again stores a definition and reads it.
func again(t *testing.T, d Definition) Definition {
	t.Helper()
	stored, err := ParseDefinition(d.Text())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, stored); diff != "" {
		t.Errorf("stored and read: %s", diff)
	}
	return stored
}

func changesBetween(before, after Definition) []string {
	var list []string
	for _, change := range Changes(before, after) {
		text := change.String()
		if change.Lossless {
			text += " (lossless)"
		}
		list = append(list, text)
	}
	return list
}

// TestDefinition_Edits: what a mapping says is told key by key, and what makes no document another is not.
func TestDefinition_Edits(t *testing.T) {
	const base = "{name: o, from: Shop.Orders, to: o, exclude: [note], fields: {total: {to: amount}}}"
	before := again(t, defined(t, base, orders).Definition())
	for mapping, want := range map[string][]string{
		base: nil,
		"from: ['Shop.Ord*', Shop.Orders]\n    # a comment\n    name: o\n    to: o\n    fields:\n      total:\n        to: 'amount'\n    exclude:\n      - note": nil,
		"{name: o, from: Shop.Orders, to: o, exclude: [note], fields: {total: {to: amount}}, on_schema_change: {add: park}, new_tables: ignore}":                 nil,
		"{name: o, from: Shop.Orders, to: p, fields: {total: {to: sum}, note: {to: text}}}": {
			"exclude was [note], is now not said", "fields.note.to was not said, is now text", "fields.total.to was amount, is now sum", "to was o, is now p",
			"column note varchar(255) was added (lossless)",
		},
		"{name: o, from: Shop.Orders, to: o, columns: [total, id], fields: {total: {to: amount}}}": {
			"columns was not said, is now [total, id]", "exclude was [note], is now not said",
		},
	} {
		got := changesBetween(before, again(t, defined(t, mapping, orders).Definition()))
		// A column that the mapping takes only now was there before.
		got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "was added") })
		want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "was added") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", mapping, diff)
		}
	}
}

// TestDefinition_EveryKey: each key of the language that makes documents others is there, under its own name.
func TestDefinition_EveryKey(t *testing.T) {
	file, err := Parse("m.yaml", []byte(`version: 1
mappings:
  - name: o
    from: Shop.Orders
    to: "{db}_o"
    id: "x{id}"
    where: total > 5
    exclude: [note]
    on_delete: {mark: gone}
    on_schema_change: {add: park}
    new_tables: ignore
    elastic: {routing: [id], pipeline: clean, settings: {index: {codec: best}}}
    fields:
      total: {to: a.b, type: scaled_float, scale: 100}
      email: {mask: hash, key: a-key-of-16-chars-or-more}
      net: {expr: total - 1}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, said := range saidBy(file.Mappings[0]) {
		got = append(got, said.Key+"="+said.Text)
	}
	want := []string{
		"elastic.pipeline=clean", "elastic.routing=[\"id\"]", "elastic.settings.index.codec=best", "exclude=[note]",
		"fields.email.key=secret " + keyDigest("a-key-of-16-chars-or-more"), "fields.email.mask=hash", "fields.net.expr=total - 1",
		"fields.total.scale=100", "fields.total.to=a.b", "fields.total.type=scaled_float", "id=x{id}", "on_delete.mark=gone", "to={db}_o", "where=total > 5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDefinition_Secrets: of a secret there is a digest, also where nobody has said that it is one.
func TestDefinition_Secrets(t *testing.T) {
	type mask struct {
		Column Text
		Mask   Text
		Key    Text
		Pepper Text `definition:"secret"`
	}
	list := func(key, pepper string) string {
		var list []Said
		walk(&list, "fields", false, reflect.ValueOf([]mask{{Column: Text{Value: "email"}, Mask: Text{Value: "hash"}, Key: Text{Value: key}, Pepper: Text{Value: pepper}}}))
		return fmt.Sprint(list)
	}
	got := list("hunter1", "salt")
	if strings.Contains(got, "hunter1") || strings.Contains(got, "salt") || !strings.Contains(got, "{fields.email.mask hash}") || !strings.Contains(got, "{fields.email.key secret ") {
		t.Errorf("said: %s", got)
	}
	if got != list("hunter1", "salt") || got == list("hunter2", "salt") || got == list("hunter1", "pepper") {
		t.Error("a digest does not tell secrets apart")
	}
}

// TestChanges_OfTheTable: only what documents are made of counts, and only what holds every value is lossless.
func TestChanges_OfTheTable(t *testing.T) {
	typed := func(native string, typ source.Type) source.Column {
		typ.Native = native
		return source.Column{Name: "v", Type: typ}
	}
	of := func(columns ...source.Column) source.Columns {
		return sourcetest.Table("Shop.Orders", 1, append([]source.Column{sourcetest.Int("id")}, columns...)...)
	}
	retype := func(from string, a source.Type, to string, b source.Type) [2]source.Columns {
		return [2]source.Columns{of(typed(from, a)), of(typed(to, b))}
	}
	for name, test := range map[string]struct {
		tables [2]source.Columns
		want   string
	}{
		"added":               {[2]source.Columns{of(), of(sourcetest.Text("v"))}, "column v varchar(255) was added (lossless)"},
		"added in front":      {[2]source.Columns{of(sourcetest.Int("v")), of(sourcetest.Text("w"), sourcetest.Int("v"))}, "column w varchar(255) was added (lossless)"},
		"dropped":             {[2]source.Columns{of(sourcetest.Text("v"), sourcetest.Int("w")), of(sourcetest.Int("w"))}, "column v varchar(255) was dropped"},
		"renamed":             {[2]source.Columns{of(sourcetest.Text("v")), of(sourcetest.Text("w"))}, "column v was dropped and w added in its place (renamed?)"},
		"replaced":            {[2]source.Columns{of(sourcetest.Text("v")), of(sourcetest.Int("w"))}, "column v varchar(255) was dropped; column w bigint was added (lossless)"},
		"another of the name": {[2]source.Columns{of(numbered("v", 2)), of(numbered("v", 3))}, "column v varchar(255) was dropped and v varchar(255) added under its name"},
		"renamed by number":   {[2]source.Columns{of(numbered("u", 2), numbered("v", 3)), of(numbered("w", 3))}, "column u varchar(255) was dropped; column v was dropped and w added in its place (renamed?)"},
		"not renamed":         {[2]source.Columns{of(numbered("v", 2)), of(numbered("w", 3))}, "column v varchar(255) was dropped; column w varchar(255) was added (lossless)"},
		"moved":               {[2]source.Columns{of(sourcetest.Text("v"), sourcetest.Int("w")), of(sourcetest.Int("w"), sourcetest.Text("v"))}, ""},
		"another key": {[2]source.Columns{of(sourcetest.Text("v")), sourcetest.Table("Shop.Orders", 2, sourcetest.Int("id"), sourcetest.Text("v"))},
			"the key was (id), is now (id, v) (lossless)"},
		"int to bigint":      {retype("int", source.Type{Kind: source.KindInt, Bits: 32}, "bigint", source.Type{Kind: source.KindInt, Bits: 64}), "column v was int, is now bigint (lossless)"},
		"bigint to int":      {retype("bigint", source.Type{Kind: source.KindInt, Bits: 64}, "int", source.Type{Kind: source.KindInt, Bits: 32}), "column v was bigint, is now int"},
		"int to unsigned":    {retype("int", source.Type{Kind: source.KindInt, Bits: 32}, "bigint unsigned", source.Type{Kind: source.KindUint, Bits: 64}), "column v was int, is now bigint unsigned"},
		"a display width":    {retype("int(11)", source.Type{Kind: source.KindInt, Bits: 32}, "int", source.Type{Kind: source.KindInt, Bits: 32}), "column v was int(11), is now int (lossless)"},
		"longer":             {retype("varchar(9)", source.Type{Length: 9}, "varchar(30)", source.Type{Length: 30}), "column v was varchar(9), is now varchar(30) (lossless)"},
		"without a length":   {retype("varchar(9)", source.Type{Length: 9}, "text", source.Type{}), "column v was varchar(9), is now text (lossless)"},
		"with a length":      {retype("text", source.Type{}, "varchar(9)", source.Type{Length: 9}), "column v was text, is now varchar(9)"},
		"shorter":            {retype("varchar(9)", source.Type{Length: 9}, "varchar(3)", source.Type{Length: 3}), "column v was varchar(9), is now varchar(3)"},
		"more digits":        {retype("decimal(9,2)", decimal(9, 2), "decimal(12,3)", decimal(12, 3)), "column v was decimal(9,2), is now decimal(12,3) (lossless)"},
		"fewer before point": {retype("decimal(9,2)", decimal(9, 2), "decimal(9,3)", decimal(9, 3)), "column v was decimal(9,2), is now decimal(9,3)"},
		"any digits":         {retype("numeric(9,2)", decimal(9, 2), "numeric", decimal(0, 0)), "column v was numeric(9,2), is now numeric (lossless)"},
		"a member more": {retype("enum('a')", source.Type{Kind: source.KindEnum, Members: []string{"a"}}, "enum('a','b')", source.Type{Kind: source.KindEnum, Members: []string{"a", "b"}}),
			"column v was enum('a'), is now enum('a','b') (lossless)"},
		"a member renamed": {retype("mood", source.Type{Kind: source.KindEnum, Members: []string{"a"}}, "mood", source.Type{Kind: source.KindEnum, Members: []string{"b"}}),
			"column v was mood, is now mood"},
		"text to number": {retype("varchar(9)", source.Type{Length: 9}, "int", source.Type{Kind: source.KindInt, Bits: 32}), "column v was varchar(9), is now int"},
	} {
		plans := [2]*Plan{compile(t, nil, test.tables[0])[0], compile(t, nil, test.tables[1])[0]}
		if got := strings.Join(changesBetween(again(t, plans[0].Definition()), plans[1].Definition()), "; "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	const narrow = "{name: o, from: Shop.Orders, to: o, columns: [id, v]}"
	if got := changesBetween(defined(t, narrow, of(sourcetest.Text("v"), sourcetest.Int("w"))).Definition(), defined(t, narrow, of(sourcetest.Text("v"), sourcetest.Int("x"))).Definition()); got != nil {
		t.Errorf("of columns that the mapping does not take: %q", got)
	}
}

func numbered(name string, number int) source.Column {
	column := sourcetest.Text(name)
	column.Number = number
	return column
}

func decimal(precision, scale int) source.Type {
	return source.Type{Kind: source.KindDecimal, Precision: precision, Scale: scale}
}

// TestPolicies_OfPlans: a plan has its mapping's policies, and knows whether its table was named.
func TestPolicies_OfPlans(t *testing.T) {
	plan := defined(t, "{name: o, from: ['Shop.*'], on_schema_change: {add: ignore, other: stop}, new_tables: ignore}", orders)
	if want := (Policies{Add: Ignore, Other: Stop, NewTables: NewIgnore}); plan.Policies() != want || !plan.ByGlob() {
		t.Errorf("%+v, by glob %t", plan.Policies(), plan.ByGlob())
	}
	if plan := defined(t, "{name: o, from: ['Shop.*', Shop.Orders]}", orders); plan.ByGlob() || plan.Policies() != (Policies{}) {
		t.Errorf("a table that is named, too: by glob %t, %+v", plan.ByGlob(), plan.Policies())
	}
}
