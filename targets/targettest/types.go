package targettest

import (
	"os"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// onRequest begins the part of a driver's TYPES.md about types that a mapping asks for.
const onRequest = "\n## On request\n"

// CheckAskedTable holds the table of that part against a driver's types: a row for each, with its name and the kinds that can
// become it in the first two cells.
func CheckAskedTable(t *testing.T, types []targets.FieldType) {
	t.Helper()
	text, err := os.ReadFile("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), onRequest)
	part, _, _ = strings.Cut(part, "\n## ")
	rows := map[string]string{}
	for _, row := range strings.Split(part, "\n") {
		if cells := strings.Split(row, "|"); len(cells) > 3 {
			rows[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
		}
	}
	delete(rows, "type")
	delete(rows, "---")
	for _, typ := range types {
		var kinds []string
		for _, kind := range typ.Kinds {
			kinds = append(kinds, kind.String())
		}
		if got, want := rows[typ.Name], strings.Join(kinds, ", "); got != want {
			t.Errorf("TYPES.md, on request: %s is of %q, want %q", typ.Name, got, want)
		}
		if typ.Doc == "" {
			t.Errorf("type %s says nothing of itself", typ.Name)
		}
		delete(rows, typ.Name)
	}
	for name := range rows {
		t.Errorf("TYPES.md, on request: there is no type %s", name)
	}
}

// CheckTypesTable holds a driver's TYPES.md, in the test's folder, against its cases: a field for each row of the table, by
// its first two cells. Each row has a case and each case a row, every kind has a row, and the third cell names the type
// that typeOf gives for the case.
func CheckTypesTable(t *testing.T, cases map[string]targets.Field, typeOf func(name string) string) {
	t.Helper()
	text, err := os.ReadFile("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	kinds := map[targets.Kind]bool{}
	width := 0 // of the table, as its head has it
	table, _, _ := strings.Cut(string(text), onRequest)
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) > 3 && strings.TrimSpace(cells[1]) == "kind" {
			width = len(cells)
			continue
		}
		if width == 0 || len(cells) != width || strings.HasPrefix(cells[1], "---") {
			continue
		}
		name := strings.TrimSpace(cells[1])
		if of := strings.TrimSpace(cells[2]); of != "" {
			name += ", " + of
		}
		field, ok := cases[name]
		if !ok {
			t.Errorf("TYPES.md: row %q has no case", name)
			continue
		}
		seen[name], kinds[field.Kind] = true, true
		if got := typeOf(name); !strings.Contains(cells[3], "`"+got+"`") {
			t.Errorf("TYPES.md: row %q says %s, the type is %s", name, strings.TrimSpace(cells[3]), got)
		}
	}
	for name := range cases {
		if !seen[name] {
			t.Errorf("TYPES.md: no row for %q", name)
		}
	}
	for kind := targets.KindText; kind <= targets.KindVector; kind++ {
		if !kinds[kind] {
			t.Errorf("TYPES.md: no row for kind %d", kind)
		}
	}
}
