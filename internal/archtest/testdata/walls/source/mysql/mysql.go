// Package mysql is a driver.
package mysql

import (
	_ "example.test/driver"
	_ "github.com/meepo-replicate/meepo/source"
	_ "github.com/meepo-replicate/meepo/targets"
)
