package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rules are all rules, by the name of the folder in testdata that breaks each.
var rules = map[string]func(*tree) []string{
	"walls":        checkWalls,
	"docs":         checkDocs,
	"length":       checkLength,
	"goroutines":   checkGoroutines,
	"leaks":        checkLeaks,
	"names":        checkNames,
	"architecture": checkArchitecture,
}

func TestRepository_KeepsEveryRule(t *testing.T) {
	repository, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(repository.packages["internal/archtest"]) == 0 {
		t.Fatal("the repository was not found: this package is not in the tree")
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, finding := range rule(repository) {
				t.Error(finding)
			}
		})
	}
}

// Each folder of testdata is a repository that breaks one rule at every place that
// its want.txt lists, and does nearby what is allowed.
func TestRules_FindWhatBreaksThem(t *testing.T) {
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join("testdata", name)
			broken, err := load(root)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(root, "want.txt"))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(rule(broken), "\n") + "\n"
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_AFolderWithoutGoFilesIsAnError(t *testing.T) {
	if _, err := load(t.TempDir()); err == nil {
		t.Error("an empty tree keeps every rule, so it must not be taken for the repository")
	}
}
