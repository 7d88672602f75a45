//go:build faulty

package main

import "github.com/meepo-replicate/meepo/replicate"

// validObserver ends the process when what is promised of every moment does not hold.
func validObserver() *replicate.Observer { return nil }
