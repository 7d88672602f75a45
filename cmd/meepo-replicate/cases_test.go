package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const examples = "../../mappings/examples"

// TestExamples: the shipped examples give what they want, each says what it is for, and each makes documents.
func TestExamples(t *testing.T) {
	args := []string{"test", examples}
	if *rewriteGolden {
		args = append(args, "--update")
	}
	code, stdout, stderr := call(t, args...)
	if code != exitOK {
		t.Fatalf("go test ./cmd/meepo-replicate -golden rewrites what is wanted: exit code %d\n%s%s", code, stdout, stderr)
	}
	folders, err := filepath.Glob(examples + "/*/case.yaml")
	if err != nil || len(folders) < 2 {
		t.Fatalf("%d examples, %v", len(folders), err)
	}
	for _, file := range folders {
		folder := filepath.Dir(file)
		mapping, err := os.ReadFile(filepath.Join(folder, "mapping.yaml"))
		if err != nil || !strings.HasPrefix(string(mapping), "# ") {
			t.Errorf("%s: an example begins with a comment that says what it is for: %v", folder, err)
		}
		want, err := os.ReadFile(filepath.Join(folder, "want.txt"))
		if err != nil || !strings.Contains(string(want), "  upsert ") || strings.Contains(string(want), "errors:") || strings.Contains(string(want), "warning:") {
			t.Errorf("%s: an example has to work, without warnings: %v", folder, err)
		}
	}
}

// files writes files below a new folder, and makes that the current one.
func files(t *testing.T, texts map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range texts {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTest_Update(t *testing.T) {
	files(t, map[string]string{
		"tests/a/case.yaml":    "target: elastic\ntables: [{table: s.t, key: id, columns: {id: int}, rows: [{id: 1}]}]\n",
		"tests/.b/case.yaml":   "not a case, since it is hidden",
		"tests/b/want.txt":     "no case either",
		"tests/a/mapping.yaml": "version: 1\nmappings: [{from: s.t, to: t}]\n",
	})
	plan := "plan t/s.t (t): s.t to t\n  key id\n  field id, int\n  upsert 1 {\"id\": 1}\n  delete 1\n"
	for _, step := range []struct {
		args, want string
		code       int
	}{
		{"test", "FAIL  tests/a\n" + indented(plan) + "      nothing is wanted yet: this is what comes out, and --update keeps it as want.txt\n1 case, 1 not as wanted\n", exitFailed},
		{"test --update tests", "new   tests/a\n" + indented("--- want.txt\n+++ what comes out\n@@ -0,0 +1,5 @@\n+"+strings.ReplaceAll(strings.TrimSuffix(plan, "\n"), "\n", "\n+")+"\n") + "1 case, all as wanted\n", exitOK},
		{"test", "ok    tests/a\n1 case, all as wanted\n", exitOK},
	} {
		code, stdout, stderr := call(t, strings.Fields(step.args)...)
		if diff := cmp.Diff(step.want, stdout); diff != "" || code != step.code || stderr != "" {
			t.Errorf("%s: exit code %d: %s%s", step.args, code, diff, stderr)
		}
	}
	if err := os.WriteFile("tests/a/want.txt", []byte(strings.Replace(plan, "int", "bigint", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := call(t, "test")
	if code != exitFailed || !strings.Contains(stdout, "      -  field id, bigint\n      +  field id, int\n") || !strings.Contains(stdout, "meepo-replicate test --update tests/a\n") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

func TestTest_WrongCommandLines(t *testing.T) {
	files(t, map[string]string{"a/case.yaml": "tables: [{table: s.t, key: id, columns: {id: int}}]\n", "none/x": ""})
	for _, test := range []struct {
		args, stdout, stderr string
		code                 int
	}{
		{"test nowhere", "", "error: lstat nowhere: no such file or directory\n  what to do: name a folder that is there\n", exitUsage},
		{"test none", "", "error: there is no case in none\n  what to do: make a folder with a case.yaml in it: see meepo-replicate test --help\n", exitUsage},
		{"test a b", "", "error: name one folder with cases, not 2\n  what to do: see meepo-replicate test --help\n", exitUsage},
		{"test --target=elastik", "", "error: invalid argument \"elastik\" for \"--target\" flag: \"elastik\" is not one of elastic, mongo, postgres: did you mean \"elastic\"?\n  what to do: see meepo-replicate test --help\n", exitUsage},
		{"test", "FAIL  a\n      a/case.yaml:1:1: no target is named: write a line `target: elastic`, or use --target\n         1 | tables: [{table: s.t, key: id, columns: {id: int}}]\n           | ^\n1 case, 1 not as wanted\n", "", exitFailed},
	} {
		code, stdout, stderr := call(t, strings.Fields(test.args)...)
		if code != test.code {
			t.Errorf("%s: exit code %d", test.args, code)
		}
		if diff := cmp.Diff(test.stdout+test.stderr, stdout+stderr); diff != "" {
			t.Errorf("%s: %s", test.args, diff)
		}
	}
	if code, stdout, _ := call(t, "test", "--target=postgres"); code != exitFailed || !strings.Contains(stdout, "plan s.t (s.t): s.t to s.t") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

// TestTest_MappingsOfAConfiguration: of a configuration its mappings count, and nothing else, and variables are the case's.
func TestTest_MappingsOfAConfiguration(t *testing.T) {
	t.Setenv("SCHEMA", "other")
	files(t, map[string]string{
		"meepo.yaml": `version: 1
source: {url: "mysql://u@h/x", password: "${NOT_SET}"}
target: {kind: elastic, url: "${NOT_SET}"}
mappings:
  - {name: a, from: "${SCHEMA}.a"}
  - more/*.yaml
`,
		"more/b.yaml": "version: 1\nmappings: [{name: b, from: \"${SCHEMA}.b\", to: \"${MISSING}\"}]\n",
		"tests/a/case.yaml": `target: elastic
mappings: ../../meepo.yaml
variables: {SCHEMA: s, MISSING: c}
tables: [{table: s.a, key: id, columns: {id: int}}, {table: s.b, key: id, columns: {id: int}}]
`,
	})
	code, stdout, stderr := call(t, "test", "--update")
	if code != exitOK || !strings.Contains(stdout, "plan a/s.a (a): s.a to s.a") && !strings.Contains(stdout, "plan b/s.b (b): s.b to c") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile("tests/a/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("tests/a/case.yaml", []byte(strings.Replace(string(text), ", MISSING: c", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ = call(t, "test")
	if want := "+../../more/b.yaml:2:47: the variable MISSING is not set: add it under `variables` in case.yaml\n"; !strings.Contains(stdout, want) {
		t.Errorf("want %s:\n%s", want, stdout)
	}
}
