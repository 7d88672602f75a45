package matrix_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/replicate"
)

const root = "../.."

// read holds what functions has found: it is asked for each of hundreds of tests.
var read = map[string][]string{}

// functions are the tests of a folder's package.
func functions(t *testing.T, folder string) []string {
	t.Helper()
	if names, there := read[folder]; there {
		return names
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
	}
	read[folder] = names
	return names
}

// wrong says what is wrong with a test's name, if anything.
func wrong(t *testing.T, folder, name string) string {
	t.Helper()
	function, sub, _ := strings.Cut(name, "/")
	if !slices.Contains(functions(t, folder), function) {
		return "there is no such test"
	}
	kill, _, _ := strings.Cut(sub, "/")
	if function == "TestCrash" && !slices.ContainsFunc(matrix.Kills, func(k matrix.Kill) bool { return k.Name == kill }) {
		return "there is no such kill"
	}
	return ""
}

func TestMatrix_EveryTestExists(t *testing.T) {
	if len(matrix.Tests()) < len(matrix.Kills) {
		t.Fatalf("%d tests", len(matrix.Tests()))
	}
	for _, test := range matrix.Tests() {
		if what := wrong(t, test.Folder, test.Name); what != "" {
			t.Errorf("%s %s: %s", test.Folder, test.Name, what)
		}
	}
}

// TestMatrix_EveryPoint has a kill for every point of the observer, and none for another.
func TestMatrix_EveryPoint(t *testing.T) {
	var want, got []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[replicate.Observer]()) {
		var b strings.Builder
		for i, r := range strings.TrimSuffix(field.Name, "Func") {
			if unicode.IsUpper(r) && i > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		want = append(want, b.String())
	}
	names := map[string]bool{}
	for _, k := range matrix.Kills {
		if names[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		names[k.Name] = true
		got = append(got, k.Point())
	}
	slices.Sort(want)
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(want, got) {
		t.Errorf("points\n%q, the kills are at\n%q", want, got)
	}
}

var (
	testCell = regexp.MustCompile("`(\\S+) (\\S+)`")
	anyTest  = regexp.MustCompile("`[^`]*Test[^`]*`")
)

// TestMatrix_Readme has nothing in README's table that no test is behind.
func TestMatrix_Readme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, begins := strings.Cut(string(text), matrix.Begin)
	table, _, ends := strings.Cut(table, matrix.End)
	if !begins || !ends {
		t.Fatal("README has no table of the matrix")
	}
	checked := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| | ") {
			continue
		}
		tested := false
		for _, cell := range cells[1 : len(cells)-2] {
			tested = tested || strings.TrimSpace(cell) != "not tested"
		}
		named := testCell.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if tested && len(named) == 0 || len(named) != len(anyTest.FindAllString(line, -1)) {
			t.Errorf("results without a test: %s", line)
		}
		for _, test := range named {
			checked++
			if what := wrong(t, test[1], test[2]); what != "" {
				t.Errorf("%s %s: %s", test[1], test[2], what)
			}
		}
	}
	if checked < len(matrix.Kills)/2 {
		t.Errorf("the table names %d tests only", checked)
	}
}
