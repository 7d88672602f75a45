// Package mappings says which documents the rows of a table become. It reads the mapping
// language, compares it with the source's catalog, and makes plans of it. It does no I/O.
//
// # The language
//
// A mapping file holds a version and a list of mappings. The same list may stand inline in a
// configuration file, under a key "mappings" there.
//
//	version: 1
//	mappings:
//	  - name: orders                # under it the progress is kept; left out: the destination
//	    from: shop.orders           # a table, a glob such as tenant_*.orders, or a list of those
//	    to: orders                  # the destination; left out: as the target names the table
//	    id: "{db}:{id}"             # left out: the key's columns
//	    where: status != "draft"    # which rows have a document
//	    exclude: [note]             # all columns but these; or
//	    # columns: [id, total]      # only these, in this order; not both
//	    fields:                     # all that is said of single columns stands here
//	      total: {to: amount}       # the field's name in the document; a dot nests
//	      net: {expr: total - tax}  # a field that is no column
//	    on_delete: {mark: gone_at}  # the document stays, with the time; left out: it goes with its row
//	    elastic: {routing: [id]}    # what is said for one target alone
//
// From is needed, the rest is not. [MappingKeys] and [FieldKeys] describe every key; messages, the JSON schema and
// docs/mappings.md are made of them. Names of tables and columns are written exactly as in
// the catalog. Texts are texts: a column named 1 or true is put in quotes. Anchors, aliases and
// tags of YAML are not part of the language, and "nest" and "join" are reserved.
//
// # What it means
//
//   - Without any mapping each table goes with all its columns to a destination of its own, which the
//     target's [Rules] name: see [Default]. A mapping that says nothing but its tables says the same of
//     them. [Compile] warns of tables it is given that no mapping is about.
//   - A table that is named outright and does not exist, or cannot be replicated, is an error. Under
//     a glob it is left out with a warning, as is a glob that nothing matches. Among the reasons is
//     that its name or its columns make no destination that the target can have: see [Rules].
//   - A table may be in several mappings with different destinations: each gives it a document.
//     Several tables in one destination are refused, unless an id keeps their rows apart whatever they
//     are. Their documents have the fields of all.
//   - The id of a document is the key of its row, whether or not the document shows the key's
//     columns: a key of one column as its plain text, of several joined by [targets.JoinID];
//     integers in decimal, bytes in lower-case hexadecimal. Different keys have different ids, and
//     [Plan.KeyOf] leads back. So they have with an id of the mapping's: it holds every column of the key, and
//     where a value holds the text behind it, it is escaped.
//   - A row is mapped in a fixed order: its condition is asked first; then each field takes the column's value, or
//     what an expression or a template makes, dates that are none are replaced, a wall clock gets its zone,
//     the value is masked, and it is given its type. Expressions and conditions see the columns as they are read,
//     those that are left out of the document too. See package expressions for what they are.
//   - A row that does not meet the condition is as good as gone: its document is deleted, or marked.
//
// # Errors
//
// [Parse], [ParseNode] and [Compile] say everything that is wrong at once, each as an [*Error] with
// file, line and column, the line, and, where it can be guessed, what was meant:
//
//	shop.yaml:4:15: no column "notes" in shop.orders: did you mean "note"?
//	   4 |     exclude: [notes]
//	     |               ^^^^^
//
// # Plans
//
// [Compile] makes one [Plan] of each mapping and each of its tables. A plan turns a row into
// operations, an event into the documents that it makes dirty, and a document's id back into the
// row's key. Values of which nothing is said pass through unchanged: the kinds of columns and fields have the same
// Go types.
// A table's changed definition or a changed mapping is compiled anew; where the plan's fingerprint
// differs, the documents have to be made anew, too.
package mappings
