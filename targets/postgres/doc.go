// Package postgres is the driver for PostgreSQL as a target, 13 and later.
//
// A destination is a table "schema.table" whose primary key is the source's key. Documents are upserted in batches, one
// statement each, and a batch that the server refuses is halved until the guilty rows are alone: their neighbours are
// written. Only errors of the server's own state are no row's fault; a row that fails with a code which nobody knows, as
// triggers may raise, is tried again some times, and then becomes a dead letter. What a trigger says may hold a row's values: it
// stands in the server's log only.
//
// A statement takes its rows as arrays, INSERT … SELECT FROM unnest(…) ON CONFLICT. COPY into a temporary table and a merge from
// there is slower by far for some rows, and still so for 1000, the size of a batch: 52,000 rows/s by unnest and 32,000 by COPY
// for rows of ten columns that are new, 37,000 and 22,000 for rows that are there. Only of 5000 rows COPY is faster, by a
// quarter at most; see BenchmarkWrite.
//
// # Late writes
//
// A request that was given up may still land, and a program that was killed may have left one on its way. So each statement
// carries the epoch of its destination, see epochs, and share-locks the row that holds it: a writer that begins, or whose
// request had no answer, raises the epoch first. That waits for what is under way, and makes void what comes later.
//
// # Durable
//
// A statement that is answered survives a crash of the server: each connection sets synchronous_commit to on where the account's
// or the database's settings have it off, and leaves stronger values, and local, as they are. A failover to a standby is as safe as
// the settings make it; the marks tell when the target went back.
//
// # Versions
//
// With Config.VersionColumn each row keeps the version of its last write, and a write with a lower one is a conflict. It guards
// against other writers, as long as there is the row: what was deleted leaves no version behind.
// Each statement returns which of its rows it has not written, so that a row of another writer's with the same version is a
// conflict, too, and one that a trigger skips is in doubt. Without that column a row that a trigger skips counts as written:
// suppress_redundant_updates_trigger does so to rows that are equal.
//
// # Keys
//
// The key's columns have natural types. Where a type would take two keys for one, or could not print the key's text
// again, the column is text: see TYPES.md.
//
// # Foreign keys
//
// Rows of different tables are written in no order between them. A foreign key that the table has fails until the row it
// asks for is there: the op is tried again some times, and then becomes a dead letter. A constraint that is deferrable
// and initially deferred is checked when the statement's transaction commits, which is the same moment. Let the target
// have no foreign keys, or repeat the dead letters.
package postgres
