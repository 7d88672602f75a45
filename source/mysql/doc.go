// Package mysql reads MySQL (8.0 to 9.x) and MariaDB (10.6 and later) as a source of changes and
// rows.
//
// The log side turns binlog events into the keys that have changed; the reading side fetches rows
// by those keys or by ranges of the key. Both meet in two places: keys.go has the one canonical
// encoding of keys, and fence.go makes sure that a read sees at least what the log has told.
// TYPES.md lists every column type with what becomes of it.
package mysql
