//go:build !faulty

package main

import "github.com/meepo-replicate/meepo/replicate"

// testObserver watches a run from within, in the build that tests make with the tag faulty. In every
// other build there is nobody.
func testObserver() *replicate.Observer { return nil }
