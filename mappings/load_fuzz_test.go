package mappings

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// checkPlaces: each error says what is wrong, and where.
func checkPlaces(t *testing.T, data []byte, err error) {
	t.Helper()
	if len(Errors(err)) == 0 {
		t.Errorf("not an error of this package: %v", err)
	}
	// What is no line end to us may be one to the parser.
	lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r")
	for _, e := range Errors(err) {
		if e.Line < 1 || e.Line > lines || e.Column < 1 || e.File != "fuzz.yaml" || e.Message == "" || !strings.Contains(err.Error(), e.Error()) {
			t.Errorf("error without a place: %+v", e)
		}
	}
}

// FuzzParse: whatever a file holds, reading it ends in mappings or in errors with places, and mappings
// compile to plans that work or, again, give errors with places. Nothing panics.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("*/*/mapping.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	refused := sourcetest.Table("shop.refused", 1, sourcetest.Int("id"))
	refused.Refused, refused.Key = "it has no key", nil
	odd := sourcetest.Table("shop._Odd, name", 1, sourcetest.Of("a.b", source.KindBinary), sourcetest.Text("id"))
	tables := []source.Columns{orders, lines, refused, odd, sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("note"))}
	rules := Rules{
		Name: func(dest string) error {
			if strings.Contains(dest, "x") {
				return errors.New("no x in a name")
			}
			return nil
		},
		Fields: func(fields []targets.Field) error {
			if slices.ContainsFunc(fields, func(field targets.Field) bool { return field.Name == "y" }) {
				return errors.New("no y for a field")
			}
			return nil
		},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.yaml", data, nil)
		if err != nil {
			checkPlaces(t, data, err)
			return
		}
		if inside, err := ParseNode("fuzz.yaml", data, listOf(t, data)); err != nil || !cmp.Equal(file.Mappings, inside) {
			t.Errorf("as a part of a document: %v, %s", err, cmp.Diff(file.Mappings, inside))
		}
		compiled, err := Compile(file.Mappings, tables, rules)
		if err != nil {
			checkPlaces(t, data, err)
			if len(compiled.Plans) > 0 {
				t.Errorf("%d plans beside the error %v", len(compiled.Plans), err)
			}
			return
		}
		for _, plan := range compiled.Plans {
			var values []source.Value
			for _, column := range plan.Selection().Key {
				values = append(values, keyKinds[column.Type.Kind](7, []byte("x")))
			}
			checkInverse(t, plan, values...)
			row := source.Row{Found: true, Values: make([]source.Value, len(plan.Selection().Columns))}
			if row.Key, err = source.NewKey(values...); err != nil {
				t.Fatal(err)
			}
			ops, err := plan.Ops(nil, row, 1)
			if err != nil && plan.MayFail() {
				continue // 1 / 0
			}
			if err != nil || len(ops) != 1 || ops[0].Verb == targets.Upsert && (len(ops[0].Doc) != len(plan.Destination().Fields) || len(ops[0].Doc) == 0) || ops[0].Dest.Name == "" {
				t.Errorf("plan %s makes %+v, %v", plan.ID(), ops, err)
			}
		}
	})
}

// listOf returns the list of mappings in a document that Parse has taken.
func listOf(t *testing.T, data []byte) ast.Node {
	t.Helper()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		t.Fatal(err)
	}
	var values []*ast.MappingValueNode
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case *ast.MappingNode:
			values = append(values, body.Values...)
		case *ast.MappingValueNode:
			values = append(values, body)
		}
	}
	for _, value := range values {
		if key, ok := value.Key.(*ast.StringNode); ok && key.Value == "mappings" {
			return value.Value
		}
	}
	return nil
}
