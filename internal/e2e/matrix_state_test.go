package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // to look into and spoil state files

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestStateDiskFull lets no file of the process grow any more while it follows: it ends with an error
// that names the file and says what to do, and a start with room goes on from what was saved.
func TestStateDiskFull(t *testing.T) {
	for _, pair := range matrix.Pairs {
		t.Run(pair.Name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, pair.Name, 2000)
			r := p.start("", false)
			p.awaitCopied(r)
			saved := p.status().Position
			if err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}, nil); err != nil {
				t.Fatal(err)
			}
			w := p.scribble(2000)
			if code := r.wait(t); code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range []string{"error: save state to ./meepo-state.db: ", "what to do: ", "room"} {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("the message does not hold %q:\n%s", want, r.stderr)
				}
			}
			if s := p.status(); s.Position != saved || len(s.Tables) != 2 || !s.Tables[0].Copied {
				t.Errorf("saved before: %s; status: %+v", saved, s)
			}
			r = p.start("", false)
			w.end()
			p.awaitCaughtUp(r)
			r.stop(p.t)
			if strings.Contains(r.stderr.String(), "backfill begins") {
				t.Error("it was copied again")
			}
			p.equal(nil)
		})
	}
}

// TestMessages_State refuses state files that cannot be gone on with; none is started over.
func TestMessages_State(t *testing.T) {
	db, target, file := shop(t, servertest.MariaDB, 10)
	for name, one := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  []string
	}{
		"no state file": {says: []string{"corrupt"}, spoil: func(t *testing.T, path string) {
			writeFile(t, path, []byte(strings.Repeat("no state\n", 1000)))
		}},
		"overwritten in the middle": {says: []string{"corrupt"}, spoil: func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(text); i++ {
				text[i] = 'x'
			}
			writeFile(t, path, text)
		}},
		"without a position": {says: []string{"corrupt", "progress without a position"}, spoil: func(t *testing.T, path string) {
			inState(t, path, "DELETE FROM position")
		}},
		"of a newer program": {says: []string{"newer program", "format 99"}, spoil: func(t *testing.T, path string) {
			inState(t, path, "UPDATE meta SET value = '99' WHERE name = 'format'")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, env := in(t, file), []string{"ES=" + target.URL}
			first := invocation{args: []string{"--once", "--fresh"}, dir: dir, env: env}.run(t)
			if code := first.wait(t); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			path := filepath.Join(dir, "meepo-state.db")
			one.spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			db.Exec(t, "INSERT INTO orders (total) VALUES (7)")
			docs := target.Count(t, target.Prefix+"orders")
			for _, args := range [][]string{{"--once"}, {"--once", "--fresh"}, {"status"}} {
				r := invocation{args: args, dir: dir, env: env}.run(t)
				if code := r.wait(t); code != 1 {
					t.Errorf("%v: exit code %d", args, code)
				}
				for _, want := range append(one.says, "meepo-state.db", "what to do: ") {
					if !strings.Contains(r.stderr.String(), want) {
						t.Errorf("%v: the message does not hold %q:\n%s", args, want, r.stderr)
					}
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
			if n := target.Count(t, target.Prefix+"orders"); n != docs {
				t.Errorf("%d documents, %d before", n, docs)
			}
		})
	}
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// inState changes a state file that nobody uses.
func inState(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
