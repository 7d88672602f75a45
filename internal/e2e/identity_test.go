package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestForeignState gives the state of one server to a run on another one. It ends with what to do,
// and does not wait for what the other server will never have.
func TestForeignState(t *testing.T) {
	target := servertest.OpenElastic(t)
	for _, from := range servertest.Flavors() {
		db := servertest.OpenSQL(t, from)
		db.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO a VALUES (1, 'a1')")
		config := func(source string) string {
			return fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n  - {name: a, from: %s.a, to: %s%s}\n",
				source, target.URL, db.Name, target.Prefix, from)
		}
		dir := in(t, config(db.ReplURL))
		if p := (invocation{args: []string{"--once"}, dir: dir}).run(t); p.wait(t) != 0 {
			t.Fatalf("the first run: %s", p.stderr.String())
		}
		for _, on := range servertest.Flavors() {
			if on == from {
				continue
			}
			t.Run(fmt.Sprintf("%s on %s", from, on), func(t *testing.T) {
				other := servertest.OpenSQL(t, on)
				other.Exec(t, fmt.Sprintf("CREATE DATABASE %[1]s; CREATE TABLE %[1]s.a (id INT PRIMARY KEY)", db.Name))
				defer other.Exec(t, "DROP DATABASE "+db.Name)
				if err := os.WriteFile(filepath.Join(dir, "meepo.yaml"), []byte(config(other.ReplURL)), 0o600); err != nil {
					t.Fatal(err)
				}
				p := invocation{args: []string{"--once"}, dir: dir}.run(t)
				if code := p.wait(t); code == 0 {
					t.Error("the run ended well")
				}
				for _, want := range []string{"position lost", "what to do: check the source's address"} {
					if text := p.stderr.String(); !strings.Contains(text, want) {
						t.Errorf("%q is not in:\n%s", want, text)
					}
				}
			})
		}
	}
}
