package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestCheck_HoldsEndsAgainstTheState: what would make the next run refuse to start is an error of check.
func TestCheck_HoldsEndsAgainstTheState(t *testing.T) {
	g := newGoods(t, servertest.MySQL, 10)
	if r := g.start("--once"); r.wait(t) != 0 {
		t.Fatal("the first run failed")
	}
	check := func(want string, args ...string) {
		t.Helper()
		r := invocation{args: append([]string{"check"}, args...), dir: g.dir, env: g.env}.run(t)
		code, text := r.wait(t), r.stdout.String()
		if want == "" && code != 0 || want != "" && (code != 1 || !strings.Contains(text, want)) {
			t.Errorf("check %q: exit code %d, want %q in\n%s", args, code, want, text)
		}
	}
	check("")
	check("destination holds documents already", "--state=new.db")
	if status, answer := g.target.Do(t, "DELETE", "/"+g.index+"-000001", nil); status != 200 {
		t.Fatalf("delete index: %s", answer)
	}
	check("destination was deleted or replaced")

	other := servertest.OpenSQL(t, servertest.MySQLMinimal)
	other.Exec(t, goodsTable)
	file := filepath.Join(g.dir, "meepo.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer(g.db.ReplURL, other.ReplURL, g.db.Name+".goods", other.Name+".goods").Replace(string(text))
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	check("position lost")
}
