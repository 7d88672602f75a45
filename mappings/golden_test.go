package mappings_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
	"github.com/meepo-replicate/meepo/source"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestCases: each folder in testdata is a case of package cases, whose columns have kinds for types. The examples are
// cases, too, and run with the targets that they are for, by the program's own command.
func TestCases(t *testing.T) {
	folders, err := cases.Find("testdata")
	if err != nil || len(folders) < 50 {
		t.Fatalf("%d cases, %v", len(folders), err)
	}
	all, err := filepath.Glob("testdata/*")
	if err != nil || len(all) != len(folders)+1 { // fuzz is none
		t.Errorf("%d folders in testdata, and %d cases: each wants a %s", len(all)-1, len(folders), cases.File)
	}
	runner := cases.Runner{
		Target: "picky", Targets: map[string]mappings.Rules{"picky": mappings.PickyRules},
		Source: "kinds", Sources: map[string]func(string) (source.Type, error){"kinds": kindNamed},
		Load: load,
	}
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			result, err := runner.Run(folder)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				err = result.Update()
				result.Want = result.Got
			}
			if err != nil || !result.Fits() {
				t.Errorf("go test ./mappings -update rewrites what is wanted: %v\n%s", err, result.Diff())
			}
		})
	}
}

// load reads a case's mappings as they are.
func load(folder, file string, lookup func(string) (string, bool)) ([]mappings.Mapping, error) {
	data, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return nil, err
	}
	parsed, err := mappings.Parse(file, data, func(text string) (string, error) {
		var err error
		return os.Expand(text, func(name string) string {
			value, ok := lookup(name)
			if !ok {
				err = &source.HintError{Err: fmt.Errorf("the variable %s is not set", name), Advice: "export " + name + "=…"}
			}
			return value
		}), err
	})
	if err != nil {
		return nil, err
	}
	return parsed.Mappings, nil
}

var kindNames = map[string]source.Kind{
	"text": source.KindText, "int": source.KindInt, "uint": source.KindUint, "float": source.KindFloat,
	"decimal": source.KindDecimal, "bool": source.KindBool, "binary": source.KindBinary, "date": source.KindDate,
	"datetime": source.KindDateTime, "timestamp": source.KindTimestamp, "time": source.KindTime,
	"enum": source.KindEnum, "set": source.KindSet, "json": source.KindJSON, "uuid": source.KindUUID,
	"inet": source.KindInet, "geometry": source.KindGeometry, "vector": source.KindVector,
}

func kindNamed(name string) (source.Type, error) {
	kind, ok := kindNames[name]
	if !ok {
		return source.Type{}, fmt.Errorf("no kind is named %q", name)
	}
	return source.Type{Kind: kind, Native: name}, nil
}
