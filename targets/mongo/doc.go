// Package mongo is the driver for MongoDB as a target, and for servers that speak its protocol, as old as the client library
// takes them: wire version 9, MongoDB 4.4.
//
// A destination is a collection "database.collection". Documents are replaced, or made, by their _id, which is the source's
// key in its natural type: see TYPES.md. Requests are unordered bulks, so that a document which the server refuses does not
// keep its neighbours from being written, and ask for the write concern majority unless the URL names another.
//
// # Late writes
//
// The server keeps no versions of ours, and has nothing to condition a write on. Each request carries a maxTimeMS that ends
// when our own patience does; after a request that had no answer nothing is written until that time is over, and some more
// for what was held up on its way, see Target.doubt. What is held up for longer may land over a later write. A program that
// is killed, and begun again within that time, has no such guard: let it be begun again after Config.Timeout where requests
// may be held up.
//
// # What the driver keeps
//
// Collections hold documents of any shape, so what a destination's fields are is kept beside them, with the marks, in the
// database of the URL or in "meepo_replicate": see ownDatabase. A write makes a collection that is not there, so the driver looks now
// and then whether it still is the one that was prepared.
package mongo
