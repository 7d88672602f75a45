// Package source is a leaf.
package source

import (
	_ "example.test/driver"
	_ "fmt"
)
