//go:build mutations

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// mutation takes one mechanism out of the program.
type mutation struct {
	mechanism string
	edits     []edit
	pkg, test string   // what must fail for it, beside the nemesis
	faults    []string // of the nemesis: none that has tables copied anew, which heals what went wrong before
}

// edit replaces a text that must stand in the file exactly once.
type edit struct{ file, old, new string }

var mutations = []mutation{
	{"fence", []edit{{"replicate/lanes.go", `
	if fence != "" {
		l.fence = fence
	}`, `
	_ = fence`}},
		"./replicate", "TestRun_FencedReads", []string{"kill", "rotate log", "cut source"}},
	{"frontier", []edit{{"replicate/frontier.go",
		`for t := f.first; t != nil && t.isDone(); t = t.next {`,
		`for t := f.first; t != nil; t = t.next {`}},
		"./replicate", "TestFrontier_Model", []string{"kill", "stall target", "busy target"}},
	{"once in flight", []edit{{"replicate/lanes.go", `
	switch {
	case e == nil:`, `
	switch {
	case e == nil || e.inFlight:`}},
		"./replicate", "TestRun_OneFlightPerDocument", []string{"kill", "mute target", "stall target"}},
	{"version guard", []edit{{"replicate/deliver.go",
		`item.Stored != 0 && (item.Stored == op.Version || r.versions.ours(item.Stored)):`,
		`item.Stored != 0:`}},
		"./replicate", "TestRun_ForeignVersion", []string{"kill", "foreign version"}},
	{"version guard in the target", []edit{{"targets/elastic/bulk.go", `
	dst = append(dst, ` + "`" + `,"version":` + "`" + `...)
	dst = strconv.AppendInt(dst, op.Version, 10)
	dst = append(dst, ` + "`" + `,"version_type":"external"` + "`" + `...)`, `
	_ = strconv.AppendInt`}},
		"./targets/elastic", "TestWrite_LandsLate", []string{"tardy target", "rotate log"}},
	{"save before ack", []edit{{"replicate/saver.go", `
		change.Checkpoint.Saved = time.Now().UTC()
`, `
		change.Checkpoint.Saved = time.Now().UTC()
		if err := s.ack(ctx, source.Position(change.Checkpoint.Position)); err != nil {
			return err
		}
		s.observer.AckedFunc(source.Position(change.Checkpoint.Position))
`}},
		"./replicate", "TestRun_DurableThenSavedThenAcked", []string{"kill", "cut target", "cut source"}},
}

// mutationSeed is the one seed that has to do.
const mutationSeed = 1

// TestMutations takes mechanisms out of the program, one at a time: the test named for it fails, and the
// nemesis notices, by a validator or by the comparison in the end. With all of them in, it is silent.
func TestMutations(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		file, err := faultyProgram()
		if err != nil {
			t.Fatal(err)
		}
		underNemesis(t, file, nil).check(t)
	})
	for _, m := range mutations {
		t.Run(m.mechanism, func(t *testing.T) {
			overlay := m.overlay(t)
			out, err := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-timeout=3m", "-run=^"+m.test+"$", "github.com/meepo-replicate/meepo/"+strings.TrimPrefix(m.pkg, "./")).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: "+m.test) {
				t.Errorf("%s of %s does not fail without it: %v\n%s", m.test, m.pkg, err, out)
			} else {
				t.Logf("without it %s fails: %s", m.test, firstComplaint(string(out)))
			}
			file := filepath.Join(t.TempDir(), "mutated")
			if err := build(file, "-tags", "faulty", "-overlay", overlay); err != nil {
				t.Fatal(err)
			}
			r := underNemesis(t, file, m.faults)
			if len(r.violations)+len(r.troubles)+r.compared.differences == 0 {
				t.Error("the nemesis has not noticed")
			}
			for _, found := range [][]string{r.violations, r.troubles, r.compared.first} {
				if len(found) > 0 {
					t.Logf("such as: %s", found[0])
				}
			}
		})
	}
}

// underNemesis runs a program whose validators do not end it, so that the comparison shows what it did.
func underNemesis(t *testing.T, file string, faults []string) *nemesisReport {
	t.Helper()
	return runNemesis(t, nemesisRun{program: file, flavor: servertest.MariaDB, seed: mutationSeed, lasting: 20 * time.Second,
		only: faults, env: []string{"MEEPO_VALIDATOR=report"}, sick: true})
}

// overlay writes the changed files, and what tells the go command to take them instead.
func (m *mutation) overlay(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replaced := map[string]string{}
	for _, e := range m.edits {
		path := filepath.Join(root, e.file)
		from := path
		if replaced[path] != "" {
			from = replaced[path]
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			t.Fatalf("%s has changed, so this mutation has to be looked at: this stands in it %d times:\n%s", e.file, n, e.old)
		}
		replaced[path] = filepath.Join(dir, strings.ReplaceAll(e.file, "/", "_"))
		if err := os.WriteFile(replaced[path], []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// firstComplaint is the first line of a test's output that says what is wrong.
func firstComplaint(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") {
			return strings.TrimSpace(line)
		}
	}
	return "no line of a test"
}
