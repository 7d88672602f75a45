// Package mappings sees both leaves.
package mappings

import (
	_ "github.com/meepo-replicate/meepo/replicate"
	_ "github.com/meepo-replicate/meepo/source"
	_ "github.com/meepo-replicate/meepo/targets"
)
