package mappings

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meepo-replicate/meepo/source"
)

// listIn returns the value of "mappings" in a larger document, as a program that has one does.
func listIn(t *testing.T, document string) ast.Node {
	t.Helper()
	file, err := parser.ParseBytes([]byte(document), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range file.Docs[0].Body.(*ast.MappingNode).Values {
		if value.Key.String() == "mappings" {
			return value.Value
		}
	}
	t.Fatal("no mappings")
	return nil
}

// placesAlone leaves out how wide places are, which the cases in testdata show.
var placesAlone = cmpopts.IgnoreFields(Place{}, "Width")

func TestParseNode_PlacesAreTheDocuments(t *testing.T) {
	const document = "# ä\nstate: x\nmappings:\n  - {name: a, from: shop.orders}\n  - {name: b, form: shop.orders}\n"
	_, err := ParseNode("meepo.yaml", []byte(document), listIn(t, document))
	want := []*Error{
		{
			Place:   Place{"meepo.yaml", 5, 5, "  - {name: b, form: shop.orders}", 0},
			Message: "the mapping has no `from`", Hint: "name a table, such as `from: shop.orders`",
		},
		{
			Place:   Place{"meepo.yaml", 5, 15, "  - {name: b, form: shop.orders}", 0},
			Message: `a mapping has an unknown key "form"`, Hint: `did you mean "from"?`,
		},
	}
	if diff := cmp.Diff(want, Errors(err), placesAlone); diff != "" {
		t.Error(diff)
	}
}

func TestParseNode_GivesMappings(t *testing.T) {
	const document = "mappings:\r\n  - name: a\r\n    from: [shop.orders, 'x_*.*']\r\n    to: o\r\n    columns: [id]\r\n    fields: {id: {to: nr}}\r\n"
	list, err := ParseNode("meepo.yaml", []byte(document), listIn(t, document))
	if err != nil {
		t.Fatal(err)
	}
	at := func(line, column int, text string) Place { return Place{"meepo.yaml", line, column, text, 0} }
	from := "    from: [shop.orders, 'x_*.*']"
	want := []Mapping{{
		Name: Text{"a", at(2, 11, "  - name: a")},
		From: []From{
			{source.Pattern{Schema: "shop", Name: "orders"}, at(3, 12, from)},
			{source.Pattern{Schema: "x_*", Name: "*"}, at(3, 25, from)},
		},
		To:      Text{"o", at(4, 9, "    to: o")},
		Columns: []Text{{"id", at(5, 15, "    columns: [id]")}},
		Fields: []Field{{
			Column: Text{"id", at(6, 14, "    fields: {id: {to: nr}}")},
			To:     Text{"nr", at(6, 23, "    fields: {id: {to: nr}}")},
		}},
	}}
	if diff := cmp.Diff(want, list, placesAlone); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]source.Pattern{{Schema: "shop", Name: "orders"}, {Schema: "x_*", Name: "*"}}, Patterns(append(list, list...))); diff != "" {
		t.Error(diff)
	}
}

func TestDefault_LiteralPatternsAreStrict(t *testing.T) {
	pattern := source.Pattern{Schema: "Shop", Name: "Ordes"}
	_, err := Compile(Default(pattern, source.Pattern{Schema: "*", Name: "*"}), []source.Columns{orders, lines}, Rules{})
	want := []*Error{{Message: "no such table: Shop.Ordes", Hint: `did you mean "Shop.Orders"?`}}
	if diff := cmp.Diff(want, Errors(err), placesAlone); diff != "" {
		t.Error(diff)
	}
	var one *Error
	if !errors.As(err, &one) || one.Error() != `no such table: Shop.Ordes: did you mean "Shop.Orders"?` {
		t.Errorf("as one error: %v", one)
	}
	plans := compile(t, Default(source.Pattern(orders.Table), source.Pattern{Schema: "*", Name: "*"}), orders, lines)
	if len(plans) != 2 {
		t.Errorf("%d plans of two tables", len(plans))
	}
}

func TestCompile_RefusesKeysThatAreNone(t *testing.T) {
	noKey, floating := orders, orders
	noKey.Key = nil
	floating.Columns = append([]source.Column(nil), orders.Columns...)
	floating.Columns[0].Type = source.Type{Kind: source.KindFloat, Native: "double"}
	for want, table := range map[string]source.Columns{
		"table Shop.Orders cannot be replicated: it has no key":                                   noKey,
		"table Shop.Orders cannot be replicated: key column id: a double cannot be part of a key": floating,
	} {
		if _, err := Compile(Default(source.Pattern(orders.Table)), []source.Columns{table}, Rules{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestCompile_OneNameInTwoFiles(t *testing.T) {
	read := func(file string) []Mapping {
		parsed, err := Parse(file, []byte("version: 1\nmappings: [{name: a, from: Shop.Orders, to: "+file+"}]"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Mappings
	}
	_, err := Compile(append(read("one"), read("two")...), []source.Columns{orders}, Rules{})
	if err == nil || !strings.HasPrefix(err.Error(), `two:2:19: two mappings are named "a", the first in one:2`) {
		t.Error(err)
	}
}

func TestErrors_OfSeveralFiles(t *testing.T) {
	_, one := Parse("one", []byte("version: 1\nmappings: []\nx: 1"), nil)
	_, two := Parse("two", []byte("version: 2\nmappings: []"), nil)
	all := Errors(fmt.Errorf("read: %w", errors.Join(one, errors.New("other"), nil, two)))
	var places []string
	for _, e := range all {
		places = append(places, fmt.Sprintf("%s:%d", e.File, e.Line))
	}
	if diff := cmp.Diff([]string{"one:2", "one:3", "two:1", "two:2"}, places); diff != "" {
		t.Error(diff)
	}
}

func TestParse_Bounds(t *testing.T) {
	indented := ""
	for n := range 100 {
		indented += strings.Repeat(" ", n) + "a:\n"
	}
	for name, data := range map[string]string{
		"big.yaml is larger":    strings.Repeat("#", maxSize+1),
		"big.yaml:1:41: lists":  strings.Repeat("[", 100_000),
		"big.yaml:1:161: lists": strings.Repeat("{a: ", 100_000),
		"big.yaml:1:81: lists":  strings.Repeat("- ", 100_000),
		"big.yaml:42:42: lists": indented,
	} {
		_, err := Parse("big.yaml", []byte(data), nil)
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("want %s, got %.100v", name, err)
		}
	}
	if Errors(nil) != nil || Errors(errors.New("other")) != nil {
		t.Error("errors of another package are taken for ours")
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"from", "columns", "exclude", "total", "Größe"}
	for word, want := range map[string]string{
		"form": "from", "column": "columns", "EXCLUDES": "exclude", "Totl": "total", "grösse": "Größe",
		"x": "", "nothing": "", "": "",
	} {
		got := didYouMean(word, names)
		if want != "" {
			want = `did you mean "` + want + `"?`
		}
		if got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
