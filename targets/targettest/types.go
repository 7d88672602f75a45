package targettest

import (
	"os"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

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
	for _, row := range strings.Split(string(text), "\n") {
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
