// Package mappings says which documents the rows of a table become.
package mappings
