package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the path that the imports of our own packages begin with.
const module = "github.com/meepo-replicate/meepo"

// tree is the parsed source of a repository.
type tree struct {
	root     string
	packages map[string][]*file // by folder relative to the root, with slashes
	set      *token.FileSet
}

// file is one Go file.
type file struct {
	path   string // relative to the root, with slashes
	test   bool   // of a test, or of the build that only tests make: it is not shipped
	lines  int
	syntax *ast.File
}

// load parses every Go file below root, except what the go command leaves out too
// (testdata, folders that begin with a dot or an underscore) and nested modules.
func load(root string) (*tree, error) {
	t := &tree{root: root, packages: map[string][]*file{}, set: token.NewFileSet()}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return leaveOut(root, name, entry)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		return t.add(name)
	})
	if err == nil && len(t.packages) == 0 {
		err = fmt.Errorf("load %s: no Go files", root)
	}
	return t, err
}

func leaveOut(root, name string, entry fs.DirEntry) error {
	if name == root {
		return nil
	}
	if entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// add parses one file.
func (t *tree) add(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(t.root, name)
	if err != nil {
		return err
	}
	relative = filepath.ToSlash(relative)
	syntax, err := parser.ParseFile(t.set, relative, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	folder := path.Dir(relative)
	t.packages[folder] = append(t.packages[folder], &file{
		path: relative, test: strings.HasSuffix(name, "_test.go") || onlyFaulty(syntax),
		lines: bytes.Count(text, []byte("\n")), syntax: syntax,
	})
	return nil
}

// onlyFaulty says whether a file is part of nothing but builds with the tag faulty, which tests make to
// watch the program from within.
func onlyFaulty(syntax *ast.File) bool {
	for _, group := range syntax.Comments {
		if group.Pos() > syntax.Package {
			break
		}
		for _, comment := range group.List {
			built, err := constraint.Parse(comment.Text)
			if err != nil {
				continue // no constraint
			}
			return built.Eval(func(string) bool { return true }) && !built.Eval(func(tag string) bool { return tag != "faulty" })
		}
	}
	return false
}

// folders returns the folders with packages in order.
func (t *tree) folders() []string {
	var folders []string
	for folder := range t.packages {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	return folders
}

// shipped returns the files of a package that are not tests.
func (t *tree) shipped(folder string) []*file {
	var files []*file
	for _, f := range t.packages[folder] {
		if !f.test {
			files = append(files, f)
		}
	}
	return files
}

// at is a place for people: file:line.
func (t *tree) at(p token.Pos) string {
	position := t.set.Position(p)
	return fmt.Sprintf("%s:%d", position.Filename, position.Line)
}
