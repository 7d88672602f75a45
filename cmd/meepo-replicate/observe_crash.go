//go:build faulty

package main

import "github.com/meepo-replicate/meepo/replicate"

// crashObserver kills the process at the point that MEEPO_CRASH names.
func crashObserver() *replicate.Observer { return nil }
