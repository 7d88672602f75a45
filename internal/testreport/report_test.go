package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runModule runs testreport over a module of one package made of the sources.
func runModule(t *testing.T, complete bool, sources map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	sources["go.mod"] = "module example.test/m\n\ngo 1.26\n"
	for name, text := range sources {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"go", "test", "-C", dir, "-json", "-timeout", "30s", "./..."}, complete, &out)
	return out.String(), err
}

func TestRun_VerdictsOfRealTests(t *testing.T) {
	const head = "package m\nimport \"testing\"\n"
	cases := map[string]struct {
		source, last string
		complete     bool
		says         []string // in the output
		silent       []string // not in the output
		err          string
	}{
		"all pass, with subtests counted once": {
			source: head + `func TestA(t *testing.T) { t.Log("chatter"); t.Run("x", func(t *testing.T) {}); t.Run("y", func(t *testing.T) {}) }
func TestB(t *testing.T) {}`,
			last: "3 passed, 0 failed, 0 skipped", complete: true,
			says: []string{"ok    example.test/m"}, silent: []string{"chatter"},
		},
		"a failed subtest is shown in full": {
			source: head + `func TestA(t *testing.T) { t.Run("x", func(t *testing.T) { t.Error("one"); t.Error("two") }) }
func TestB(t *testing.T) { t.Log("chatter") }`,
			last: "1 passed, 1 failed, 0 skipped", says: []string{"one", "two", "FAIL  example.test/m"}, silent: []string{"chatter"}, err: "1 failed",
		},
		"a parent that fails by itself counts": {
			source: head + `func TestA(t *testing.T) { t.Run("x", func(t *testing.T) {}); t.Error("after") }`,
			last:   "1 passed, 1 failed, 0 skipped", says: []string{"after"}, err: "1 failed",
		},
		"skips are counted by reason": {
			source: head + `func TestA(t *testing.T) { t.Skip("no server") }` + "\n" + `func TestB(t *testing.T) { t.Skip("no server") }`,
			last:   "0 passed, 0 failed, 2 skipped", says: []string{"skipped 2: no server"},
		},
		"a skip fails a complete run": {
			source: head + `func TestA(t *testing.T) { t.Skip("no server") }`, complete: true,
			last: "0 passed, 0 failed, 1 skipped", says: []string{"skipped: example.test/m TestA: no server"}, err: "must be complete",
		},
		"a panic fails": {
			source: head + `func TestA(t *testing.T) { panic("ouch") }`,
			last:   "0 passed, 1 failed, 0 skipped", says: []string{"panic: ouch"}, err: "1 failed",
		},
		"an early exit fails": {
			source: "package m\nimport (\"os\"; \"testing\")\nfunc TestA(t *testing.T) { os.Exit(0) }",
			last:   "0 passed, 1 failed, 0 skipped", err: "1 failed",
		},
		"what does not compile fails": {
			source: head + `func TestA(t *testing.T) { nothing() }`,
			last:   "0 passed, 1 failed, 0 skipped", says: []string{"undefined: nothing"}, err: "1 failed",
		},
		"no tests at all fail": {
			source: "package m\n", last: "0 passed, 0 failed, 0 skipped", err: "no tests",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := runModule(t, c.complete, map[string]string{"m_test.go": c.source})
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if got := lines[len(lines)-1]; got != c.last {
				t.Errorf("last line %q, want %q", got, c.last)
			}
			for _, text := range c.says {
				if !strings.Contains(out, text) {
					t.Errorf("output does not say %q", text)
				}
			}
			for _, text := range c.silent {
				if strings.Contains(out, text) {
					t.Errorf("output says %q", text)
				}
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if t.Failed() {
				t.Logf("output:\n%s", out)
			}
		})
	}
}

func TestReport_ATestThatNeverEndsFails(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, false)
	const events = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
not an event
`
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	r.finish()
	if r.failed != 1 || !strings.Contains(out.String(), "TestA did not end") || !strings.Contains(out.String(), "not an event") {
		t.Errorf("%d failed, output:\n%s", r.failed, out.String())
	}
}
