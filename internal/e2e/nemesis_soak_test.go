//go:build soak

package e2e

import (
	"cmp"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestNemesis_Soak is TestNemesis for as long as SOAK says, as SEED and FLAVOR have it. Without a
// flavor, the seed chooses one.
func TestNemesis_Soak(t *testing.T) {
	lasting, err := time.ParseDuration(cmp.Or(os.Getenv("SOAK"), "10m"))
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("SEED"), "7"), 10, 64)
	if err != nil {
		t.Fatalf("SEED: %v", err)
	}
	flavor := servertest.Flavors()[seed%uint64(len(servertest.Flavors()))]
	if name := os.Getenv("FLAVOR"); name != "" {
		flavor = servertest.Flavor(name)
	}
	file, err := faultyProgram()
	if err != nil {
		t.Fatal(err)
	}
	runNemesis(t, nemesisRun{program: file, flavor: flavor, seed: seed, lasting: lasting}).check(t)
}
