package replicate_test

import (
	"os/exec"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
)

// TestShellWord asks a shell what it makes of words.
func TestShellWord(t *testing.T) {
	for _, word := range []string{"orders/shop.orders", "", "a b", "it's", `$(rm -rf x) "q" \ *`, "line\nbreak", "~", "日本", "-x", "a;b", "{a,b}", "orders_{region}"} {
		out, err := exec.Command("sh", "-c", "printf %s "+replicate.ShellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came out as %q, %v", word, out, err)
		}
	}
	if plain := "orders/shop.orders"; replicate.ShellWord(plain) != plain {
		t.Error("a plain word is in quotes")
	}
}
