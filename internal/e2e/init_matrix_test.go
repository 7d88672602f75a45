//go:build matrix

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestInit_AllPairs is TestInit for every pair.
func TestInit_AllPairs(t *testing.T) {
	for _, pair := range matrix.Pairs {
		t.Run(pair.Name, func(t *testing.T) {
			t.Parallel()
			source, target, _ := strings.Cut(pair.Name, "+")
			flavor := servertest.Flavor(source)
			for _, b := range blueprints {
				family := b.flavor == flavor || b.flavor == servertest.MySQL && slices.Contains([]servertest.Flavor{servertest.MySQLNoGTID, servertest.MySQLMinimal}, flavor)
				if !family {
					continue
				}
				b.flavor = flavor
				t.Run(b.name, func(t *testing.T) { initAndRun(t, b, target) })
			}
		})
	}
}
