package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf compiles what the command prints.
func schemaOf(t *testing.T, word string) *jsonschema.Schema {
	t.Helper()
	code, stdout, stderr := call(t, "schema", word)
	if code != exitOK {
		t.Fatal(code, stderr)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(word+".json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(word + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validateYAML(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// TestSchema_Examples: editors take every file that is shipped.
func TestSchema_Examples(t *testing.T) {
	for word, name := range map[string]string{"mappings": "mapping.yaml", "case": "case.yaml"} {
		schema := schemaOf(t, word)
		files, err := filepath.Glob(examples + "/*/" + name)
		if err != nil || len(files) < 2 {
			t.Fatal(len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := validateYAML(t, schema, string(text)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

var fences = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestSchema_Documentation: so they do what the documentation shows.
func TestSchema_Documentation(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, fence := range fences.FindAllStringSubmatch(string(text), -1) {
			word := ""
			switch {
			case strings.Contains(fence[1], "\ntables:\n  - table:"):
				word = "case"
			case strings.Contains(fence[1], "version: 1\nsource:"):
				word = "config"
			case strings.Contains(fence[1], "version: 1\nmappings:"):
				word = "mappings"
			default:
				continue // a part of something
			}
			found[word]++
			if err := validateYAML(t, schemaOf(t, word), fence[1]); err != nil {
				t.Errorf("%s, as %s:\n%s%v", page, word, fence[1], err)
			}
		}
	}
	if found["config"] == 0 {
		t.Errorf("found %v", found)
	}
	_, example, _ := strings.Cut(rootHelp, "\n\n  version: 1\n")
	example, _, _ = strings.Cut(example, "\n\n")
	if err := validateYAML(t, schemaOf(t, "config"), "  version: 1\n"+example); err != nil {
		t.Errorf("the help: %v", err)
	}
}

// TestSchema_Config: what a configuration may hold, and what not.
func TestSchema_Config(t *testing.T) {
	schema := schemaOf(t, "config")
	for _, text := range []string{
		"version: 1\nsource:\ntarget: {kind: elastic, url: x, password: 123}\nrate: 100\n", "source: {tls: {mode: \"${MODE}\"}, server_id: 7, heartbeat: 0}",
		"source: {heartbeat: 1m30s}\nonce: true\nlisten:\n", "tables: shop.*\nmax_rejected: \"${SHARE}\"", "tables: [a.b, c.*]\nmappings: m.yaml\n",
		"mappings: [m/*.yaml, {from: a.b}]", "mappings: {from: a.b}",
	} {
		if err := validateYAML(t, schema, text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	for _, text := range []string{
		"version: 2", "tabels: []", "source: {ulr: x}", "source: {tls: {mode: verify_full}}", "target: elastic", "target: {kind: elastics}", "once: maybe", "rate: fast", "rate: -1",
		"source: {heartbeat: 10}", "source: {server_id: 0}", "tables: {a: b}", "mappings: [{name: a}]", "mappings: [{from: a.b, form: c}]", "mappings: 7",
	} {
		if err := validateYAML(t, schema, text); err == nil {
			t.Errorf("%s: taken", text)
		}
	}
}

// TestSchema_BadConfigs: of the configurations that are refused, the schema refuses those in which it can see why.
func TestSchema_BadConfigs(t *testing.T) {
	unseen := []string{ // what it cannot know: files, URLs, variables, flags, and what other commands use
		"mapping names", "two passwords", "rows of another database", "rows of a replica", "versions where there is no column", "variables", "anchors",
	}
	schema := schemaOf(t, "config")
	for name, bad := range badConfigs {
		text, ok := bad.files["meepo.yaml"]
		if !ok {
			continue
		}
		if err := validateYAML(t, schema, text); (err == nil) != slices.Contains(unseen, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchema_Mappings: one mistake each, as the drivers' own words and the language have it.
func TestSchema_Mappings(t *testing.T) {
	schema := schemaOf(t, "mappings")
	inFields := func(said string) string { return "{from: a.b, fields: {c: {" + said + "}}}" }
	for _, mapping := range []string{
		"{from: a.b}", "{from: [a.b, \"c_*.d\"], elastic: {routing: [id], settings: {number_of_shards: 3}}}", "{from: a.b, on_delete: delete}", "{from: a.b, on_delete: {mark: gone.at}}",
		"{from: \"${SCHEMA}\", mongo: {}}", inFields("type: scaled_float, scale: 100"), inFields(`type: "numeric(12,2)"`), inFields("type: double precision"), inFields("zero_date: null"),
		inFields("zero_date: 1970-01-01"), inFields("mask: hash, key: \"${KEY}\""), inFields("mask: last4"), inFields("expr: a + b, to: x.y"), inFields("to: \"${NAME}\""),
	} {
		if err := validateYAML(t, schema, "version: 1\nmappings: ["+mapping+"]"); err != nil {
			t.Errorf("%s: %v", mapping, err)
		}
	}
	for _, mapping := range []string{
		"{to: x}", "{from: a}", "{from: []}", "{from: [a.b, a.b]}", "{from: a.b, name: a b}", "{from: a.b, columns: [c], exclude: [d]}", "{from: a.b, exclude: c}", "{from: a.b, nest: {}}",
		"{from: a.b, on_delete: keep}", "{from: a.b, on_delete: {}}", "{from: a.b, elastic: {rooting: [id]}}", "{from: a.b, elastic: {routing: id}}", "{from: a.b, elastic: {settings: 3}}",
		"{from: a.b, fields: {c: amount}}", "{from: a.b, where: true}", "text", inFields("too: x"), inFields("type: strng"), inFields("scale: 100"), inFields("type: double, scale: 0"),
		inFields("zero_date: never"), inFields("mask: hide"), inFields("mask: hash"), inFields("key: sixteen characters"), inFields("value: x, expr: y"), inFields("to: a..b"),
	} {
		if err := validateYAML(t, schema, "version: 1\nmappings: ["+mapping+"]"); err == nil {
			t.Errorf("%s: taken", mapping)
		}
	}
	for _, text := range []string{"mappings: [{from: a.b}]", "version: 1", "version: 2\nmappings: [{from: a.b}]", "version: 1\nmappings: []", "version: 1\nmapings: [{from: a.b}]\nmappings: [{from: a.b}]"} {
		if err := validateYAML(t, schema, text); err == nil {
			t.Errorf("%s: taken", text)
		}
	}
}

// TestSchema_EverythingIsDescribed: settings, sections, and what drivers have for the language.
func TestSchema_EverythingIsDescribed(t *testing.T) {
	for i := range settings {
		if settings[i].usage == "" {
			t.Errorf("setting %s has no usage", settings[i].name())
		}
		for prefix := settings[i].key; strings.Contains(prefix, "."); {
			prefix = prefix[:strings.LastIndex(prefix, ".")]
			if sections[prefix+"."] == "" {
				t.Errorf("section %s has no description", prefix)
			}
		}
	}
	for name, rules := range allRules() {
		for _, option := range rules.Options {
			if option.Doc == "" || option.Example == "" {
				t.Errorf("%s: option %s has no description, or no example", name, option.Name)
			}
		}
		for _, fieldType := range rules.Types {
			if fieldType.Doc == "" || len(fieldType.Kinds) == 0 {
				t.Errorf("%s: type %s has no description, or no kinds", name, fieldType.Name)
			}
		}
	}
}

func TestSchema_WrongCommandLines(t *testing.T) {
	for args, want := range map[string]string{
		"schema mapping":         "error: \"mapping\" is not one of config, mappings, case: did you mean \"mappings\"?\n  what to do: see meepo-replicate schema --help\n",
		"schema config mappings": "error: name one file, not 2\n  what to do: see meepo-replicate schema --help\n",
	} {
		if code, _, stderr := call(t, strings.Fields(args)...); code != exitUsage || stderr != want {
			t.Errorf("%s: exit code %d: %s", args, code, stderr)
		}
	}
}
