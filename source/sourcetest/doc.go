// Package sourcetest tests sources and what is built on them.
//
// [Memory] is a scripted source in memory for tests of the engine: transactions are applied to
// its tables and appended to its log, and the test decides when readers see a commit whose events
// the log has shown already, which faults occur and where, and reads back what was read.
//
// [Run] is the conformance suite that every source runs, Memory included. A driver's test gives it
// the seams and a function that applies a [Change] to a real database; [Change.SQL] has the text.
//
// The package is imported by tests only.
package sourcetest
