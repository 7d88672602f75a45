// Package mysql has types.
package mysql

// RowManager does things.
type RowManager struct{}

type rowHelper struct{}

// Rows is a good name.
type Rows struct{}
