//go:build faulty

package main

import _ "github.com/meepo-replicate/meepo/replicate/replicatetest"
