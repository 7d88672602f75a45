// Package stray has no row.
package stray
