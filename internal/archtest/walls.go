package archtest

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// wall says what a package may import of ours, and why nothing else.
type wall struct {
	packages string   // a folder, or a pattern of path.Match
	imports  []string // patterns of our own packages; "-" allows nothing outside the standard library either
	why      string
}

// walls is the import table of ARCHITECTURE.md. The first row that matches counts.
var walls = []wall{
	{"source", []string{"-"}, "it is the vocabulary that every source and the engine share, so it may depend on nobody"},
	{"targets", []string{"-"}, "it is the vocabulary that every target and the engine share, so it may depend on nobody"},
	{"source/sourcetest", []string{"source"}, "it tests any source, so it may know none"},
	{"targets/targettest", []string{"targets"}, "it tests any target, so it may know none"},
	{"source/*", []string{"source"}, "a source never sees what is written nor by whom, so that each can be replaced alone"},
	{"targets/*", []string{"targets"}, "a target never sees a row nor where it came from, so that each can be replaced alone"},
	{"mappings/expressions", []string{"source"}, "it computes values of a row and knows nothing of where they go"},
	{"mappings/cases", []string{"source", "targets", "mappings"}, "it runs mappings over rows in files, for any source and any target; whoever runs it knows the drivers"},
	{"mappings", []string{"source", "targets", "mappings/expressions"}, "it turns rows into operations for any source and any target, without I/O of its own"},
	{"replicate/state", nil, "it keeps what survives a restart as plain data, for every source and target alike"},
	{"replicate/metrics", []string{"source", "targets", "mappings", "replicate", "replicate/state"}, "it watches the engine from outside and knows no driver"},
	{"replicate/replicatetest", []string{"source", "targets", "mappings", "replicate", "replicate/state"}, "it watches any run of the engine, so it may know no driver"},
	{"replicate/compare", []string{"source", "targets", "mappings"}, "it looks at any source and any target and writes to neither, so it may know no driver and no engine"},
	{"replicate", []string{"source", "targets", "mappings", "replicate/state"}, "the engine knows no driver, so that its invariants hold for all of them"},
	{"cmd/*", []string{"source", "source/mysql", "source/postgres", "targets", "targets/elastic", "targets/mongo", "targets/postgres", "mappings", "mappings/cases", "replicate", "replicate/*"}, "the process is the one place that knows all, and ships no test code"},
	{"internal/demo", nil, "it fills a database as any stranger would"},
	{"internal/demo/*", []string{"internal/demo", "targets"}, "it plays a user of the tool, from outside"},
	{"internal/matrix/*", []string{"internal/matrix"}, "it runs tests and writes down what they say, and knows nothing else"},
	{"internal/servertest", nil, "it starts servers for every package's tests, so it may depend on none of them"},
	{"internal/*", nil, "it serves the repository itself and is no part of the product"},
}

// checkWalls finds imports in shipped code that cross a wall, and packages without a
// row. Tests may import what they need to prove something.
func checkWalls(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		w := wallOf(folder)
		if w == nil {
			findings = append(findings, fmt.Sprintf("%s: has no row in the import table: decide what it may import and write it into walls.go", folder))
			continue
		}
		for _, f := range t.shipped(folder) {
			for _, spec := range f.syntax.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				if err != nil || w.allows(name) {
					continue
				}
				findings = append(findings, fmt.Sprintf("%s: %s imports %s: the wall stands because %s",
					t.at(spec.Pos()), folder, strings.TrimPrefix(name, module+"/"), w.why))
			}
		}
	}
	return findings
}

func wallOf(folder string) *wall {
	for i := range walls {
		if ok, _ := path.Match(walls[i].packages, folder); ok {
			return &walls[i]
		}
	}
	return nil
}

// allows says whether the package may import name. A package for tests is allowed only by its own name,
// not by a pattern.
func (w *wall) allows(name string) bool {
	ours, isOurs := strings.CutPrefix(name, module+"/")
	if !isOurs {
		standard := !strings.Contains(strings.SplitN(name, "/", 2)[0], ".")
		return standard || len(w.imports) == 0 || w.imports[0] != "-"
	}
	for _, pattern := range w.imports {
		if ok, _ := path.Match(pattern, ours); ok && (pattern == ours || !strings.HasSuffix(ours, "test")) {
			return true
		}
	}
	return false
}
