package mappings_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meepo-replicate/meepo/mappings"
)

// unseen are the wrong files in which a schema sees nothing, by what it cannot know.
var unseen = map[string][]string{
	"tables and targets": {
		"bad-destinations", "dates-wrong", "expr-wrong", "glob-missing-column", "id-wrong", "mask-wrong", "nesting-wrong", "nothing-left",
		"on-delete-taken", "one-field-twice", "refused", "shared-destination", "shared-shapes", "shared-types", "to-wrong",
		"unfit-named", "unfit-said", "unknown-names", "value-wrong", "where-wrong", "names-clash", "template-ambiguous", "types-sized",
		"spread-wrong", "spread-meets",
	},
	"variables":              {"variables-unset"},
	"more than one document": {"two-documents"},
}

// TestFileSchema_Lines: what is wrong with a text in itself shows in an editor.
func TestFileSchema_Lines(t *testing.T) {
	schema := fileSchema(t)
	for line, fits := range map[string]bool{
		`{from: a.b, id: "{db}:{id}"}`:                                      true,
		`{from: a.b, id: "a{{b}}{id}"}`:                                     true,
		`{from: a.b, id: "{id"}`:                                            false,
		`{from: a.b, id: "id}"}`:                                            false,
		`{from: a.b, to: "x_{}"}`:                                           false,
		`{from: a.b, to: "x_{region}"}`:                                     true,
		`{from: a.b, to: "${TO}"}`:                                          true,
		`{from: a.b, fields: {x: {value: "{db"}}}`:                          false,
		`{from: a.b, fields: {x: {mask: hash, key: "0123456789abcdef"}}}`:   true,
		`{from: a.b, fields: {x: {mask: redact, key: "0123456789abcdef"}}}`: false,
		`{from: a.b, fields: {x: {mask: last4}}}`:                           true,
		`{from: a.b, fields: {x: {zero_date: "1970-01-01"}}}`:               true,
		`{from: a.b, fields: {x: {zero_date: "epoch"}}}`:                    false,
	} {
		value, err := jsonOfYAML([]byte("version: 1\nmappings:\n  - " + line + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != fits {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestFileSchema: editors are told the same as the loader says. A file that the loader takes is valid, and one
// that it refuses is not, as far as a schema can see it.
func TestFileSchema(t *testing.T) {
	schema := fileSchema(t)
	files, err := filepath.Glob("testdata/*/mapping.yaml")
	if err != nil || len(files) < 50 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file))
		want, err := os.ReadFile(filepath.Join(filepath.Dir(file), "want.txt"))
		if err != nil {
			t.Fatal(err)
		}
		wrong := strings.Contains(string(want), "errors:\n")
		value, err := jsonOfYAML(data)
		if err != nil {
			continue // no editor gets that far
		}
		known := false
		for _, names := range unseen {
			known = known || slices.Contains(names, name)
		}
		switch err := schema.Validate(value); {
		case err == nil && wrong && !known:
			t.Errorf("%s is wrong, and the schema takes it", name)
		case err != nil && !wrong:
			t.Errorf("%s is right, and the schema refuses it: %v", name, err)
		case err != nil && known:
			t.Errorf("%s is refused by the schema: it is not among the unseen", name)
		}
	}
}

func jsonOfYAML(data []byte) (any, error) {
	encoded, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
}

// TestKeys: every key of the language says what it does, what holds without it, and how it looks.
func TestKeys(t *testing.T) {
	var check func(in string, list []mappings.Key)
	check = func(in string, list []mappings.Key) {
		for _, key := range list {
			if key.Form == "" || !strings.HasSuffix(key.Doc, ".") {
				t.Errorf("%s%s: no form, or no description", in, key.Name)
			}
			var example any
			if err := yaml.Unmarshal([]byte(key.Example), &example); err != nil || example == nil {
				t.Errorf("%s%s: the example %q is no value: %v", in, key.Name, key.Example, err)
			}
			check(in+key.Name+".", key.Keys)
		}
	}
	check("", mappings.FileKeys())
	for _, common := range mappings.CommonTypes() {
		if common.Doc == "" {
			t.Errorf("type %s: no description", common.Name)
		}
	}
	for _, key := range slices.Concat(mappings.MappingKeys(), mappings.FieldKeys()) {
		for _, other := range []string{key.With, key.Without} {
			has := func(k mappings.Key) bool { return k.Name == other }
			if other != "" && !slices.ContainsFunc(mappings.MappingKeys(), has) && !slices.ContainsFunc(mappings.FieldKeys(), has) {
				t.Errorf("%s: there is no key %s", key.Name, other)
			}
		}
	}
}

func fileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	encoded, err := json.Marshal(mappings.FileSchema(map[string]mappings.Rules{"elastic": mappings.PickyRules}))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mappings.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("mappings.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
