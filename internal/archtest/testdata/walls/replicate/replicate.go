// Package replicate is the engine.
package replicate

import (
	_ "github.com/meepo-replicate/meepo/mappings"
	_ "github.com/meepo-replicate/meepo/replicate/state"
	_ "github.com/meepo-replicate/meepo/source/mysql"
)
