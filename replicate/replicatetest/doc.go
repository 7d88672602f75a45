// Package replicatetest watches a run of the engine from within: a [Validator] is told by the run's
// observer what happens, keeps books of its own, and says so at once when something does not hold that
// is promised of every moment. It is for tests, and for the build of the program that only tests make.
//
// What it watches:
//
//   - A document is in flight once, and one write of it at a time is under way (invariant 3).
//   - The log's changes of a document are in order: a position is saved only when each document that
//     they made dirty was read behind a fence that covers its newest change, and is settled since:
//     durable, a dead letter, or known to need no write (invariants 1 and 4).
//   - Saved positions are those of the log, in its order, and none is acknowledged before it is saved
//     (invariant 4).
//   - Versions of a document never go back (invariant 5).
//
// Whether the target equals the source at the end is for the test to compare.
package replicatetest
