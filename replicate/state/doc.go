// Package state keeps what survives a restart, in one SQLite file: the saved position with its
// fence, the progress of each table's backfill, pending jobs, dead letters and the version lease.
//
// Everything that belongs together changes in one transaction, flushed to disk before [Store.Save]
// returns (synchronous=FULL), because a position that is ahead of what it promises loses rows.
// The file is written by one process at a time, which a lock file beside it enforces; other
// processes may read it meanwhile.
package state
