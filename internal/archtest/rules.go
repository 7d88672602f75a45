package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxLines is how long a file may be: what fits in a head at once, and a little more.
const maxLines = 420

// starters are the packages that may start goroutines; each of them waits for those
// it started.
var starters = []string{
	"replicate", "replicate/compare", "source/mysql", "source/postgres", "targets/elastic", "cmd/meepo-replicate",
	"source/sourcetest", "targets/targettest", "internal/*", "internal/*/*",
}

// emptyNames say nothing about what a package, a file or a type holds.
var emptyNames = regexp.MustCompile(`^(utils?|commons?|helpers?|misc)(_test)?$`)

// emptyEndings are the endings of type names that say as little.
var emptyEndings = regexp.MustCompile(`(Manager|Handler|Helper|Util|Utils)$`)

// checkDocs finds packages without a package comment, and methods of exported
// interfaces without a contract.
func checkDocs(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		documented := slices.ContainsFunc(t.packages[folder], func(f *file) bool { return f.syntax.Doc.Text() != "" })
		if !documented {
			findings = append(findings, folder+": has no package comment: say in doc.go what the package holds")
		}
		for _, f := range t.shipped(folder) {
			findings = append(findings, undocumented(t, f)...)
		}
	}
	return findings
}

// undocumented finds methods of the file's exported interfaces without a comment.
func undocumented(t *tree, f *file) []string {
	var findings []string
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !spec.Name.IsExported() {
			return true
		}
		seam, ok := spec.Type.(*ast.InterfaceType)
		if !ok {
			return true
		}
		for _, method := range seam.Methods.List {
			if len(method.Names) > 0 && method.Doc.Text() == "" {
				findings = append(findings, fmt.Sprintf("%s: %s.%s has no comment: a method of a seam is a contract, so say who calls it and what each error means",
					t.at(method.Pos()), spec.Name, method.Names[0]))
			}
		}
		return true
	})
	return findings
}

// checkLength finds files that are too long.
func checkLength(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		for _, f := range t.packages[folder] {
			if f.lines > maxLines {
				findings = append(findings, fmt.Sprintf("%s: has %d lines, and %d are allowed: find the second job in it and give that a file of its own", f.path, f.lines, maxLines))
			}
		}
	}
	return findings
}

// checkGoroutines finds places that start goroutines, by a go statement or by the
// method Go of a group, in packages that are not on the list.
func checkGoroutines(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		if slices.ContainsFunc(starters, func(pattern string) bool { ok, _ := path.Match(pattern, folder); return ok }) {
			continue
		}
		for _, f := range t.shipped(folder) {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if startsGoroutine(n) {
					findings = append(findings, fmt.Sprintf("%s: %s starts a goroutine: only packages that wait for theirs do, and they are listed in rules.go", t.at(n.Pos()), folder))
				}
				return true
			})
		}
	}
	return findings
}

func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		selector, ok := n.Fun.(*ast.SelectorExpr)
		return ok && selector.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

// checkNames finds packages, files and types whose names say nothing.
func checkNames(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		if emptyNames.MatchString(path.Base(folder)) {
			findings = append(findings, folder+": the package's name says nothing: name what it holds")
		}
		for _, f := range t.packages[folder] {
			if emptyNames.MatchString(strings.TrimSuffix(path.Base(f.path), ".go")) {
				findings = append(findings, f.path+": the file's name says nothing: name what it holds")
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && emptyEndings.MatchString(spec.Name.Name) {
					findings = append(findings, fmt.Sprintf("%s: the type's name %s says nothing: name what it is", t.at(spec.Pos()), spec.Name))
				}
				return true
			})
		}
	}
	return findings
}

// quoted finds what stands in back-ticks and could be a path of ours.
var quoted = regexp.MustCompile("`((?:cmd|source|mappings|targets|replicate|internal|scripts|tools)(?:/[A-Za-z0-9_.<>*-]+)*/?)`")

// checkArchitecture finds paths that ARCHITECTURE.md names and the repository does
// not have.
func checkArchitecture(t *tree) []string {
	const page = "ARCHITECTURE.md"
	text, err := os.ReadFile(filepath.Join(t.root, page))
	if err != nil {
		return []string{fmt.Sprintf("%s: cannot be read: %v", page, err)}
	}
	var findings []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		for _, match := range quoted.FindAllStringSubmatch(line, -1) {
			if strings.ContainsAny(match[1], "<>*") {
				continue // a pattern, not a path
			}
			_, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(match[1])))
			if errors.Is(err, fs.ErrNotExist) {
				findings = append(findings, fmt.Sprintf("%s:%d: names %s, which does not exist", page, number, match[1]))
			}
		}
	}
	return findings
}
