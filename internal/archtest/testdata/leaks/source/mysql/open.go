// Package mysql opens connections.
package mysql

import "database/sql"

func open() { _, _ = sql.Open("mysql", "") }
