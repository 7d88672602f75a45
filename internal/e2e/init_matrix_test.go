//go:build matrix

package e2e

import (
	"maps"
	"slices"
	"testing"
)

// TestInit_AllPairs is TestInit for every schema and every target.
func TestInit_AllPairs(t *testing.T) {
	for _, blueprint := range slices.Sorted(maps.Keys(blueprints)) {
		for _, target := range []string{"elastic", "mongo", "postgres"} {
			t.Run(blueprint+" to "+target, func(t *testing.T) {
				t.Parallel()
				initAndRun(t, blueprints[blueprint], target)
			})
		}
	}
}
