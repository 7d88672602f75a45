//go:build !linux

package main

import _ "github.com/meepo-replicate/meepo/replicate/replicatetest"
