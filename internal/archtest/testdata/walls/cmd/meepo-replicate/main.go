// Command meepo-replicate knows all that is shipped.
package main

import (
	_ "github.com/meepo-replicate/meepo/internal/servertest"
	_ "github.com/meepo-replicate/meepo/replicate/replicatetest"
	_ "github.com/meepo-replicate/meepo/replicate/state"
	_ "github.com/meepo-replicate/meepo/source/mysql"
	_ "github.com/meepo-replicate/meepo/source/sourcetest"
)

func main() {}
