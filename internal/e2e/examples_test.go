package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const examplesFolder = "../../mappings/examples"

// example is a shipped example as its case has it.
type example struct {
	Source, Target string
	Variables      map[string]string
	Tables         []struct {
		Table   string
		Key     any
		Columns yaml.MapSlice
		Rows    []yaml.MapSlice
	}
}

// TestExamples: the shipped examples work on real servers. The tables of their cases are copied with the mapping as it is
// shipped, but for names of databases and destinations, and as many documents come out as the case wants, without dead letters.
// The example shop wants a type that the servers' Elasticsearch lacks; of several databases there is TestMapping_Shards.
func TestExamples(t *testing.T) {
	for _, name := range []string{"attributes", "audit", "clocks", "geo", "migration", "soft-delete", "staging", "tenants-routed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ex := readExample(t, name)
			source, target := openPair(t, ex.Source+"+"+ex.Target)
			from, schema := source.config()
			to, prefix := target.config()
			for _, table := range ex.Tables {
				_, short, _ := strings.Cut(table.Table, ".")
				source.exec(t, ex.statements(short)...)
			}
			mapping := exampleFile(t, name, "mapping.yaml")
			mapping = regexp.MustCompile(`(?m)^(    from: )\w+\.`).ReplaceAllString(mapping, "${1}"+schema+".")
			mapping = regexp.MustCompile(`(?m)^(    to: )(?:\w+\.)?`).ReplaceAllString(mapping, "${1}"+prefix)
			dir := in(t, "version: 1\n"+from+"\n"+to+"\nmappings: mapping.yaml\n")
			if err := os.WriteFile(filepath.Join(dir, "mapping.yaml"), []byte(mapping), 0o600); err != nil {
				t.Fatal(err)
			}
			var env []string
			for variable, value := range ex.Variables {
				env = append(env, variable+"="+value)
			}
			if r := (invocation{args: []string{"--once"}, dir: dir, env: env}).run(t); r.wait(t) != 0 {
				t.Fatalf("%s%s", r.stdout, r.stderr)
			}
			if s := statusOf(t, dir, env); s.Letters != 0 || len(s.Parked) != 0 {
				t.Errorf("%d dead letters, parked %v", s.Letters, s.Parked)
			}
			for dest, want := range wantedDocuments(exampleFile(t, name, "want.txt")) {
				if got := documentsIn(t, target, dest); got != want || want == 0 {
					t.Errorf("%d documents in %s, want %d", got, dest, want)
				}
			}
		})
	}
}

func exampleFile(t *testing.T, name, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesFolder, name, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readExample(t *testing.T, name string) example {
	t.Helper()
	ex := example{Source: "mysql"}
	if err := yaml.Unmarshal([]byte(exampleFile(t, name, "case.yaml")), &ex); err != nil {
		t.Fatal(err)
	}
	return ex
}

// statements make a table of the example with its rows.
func (ex example) statements(short string) []string {
	quote := "`"
	if ex.Source == "postgres" {
		quote = `"`
	}
	var list []string
	for _, table := range ex.Tables {
		if !strings.HasSuffix(table.Table, "."+short) {
			continue
		}
		types := map[string]string{}
		var parts []string
		for _, column := range table.Columns {
			name, typ := fmt.Sprint(column.Key), fmt.Sprint(column.Value)
			types[name] = typ
			parts = append(parts, quote+name+quote+" "+typ)
		}
		key := strings.ReplaceAll(strings.Trim(fmt.Sprint(table.Key), "[]"), " ", quote+", "+quote)
		if ex.Source != "postgres" {
			list = append(list, "SET time_zone = '+00:00', sql_mode = ''") // zero dates
		}
		list = append(list, "DROP TABLE IF EXISTS "+quote+short+quote) // every source has goods
		list = append(list, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))", quote+short+quote, strings.Join(parts, ", "), quote+key+quote))
		for _, row := range table.Rows {
			var names, values []string
			for _, value := range row {
				name := fmt.Sprint(value.Key)
				names = append(names, quote+name+quote)
				values = append(values, literalOf(value.Value, types[name]))
			}
			list = append(list, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quote+short+quote, strings.Join(names, ", "), strings.Join(values, ", ")))
		}
	}
	return list
}

// literalOf writes a value of a case in SQL.
func literalOf(value any, typ string) string {
	text := fmt.Sprint(value)
	switch value.(type) {
	case map[string]any, []any:
		encoded, _ := json.Marshal(value) //nolint:errchkjson // it was read from a file
		text = string(encoded)
	}
	text = strings.ReplaceAll(text, "'", "''")
	switch {
	case strings.HasPrefix(typ, "binary"):
		return text
	case typ == "point", typ == "polygon":
		return "ST_GeomFromGeoJSON('" + text + "')"
	case strings.HasSuffix(typ, "[]"):
		return "ARRAY(SELECT json_array_elements_text('" + text + "'))"
	}
	return "'" + text + "'"
}

var planLine = regexp.MustCompile(`^plan .* to (?:\w+\.)?(\w+)$`)

// wantedDocuments counts the documents of each destination of a case.
func wantedDocuments(want string) map[string]int {
	counts := map[string]int{}
	dest := ""
	for line := range strings.Lines(want) {
		if found := planLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			dest = found[1]
		} else if strings.HasPrefix(line, "  upsert ") {
			counts[dest]++
		}
	}
	return counts
}

func documentsIn(t *testing.T, target targetEnd, dest string) int {
	t.Helper()
	sql, ok := target.(postgresEnd)
	if !ok {
		return len(target.docs(t, dest))
	}
	return len(sql.db.QueryStrings(t, "SELECT id FROM "+endSchema+"."+dest))
}
