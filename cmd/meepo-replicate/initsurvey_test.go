package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// TestDraft_Losses: what the target says of a field stands beside its column, with the line that changes it.
func TestDraft_Losses(t *testing.T) {
	rules := mappings.Rules{Types: []targets.FieldType{
		{Name: "scaled_float", Kinds: []targets.Kind{targets.KindDecimal}, Scaled: true}, {Name: "keyword", Kinds: []targets.Kind{targets.KindDecimal, targets.KindText}},
		{Name: "long", Kinds: []targets.Kind{targets.KindInt}},
	}, Fields: func(fields []targets.Field) error {
		for _, field := range fields {
			if strings.HasPrefix(field.Name, "_") {
				return &usageError{text: "kept for the target"}
			}
		}
		return nil
	}}
	columns := source.Columns{Table: source.Table{Schema: "shop", Name: "orders"}, Key: []int{0}, Columns: []source.Column{
		{Name: "id", Type: source.Type{Kind: source.KindInt, Bits: 64}}, {Name: "password", Type: source.Type{Kind: source.KindText}},
		{Name: "_total", Type: source.Type{Kind: source.KindDecimal, Native: "decimal(12,3)", Precision: 12, Scale: 3}}, {Name: "total", Type: source.Type{Kind: source.KindJSON}},
	}}
	s := &survey{}
	s.take(columns, rules, newNames(rules, []source.Columns{columns}))
	if len(s.drafts) != 1 {
		t.Fatalf("left out: %+v", s.leftOut)
	}
	s.drafts[0].hear([]targets.Finding{
		{Severity: targets.Note, Subject: "shop.orders.total_2", Message: "rounds"}, {Severity: targets.Note, Subject: "shop.orders.total", Message: "is a text"},
		{Severity: targets.Note, Subject: "shop.orders.password", Message: "of no column"}, {Severity: targets.Fatal, Subject: "shop.orders", Message: "is somebody's", Fix: "name another"},
	}, rules)
	f := &writtenFile{}
	f.mapping(s.drafts[0])
	want := `  - name: orders
    from: shop.orders
    to: shop.orders
    # Look at this: is somebody's: name another
    # Looks like a secret. Taken out of the list it is copied, as it is or masked: fields: {password: {mask: redact}}
    exclude: [password]
    # What the target has otherwise than the table, and what would change it:
    #   _total: rounds
    #     fields: {_total: {type: scaled_float, scale: 1000}}, or {type: text}
    #   total: is a text
    #     fields: {total: {type: text}}
    fields:
      # kept for the target
      _total: {to: total_2}
`
	if diff := cmp.Diff(want, f.text.String()); diff != "" {
		t.Error(diff)
	}
	if len(f.held) != 1 || f.held[0].line != 6 {
		t.Errorf("held: %+v", f.held)
	}
}

// TestNames: each mapping has a name and a destination of its own, as near to the table's as they can be.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 130)
	table := func(schema, name string) source.Columns {
		return source.Columns{Table: source.Table{Schema: schema, Name: name}}
	}
	for _, test := range []struct {
		title  string
		rules  mappings.Rules
		tables []source.Columns
		want   []string // name and destination
	}{
		{"one schema", mappings.Rules{}, []source.Columns{table("shop", "orders"), table("shop", "Orders"), table("shop", "orders_2")}, []string{"orders shop.orders", "Orders shop.orders_3", "orders_2 shop.orders_2"}},
		{"two schemas", mappings.Rules{}, []source.Columns{table("a", "t"), table("b", "t")}, []string{"a.t a.t", "b.t b.t"}},
		{"their own names", mappings.Rules{Default: func(t source.Table) string { return "app." + t.Name }}, []source.Columns{table("a", "t"), table("b", "t")}, []string{"a.t app.t", "b.t app.t_2"}},
		{"characters", mappings.Rules{}, []source.Columns{table("s", "ö ß/1"), table("s", "{db}")}, []string{"____1 s.ö ß/1", "_db_ s._db"}},
		{"too long", mappings.Rules{Name: func(name string) error {
			if len(name) > 100 {
				return &usageError{text: "too long"}
			}
			return nil
		}}, []source.Columns{table("s", long), table("s", long+"y")}, []string{
			long[:58] + "_2 s." + long[:56] + "_2", long[:58] + "_3 s." + long[:56] + "_3"}},
	} {
		n := newNames(test.rules, test.tables)
		var got []string
		for _, columns := range test.tables {
			got = append(got, n.mapping(columns.Table)+" "+n.destination(columns.Table))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.title, diff)
		}
	}
}
