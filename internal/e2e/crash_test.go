package e2e

import (
	"os"
	"slices"
	"testing"

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestCrash kills the process exactly at each point of the matrix, starts it again, and compares both
// ends. Each point is killed on one pair, in turn; MEEPO_MATRIX=full kills each on every pair.
func TestCrash(t *testing.T) {
	full := os.Getenv("MEEPO_MATRIX") == "full"
	for i, kill := range matrix.Kills {
		t.Run(kill.Name, func(t *testing.T) {
			t.Parallel()
			pairs := slices.DeleteFunc(slices.Clone(matrix.Pairs), func(p matrix.Pair) bool { return !kill.On(p) })
			for j, pair := range pairs {
				if full || i%len(pairs) == j {
					t.Run(pair.Name, func(t *testing.T) {
						t.Parallel()
						crash(t, kill, pair.Name)
					})
				}
			}
		})
	}
}

// TestCrash_NotInTheRealProgram arms the program that users have.
func TestCrash_NotInTheRealProgram(t *testing.T) {
	_, target, file := shop(t, servertest.MariaDB, 10)
	r := invocation{args: []string{"--once"}, dir: in(t, file), env: []string{"ES=" + target.URL, "MEEPO_CRASH=saving:1"}}.run(t)
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func crash(t *testing.T, kill matrix.Kill, pair string) {
	const rows = 4500
	s, staged := scenes[kill.Scene]
	if !staged {
		t.Fatalf("nothing stages %q", kill.Scene)
	}
	p := newPlant(t, pair, rows)
	if s.before != nil {
		s.before(p)
	}
	w := p.scribble(rows)
	r := p.start(kill.Crash, s.copied)
	if s.copied {
		p.awaitCopied(r)
		p.arm()
	}
	if s.provoke != nil {
		s.provoke(p, r)
	}
	p.awaitKilled(r, kill.Crash)
	if s.down != nil {
		s.down(p)
	}
	r = p.start("", false)
	if s.mend != nil {
		s.mend(p, r)
	}
	p.awaitCopied(r)
	t.Logf("%d changes by the writer", w.end())
	r.stop(p.t)
	p.finish()
	p.equal(s.letters)
}
