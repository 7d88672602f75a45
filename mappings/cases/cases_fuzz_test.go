package cases_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
)

// FuzzRun: whatever a case holds, running it ends in a result or in an error with a place. Nothing panics.
func FuzzRun(f *testing.F) {
	files, err := filepath.Glob("../*/*/case.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.Replace(string(data), "target: elastic", "target: any", 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		result, err := runCase(t, map[string]string{"case.yaml": text})
		if err == nil {
			return
		}
		places := mappings.Errors(err)
		if len(places) == 0 || result.Got != "" {
			t.Errorf("%v, and %q", err, result.Got)
		}
		for _, e := range places {
			if e.Line < 1 || e.Column < 1 || e.Message == "" || !strings.HasSuffix(e.File, "case.yaml") {
				t.Errorf("error without a place: %+v", e)
			}
		}
	})
}
