package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
)

// connecting are packages whose users hold connections, which goroutines serve.
var connecting = []string{"database/sql", "net", "net/http"}

// checkLeaks finds packages that start goroutines, or have tests and open connections, and do not
// look for what is left of them when their tests have ended.
func checkLeaks(t *tree) []string {
	var findings []string
	for _, folder := range t.folders() {
		if slices.ContainsFunc(t.packages[folder], looksForLeaks) {
			continue
		}
		does := ""
		tested := slices.ContainsFunc(t.packages[folder], func(f *file) bool { return f.test })
		for _, f := range t.shipped(folder) {
			switch {
			case starts(f):
				does = "starts goroutines"
			case does == "" && tested && connects(f):
				does = "opens connections"
			}
		}
		if does != "" {
			findings = append(findings, fmt.Sprintf("%s: %s, and its tests have no TestMain with goleak: what nobody ended would be noticed in production only", folder, does))
		}
	}
	return findings
}

func starts(f *file) bool {
	found := false
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		found = found || startsGoroutine(n)
		return !found
	})
	return found
}

func connects(f *file) bool {
	return slices.ContainsFunc(f.syntax.Imports, func(spec *ast.ImportSpec) bool {
		name, err := strconv.Unquote(spec.Path.Value)
		return err == nil && slices.Contains(connecting, name)
	})
}

// looksForLeaks reports whether the file's TestMain calls goleak.
func looksForLeaks(f *file) bool {
	for _, declaration := range f.syntax.Decls {
		main, ok := declaration.(*ast.FuncDecl)
		if !ok || !f.test || main.Recv != nil || main.Name.Name != "TestMain" {
			continue
		}
		found := false
		ast.Inspect(main, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok {
				of, _ := call.X.(*ast.Ident)
				found = found || of != nil && of.Name == "goleak"
			}
			return !found
		})
		return found
	}
	return false
}
