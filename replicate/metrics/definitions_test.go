package metrics

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOperations_ListsEveryMetric: each metric has a row with its unit and labels, and the page names no other.
func TestOperations_ListsEveryMetric(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	var names []string
	for _, d := range definitions {
		names = append(names, d.name)
		labels := strings.Join(d.labels, ", ")
		if row := fmt.Sprintf("\n| `%s` | %s | %s | %s | ", d.name, d.kind, d.unit, labels); !strings.Contains(page, row) {
			t.Errorf("there is no row%s", row)
		}
	}
	for _, name := range regexp.MustCompile(`\bmeepo_[a-z_]+`).FindAllString(page, -1) {
		if !slices.Contains(names, name) {
			t.Errorf("%s is named, and there is no such metric", name)
		}
	}
}

// TestDefinitions_AreComplete: no metric that is defined is missing from the list.
func TestDefinitions_AreComplete(t *testing.T) {
	text, err := os.ReadFile("names.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`= definition\{"`).FindAll(text, -1)); n != len(definitions) {
		t.Errorf("%d metrics are defined, and %d are in the list", n, len(definitions))
	}
	for _, d := range definitions {
		if d.help == "" || d.unit == "" {
			t.Errorf("%s has no help or no unit", d.name)
		}
	}
}
