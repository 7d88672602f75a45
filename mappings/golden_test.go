package mappings

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata and examples want")

// TestCases: each directory in testdata and examples is a case. mapping.yaml, if there is one, and
// tables.yaml are given; want.txt is what comes out: plans, warnings and ops, or errors.
func TestCases(t *testing.T) {
	for _, pattern := range []string{"testdata/*/tables.yaml", "examples/*/tables.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d cases, %v", pattern, len(files), err)
		}
		for _, file := range files {
			dir := filepath.Dir(file)
			t.Run(dir, func(t *testing.T) {
				got := runCase(t, dir)
				file := filepath.Join(dir, "want.txt")
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("go test ./mappings -update rewrites what is wanted\n%s", diff)
				}
				if strings.HasPrefix(dir, "examples") && !strings.Contains(got, "upsert ") {
					t.Error("an example has to work")
				}
			})
		}
	}
}

// pickyRules are those of a target that refuses some signs, upper case, a name that is long or begins with _, and a field named _id.
var pickyRules = Rules{
	Name: func(dest string) error {
		switch at := strings.IndexAny(dest, "%#, "); {
		case at >= 0:
			return fmt.Errorf("the name %q holds '%s'", dest, dest[at:at+1])
		case len(dest) > 200:
			return errors.New("the name is longer than 200 bytes")
		case dest != strings.ToLower(dest):
			return fmt.Errorf("the name %q has upper-case letters", dest)
		case dest[0] == '_':
			return fmt.Errorf("the name %q begins with _", dest)
		}
		return nil
	},
	Fields: func(fields []targets.Field) error {
		for _, field := range fields {
			if field.Name == "_id" {
				return errors.New("field _id: it is the target's own")
			}
			if field.As == "scaled_float" && field.Scale == 0 {
				return &targets.HintError{Err: fmt.Errorf("field %s: scaled_float has no scale", field.Name), Advice: "such as 100"}
			}
		}
		return nil
	},
	Block: "elastic",
	Options: []targets.Option{
		{Name: "routing", Kind: targets.OptionColumns}, {Name: "pipeline", Kind: targets.OptionText},
		{Name: "settings", Kind: targets.OptionTree}, {Name: "shards", Kind: targets.OptionInt}, {Name: "strict", Kind: targets.OptionBool},
	},
	Types: []targets.FieldType{
		{Name: "keyword", Kinds: []targets.Kind{targets.KindText, targets.KindInt}},
		{Name: "boolean", Kinds: []targets.Kind{targets.KindBool}},
		{Name: "scaled_float", Kinds: []targets.Kind{targets.KindDecimal, targets.KindFloat}, Scaled: true},
		{Name: "numeric(p,s)", Kinds: []targets.Kind{targets.KindDecimal}},
	},
	Destination: func(dest *targets.Destination) error {
		if settings, ok := dest.Options["settings"].(map[string]any); ok && settings["gc_deletes"] != nil {
			return &targets.HintError{Err: errors.New("settings.gc_deletes: it is ours to set"), Advice: "leave it out"}
		}
		return nil
	},
}

func runCase(t *testing.T, dir string) string {
	t.Helper()
	var mappings []Mapping
	data, err := os.ReadFile(filepath.Join(dir, "mapping.yaml"))
	if err == nil {
		file, err := Parse("mapping.yaml", data, testVariables)
		if err != nil {
			return "errors:\n" + err.Error() + "\n"
		}
		mappings = file.Mappings
	} else if !os.IsNotExist(err) {
		t.Fatal(err)
	}
	tables := readTables(t, filepath.Join(dir, "tables.yaml"))
	described := make([]source.Columns, len(tables))
	for i, table := range tables {
		described[i] = table.columns
	}
	compiled, err := Compile(mappings, described, pickyRules)
	var out strings.Builder
	for _, warning := range compiled.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", warning)
	}
	if err != nil {
		fmt.Fprintf(&out, "errors:\n%s\n", err)
	}
	for _, plan := range compiled.Plans {
		writePlan(&out, plan)
		for _, table := range tables {
			if table.columns.Table == plan.Table() {
				writeOps(t, &out, plan, table)
			}
		}
	}
	return out.String()
}

func writePlan(out *strings.Builder, plan *Plan) {
	fmt.Fprintf(out, "plan %s (%s): %s to %s\n", plan.ID(), plan.Name(), plan.Table(), plan.Destination().Name)
	var parts []string
	for _, column := range plan.Selection().Key {
		parts = append(parts, column.Name)
	}
	fmt.Fprintf(out, "  key %s\n", strings.Join(parts, ", "))
	for i, field := range plan.Destination().Fields {
		name, is := field.Name, field.Native
		if at := plan.steps[i].at; at >= 0 && plan.Selection().Columns[at].Name != name {
			name = plan.Selection().Columns[at].Name + " as " + name
		}
		if field.As != "" {
			is += " as " + field.As
		}
		if field.Scale != 0 {
			is += fmt.Sprintf(", scale %d", field.Scale)
		}
		fmt.Fprintf(out, "  field %s, %s\n", name, is)
	}
	if options := plan.Destination().Options; options != nil {
		encoded, err := json.Marshal(options)
		fmt.Fprintf(out, "  options %s %v\n", encoded, err)
	}
}

// testVariables are the variables that cases may name.
func testVariables(text string) (string, error) {
	if strings.Contains(text, "${NOT_SET}") {
		return "", &source.HintError{Err: errors.New("the variable NOT_SET is not set"), Advice: "export NOT_SET=…"}
	}
	return strings.ReplaceAll(text, "${MASK_KEY}", "a key of the test's own"), nil
}

// writeOps maps each row, as found and as gone.
func writeOps(t *testing.T, out *strings.Builder, plan *Plan, table givenTable) {
	t.Helper()
	for _, values := range table.rows {
		row := source.Row{Key: table.key(t, values), Found: true}
		for _, want := range plan.Selection().Columns {
			for i, have := range table.columns.Columns {
				if have.Name == want.Name {
					row.Values = append(row.Values, values[i])
				}
			}
		}
		ops, err := plan.Ops(nil, row, 5)
		if err != nil {
			fmt.Fprintf(out, "  error %v\n", err)
		}
		ops, err = plan.Ops(ops, source.Row{Key: row.Key}, 6)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			fmt.Fprintf(out, "  %s %s %s\n", op.Verb, op.ID, shownDocument(t, op))
			if op.Routing != "" {
				fmt.Fprintf(out, "    routed by %s\n", op.Routing)
			}
			if key, err := plan.KeyOf(op.ID); err != nil || key != row.Key {
				t.Errorf("key of %q is %s, %v", op.ID, key.Text(), err)
			}
		}
	}
}

// shownDocument shows the document with its fields in order; bytes are in base64.
func shownDocument(t *testing.T, op targets.Op) string {
	t.Helper()
	switch op.Verb {
	case targets.Delete:
		return "-"
	case targets.MarkDeleted:
		return fmt.Sprint(op.Dest.Mark, " ", op.Doc)
	}
	var out bytes.Buffer
	for i, value := range op.Doc {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, ", %q: %s", op.Dest.Fields[i].Name, encoded)
	}
	return "{" + strings.TrimPrefix(out.String(), ", ") + "}"
}

// givenTable is a table of a case.
type givenTable struct {
	columns source.Columns
	rows    [][]source.Value
}

func (g givenTable) key(t *testing.T, values []source.Value) source.Key {
	t.Helper()
	var parts []source.Value
	for _, at := range g.columns.Key {
		parts = append(parts, values[at])
	}
	key, err := source.NewKey(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// readTables reads a list of {table, key: number of leading key columns, columns: ["name kind"],
// refused, rows: [[value]]}.
func readTables(t *testing.T, file string) []givenTable {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var given []struct {
		Table, Refused string
		Key            int
		Columns        []string
		Rows           [][]any
	}
	if err := yaml.UnmarshalWithOptions(data, &given, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var tables []givenTable
	for _, g := range given {
		schema, name, _ := strings.Cut(g.Table, ".")
		table := givenTable{columns: source.Columns{Table: source.Table{Schema: schema, Name: name}, Refused: g.Refused}}
		for i, text := range g.Columns {
			name, kind, _ := strings.Cut(text, " ")
			table.columns.Columns = append(table.columns.Columns, source.Column{
				Name: name, Ordinal: i + 1, Nullable: i >= g.Key, Type: source.Type{Kind: kindNamed(t, kind), Native: kind},
			})
			if i < g.Key {
				table.columns.Key = append(table.columns.Key, i)
			}
		}
		for _, row := range g.Rows {
			table.rows = append(table.rows, typed(t, table.columns.Columns, row))
		}
		tables = append(tables, table)
	}
	return tables
}

var kindNames = map[string]source.Kind{
	"text": source.KindText, "int": source.KindInt, "uint": source.KindUint, "float": source.KindFloat,
	"decimal": source.KindDecimal, "bool": source.KindBool, "binary": source.KindBinary, "date": source.KindDate,
	"datetime": source.KindDateTime, "timestamp": source.KindTimestamp, "time": source.KindTime,
	"enum": source.KindEnum, "set": source.KindSet, "json": source.KindJSON, "uuid": source.KindUUID,
	"inet": source.KindInet, "geometry": source.KindGeometry, "vector": source.KindVector,
}

func kindNamed(t *testing.T, name string) source.Kind {
	t.Helper()
	kind, ok := kindNames[name]
	if !ok {
		t.Fatalf("no kind is named %q", name)
	}
	return kind
}

// typed gives the values of a case the types that their kinds ask for.
func typed(t *testing.T, columns []source.Column, row []any) []source.Value {
	t.Helper()
	if len(row) != len(columns) {
		t.Fatalf("%d values for %d columns: %v", len(row), len(columns), row)
	}
	values := make([]source.Value, len(row))
	for i, v := range row {
		n, isNumber := v.(uint64)
		text, _ := v.(string)
		switch kind := columns[i].Type.Kind; {
		case kind == source.KindInt && isNumber:
			values[i] = int64(n)
		case kind == source.KindBinary && v != nil:
			values[i] = []byte(text)
		default:
			values[i] = v
		}
	}
	return values
}
