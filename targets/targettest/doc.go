// Package targettest holds what tests of targets share: the conformance suite that every target
// driver runs ([Run]), and [Memory], a target that keeps its documents in the process and fails
// when it is told to.
//
// Memory has the semantics that the engine relies on and no others: whole documents, external
// versions as Elasticsearch keeps them (a write whose version is not higher is a conflict, a
// deletion leaves its version behind), partial failure by [targets.PartialError]. It also watches
// its caller: with a testing.TB it fails the test as soon as a document is under way in two
// Writes at once, or is sent with a version lower than one that was sent before.
//
// Only tests import this package.
package targettest
