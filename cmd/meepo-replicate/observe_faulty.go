//go:build faulty

package main

import "github.com/meepo-replicate/meepo/replicate"

// testObserver joins what tests watch a run with.
func testObserver() *replicate.Observer { return replicate.Observe(crashObserver(), validObserver()) }
