package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/compare"
	"github.com/meepo-replicate/meepo/targets"
)

const mappingsPage = "../../docs/mappings.md"

// TestDocs_Mappings: what docs/mappings.md has between its markers is made of what the program knows.
func TestDocs_Mappings(t *testing.T) {
	page, err := os.ReadFile(mappingsPage)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for name, made := range map[string]string{
		"examples":  exampleList(t),
		"keys":      keyTable("", mappings.MappingKeys()),
		"fields":    keyTable("", mappings.FieldKeys()),
		"functions": functionTable(),
		"types":     typeTables(),
		"options":   optionTables(),
		"case":      wholeCase(t, "shards"),
		"casekeys":  keyTable("", cases.Keys()),
	} {
		between := regexp.MustCompile("(?s)<!-- " + name + ":begin -->\n.*?<!-- " + name + ":end -->")
		if !between.MatchString(text) {
			t.Errorf("there are no markers %s:begin and %s:end", name, name)
		}
		text = between.ReplaceAllLiteralString(text, "<!-- "+name+":begin -->\n\n"+strings.TrimSpace(made)+"\n\n<!-- "+name+":end -->")
	}
	if *rewriteGolden {
		if err := os.WriteFile(mappingsPage, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(page), text); diff != "" {
		t.Errorf("go test ./cmd/meepo-replicate -run TestDocs -golden writes the page anew:\n%s", diff)
	}
}

// cell makes a text fit for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// keyTable describes keys, and those below them by their paths.
func keyTable(path string, keys []mappings.Key) string {
	var out strings.Builder
	if path == "" {
		out.WriteString("| key | what it does | without it | example |\n|---|---|---|---|\n")
	}
	for _, key := range keys {
		without := key.Default
		if key.Needed {
			without = "it is needed"
		}
		fmt.Fprintf(&out, "| `%s%s` | %s | %s | `%s` |\n", path, key.Name, cell(key.Doc), cell(without), cell(key.Example))
		if key.Form != mappings.FormColumns {
			out.WriteString(keyTable(path+key.Name+".", key.Keys))
		}
	}
	return out.String()
}

func functionTable() string {
	var out strings.Builder
	out.WriteString("| function | gives |\n|---|---|\n")
	for _, function := range expressions.Library() {
		fmt.Fprintf(&out, "| `%s` | %s |\n", cell(function.Form), cell(function.Doc))
	}
	return out.String()
}

func typeTables() string {
	var out strings.Builder
	table := func(title string, types []targets.FieldType) {
		fmt.Fprintf(&out, "### %s\n\n| type | of | |\n|---|---|---|\n", title)
		for _, fieldType := range types {
			kinds := make([]string, len(fieldType.Kinds))
			for i, kind := range fieldType.Kinds {
				kinds[i] = kind.String()
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", fieldType.Name, strings.Join(kinds, ", "), cell(fieldType.Doc))
		}
		out.WriteByte('\n')
	}
	table("In every target", mappings.CommonTypes())
	for _, kind := range targetKinds {
		table("In "+titles[kind.name()], kind.rules(&config{}).Types)
	}
	return out.String()
}

var titles = map[string]string{"elastic": "Elasticsearch", "mongo": "MongoDB", "postgres": "PostgreSQL"}

func optionTables() string {
	var out strings.Builder
	out.WriteString("| key | holds | what it does | example |\n|---|---|---|---|\n")
	for _, kind := range targetKinds {
		rules := kind.rules(&config{})
		for _, option := range rules.Options {
			fmt.Fprintf(&out, "| `%s.%s` | %s | %s | `%s` |\n", rules.Block, option.Name, option.Kind, cell(option.Doc), cell(option.Example))
		}
	}
	return out.String()
}

// exampleList names the examples with the first sentence of what they say of themselves.
func exampleList(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(examples + "/*/mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var comment []string
		for line := range strings.Lines(string(text)) {
			said, ok := strings.CutPrefix(line, "# ")
			if !ok {
				break
			}
			comment = append(comment, strings.TrimSpace(said))
		}
		sentence, _, _ := strings.Cut(strings.Join(comment, " ")+" ", ". ")
		name := filepath.Base(filepath.Dir(file))
		fmt.Fprintf(&out, "- [%s](../mappings/examples/%s/mapping.yaml): %s.\n", name, name, strings.TrimSuffix(strings.TrimSpace(sentence), "."))
	}
	return out.String()
}

// wholeCase shows the files of an example.
func wholeCase(t *testing.T, name string) string {
	t.Helper()
	var out strings.Builder
	for _, file := range []struct{ name, language string }{{"mapping.yaml", "yaml"}, {"case.yaml", "yaml"}, {"want.txt", ""}} {
		text, err := os.ReadFile(filepath.Join(examples, name, file.name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "`%s`:\n\n```%s\n%s```\n\n", file.name, file.language, text)
	}
	return out.String()
}

// TestDocs_Verify: each member of the documents that verify, plan and the socket print is described.
func TestDocs_Verify(t *testing.T) {
	for file, shown := range map[string][]any{
		"verify.md":  {verifyDocument{}, verifiedMapping{}, compare.Report{}, compare.Finding{}, planDocument{}, planMapping{}},
		"control.md": {replicate.KeyState{}, refusal{}},
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range shown {
			typ := reflect.TypeOf(document)
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				if name != "" && name != "-" && !strings.Contains(string(text), "`"+name+"`") {
					t.Errorf("docs/%s does not describe `%s` of %s", file, name, typ)
				}
			}
		}
	}
}
