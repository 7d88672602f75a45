package mappings_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
)

// errorPlace is where an error in a want.txt points.
var errorPlace = regexp.MustCompile(`(?m)^mapping\.yaml:(\d+):\d+: `)

// TestCases_EveryKey: each key of the language, and each of its words, has a case in which it is used well, and each
// key one in which something is wrong with it.
func TestCases_EveryKey(t *testing.T) {
	var right, wrong strings.Builder
	files, err := filepath.Glob("testdata/*/mapping.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(filepath.Dir(file), "want.txt"))
		if err != nil {
			t.Fatal(err)
		}
		places := errorPlace.FindAllStringSubmatch(string(want), -1)
		if !strings.Contains(string(want), "errors:\n") {
			right.Write(text)
			continue
		}
		lines := strings.Split(string(text), "\n")
		for _, place := range places {
			if n, err := strconv.Atoi(place[1]); err == nil && n <= len(lines) {
				wrong.WriteString(lines[n-1] + "\n")
			}
		}
	}
	var check func(path string, keys []mappings.Key)
	check = func(path string, keys []mappings.Key) {
		for _, key := range keys {
			used := regexp.MustCompile(`(?m)(^|[\s{,-])` + key.Name + `:`)
			if !used.MatchString(right.String()) {
				t.Errorf("%s%s: no case in testdata uses it well", path, key.Name)
			}
			if !used.MatchString(wrong.String()) {
				t.Errorf("%s%s: no case in testdata has something wrong in its line", path, key.Name)
			}
			for _, word := range key.Words {
				if said := fmt.Sprintf(`%s: "?%s\b`, key.Name, word); !regexp.MustCompile(said).MatchString(right.String()) {
					t.Errorf("%s%s: no case in testdata says %q", path, key.Name, word)
				}
			}
			check(path+key.Name+".", key.Keys)
		}
	}
	check("", mappings.FileKeys())
}
