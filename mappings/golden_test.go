package mappings_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestCases: each folder in testdata is a case of package cases, whose columns have kinds for types. The examples are
// cases, too, and run with the targets that they are for, by the program's own command.
func TestCases(t *testing.T) {
	folders, err := cases.Find("testdata")
	if err != nil || len(folders) < 50 {
		t.Fatalf("%d cases, %v", len(folders), err)
	}
	runner := cases.Runner{
		Target: "picky", Targets: map[string]mappings.Rules{"picky": pickyRules},
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

// pickyRules are those of a target that refuses some signs, upper case, a name that is long or begins with _, and a field named _id.
var pickyRules = mappings.Rules{
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
		{Name: "scaled_float", Kinds: []targets.Kind{targets.KindDecimal, targets.KindFloat}},
		{Name: "numeric(p,s)", Kinds: []targets.Kind{targets.KindDecimal}},
	},
	Destination: func(dest *targets.Destination) error {
		if settings, ok := dest.Options["settings"].(map[string]any); ok && settings["gc_deletes"] != nil {
			return &targets.HintError{Err: errors.New("settings.gc_deletes: it is ours to set"), Advice: "leave it out"}
		}
		return nil
	},
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
