// Package elastic writes documents to Elasticsearch (7.17 and later) and servers that speak its
// API, such as OpenSearch.
//
// Each destination is an alias with one index behind it, <destination>-000001, so that a later
// reindex can swap the index under the name. No request may make an index by itself, with types
// that Elasticsearch guesses: every write requires the alias. Deletes take no such flag of their
// own, and one with an external version even makes a missing index; a bulk request that only
// deletes therefore carries a guard, an update of a document that does not exist, which requires
// the alias and with it keeps the whole request from making one.
//
// Documents have external versions. The server refuses a version that is not higher than what it
// has, and remembers those of deleted documents for index.gc_deletes, which is why Prepare sets
// that to longer than any request lives.
//
// Requests are built by go-elasticsearch's esapi and sent by a transport of this package: plain
// JSON, no product check, credentials asked for at each attempt, one retry policy.
package elastic
