package cases

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// Runner runs cases. It knows no driver: whoever makes it does.
type Runner struct {
	Target  string // of cases that name none; empty: each has to
	Targets map[string]mappings.Rules
	Source  string // of cases that name none
	// Sources know types by the names that their catalogs have for them.
	Sources map[string]func(native string) (source.Type, error)
	// Load reads the mappings of a file in a folder. In messages the file has the name that is given here. Lookup
	// knows the variables.
	Load func(folder, file string, lookup func(name string) (string, bool)) ([]mappings.Mapping, error)
}

// Result is what came out of a case.
type Result struct {
	Folder string
	Got    string
	Want   string // empty: nothing was ever wanted
}

// Find returns the folders at or below a folder that are cases, in order. Hidden ones are passed over.
func Find(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != folder && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && entry.Name() == File:
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// Run runs a case. The error is of a case that cannot be run, and holds everything that is wrong with it; what is wrong
// with its mapping is a result.
func (r Runner) Run(folder string) (Result, error) {
	result := Result{Folder: folder}
	file := filepath.Join(folder, File)
	data, err := os.ReadFile(file)
	if err != nil {
		return result, fmt.Errorf("read case: %w", err)
	}
	g, err := r.read(file, data)
	if err != nil {
		return result, err
	}
	want, err := os.ReadFile(filepath.Join(folder, wantFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return result, fmt.Errorf("read what is wanted: %w", err)
	}
	result.Want = strings.ReplaceAll(string(want), "\r\n", "\n")
	result.Got, err = r.run(folder, g, r.Targets[g.target.Value])
	return result, err
}

// run returns what comes out.
func (r Runner) run(folder string, g given, rules mappings.Rules) (string, error) {
	list, wrong, err := r.load(folder, g)
	if err != nil {
		return "", err
	}
	if wrong != nil {
		return "errors:\n" + strings.TrimSuffix(wrong.Error(), "\n") + "\n", nil
	}
	described := make([]source.Columns, len(g.tables))
	for i, t := range g.tables {
		described[i] = t.columns
	}
	compiled, err := mappings.Compile(list, described, rules)
	var out strings.Builder
	for _, warning := range compiled.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", warning)
	}
	if err != nil {
		fmt.Fprintf(&out, "errors:\n%s\n", err)
	}
	for _, plan := range compiled.Plans {
		writePlan(&out, plan)
		for _, t := range g.tables {
			if t.columns.Table != plan.Table() {
				continue
			}
			if err := writeRows(&out, plan, t); err != nil {
				return "", err
			}
		}
	}
	return out.String(), nil
}

// load reads the mappings of a case. What is wrong with a mapping is one thing, that a file cannot be read another.
func (r Runner) load(folder string, g given) (list []mappings.Mapping, wrong, err error) {
	lookup := func(name string) (string, bool) {
		value, ok := g.variables[name]
		return value, ok
	}
	files := g.mappings
	if files == nil {
		files = []mappings.Text{{Value: defaultMapping}}
	}
	for _, file := range files {
		one, err := r.Load(folder, file.Value, lookup)
		var unreadable *fs.PathError
		switch {
		case errors.As(err, &unreadable) && g.mappings == nil && errors.Is(err, fs.ErrNotExist):
		case errors.As(err, &unreadable):
			return nil, nil, &mappings.Error{Place: file.At, Message: fmt.Sprintf("mappings: %v", err), Hint: "the path is taken from the case's folder"}
		default:
			list, wrong = append(list, one...), errors.Join(wrong, err)
		}
	}
	return list, wrong, nil
}

// Fits reports whether what came out is what is wanted.
func (r Result) Fits() bool { return r.Got == r.Want }

// Diff shows what is not as wanted, in unified form; empty if all is.
func (r Result) Diff() string { return udiff.Unified(wantFile, "what comes out", r.Want, r.Got) }

// Update makes what came out what is wanted.
func (r Result) Update() error {
	if err := os.WriteFile(filepath.Join(r.Folder, wantFile), []byte(r.Got), 0o644); err != nil { //nolint:gosec // a file of a project, like those beside it
		return fmt.Errorf("write what is wanted: %w", err)
	}
	return nil
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
