// Package targets is the vocabulary of "what to write": destinations, documents, operations and
// their outcome, and the seams that a target driver implements.
//
// A target writes whole documents by id and deletes by id. Both are idempotent, so an operation
// may be repeated after any failure; versions decide which of two writes of a document wins.
//
// The package imports the standard library only, so that drivers, the mapping compiler and the
// engine can all share it without knowing of each other.
package targets
