// Package source exists.
package source
