// Package elastic is a driver.
package elastic

import _ "github.com/meepo-replicate/meepo/source/mysql"
