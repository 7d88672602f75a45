// Package expressions compiles and runs the expressions of the mapping language: what `expr` computes and what
// `where` asks. The grammar, the type check of calls and the machine are those of github.com/expr-lang/expr; what
// values are and what operators make of them is said here, since rows hold exact decimals and NULL.
//
// # Values
//
// A name is a column of the table: status, total. A column whose name is no word is $env["order-id"].
//
//	columns of                      are
//	integers                        whole numbers, exact beyond 64 bits
//	DECIMAL, NUMERIC                decimals, exact
//	FLOAT, DOUBLE, REAL             floating numbers
//	texts, ENUM, SET, UUID, INET    texts; a SET joins its members by commas
//	dates and times                 moments: compared by time, also with texts such as '2026-02-28'
//	TIME                            texts
//	binaries                        bytes: only len, and comparing with each other and nil
//	JSON, geometry, vectors         what the JSON holds: .name and [0] go into it, and nothing is there that is not
//
// A number with a point in an expression is a decimal: total * 1.19 is exact where total is. Operations of whole
// numbers and decimals are exact, / to 16 digits behind the point; with a floating number they are floating.
//
// # NULL
//
// As in SQL: an operation or function of NULL is NULL, a comparison with NULL is neither true nor false, and a
// row of which a condition is NULL does not match it. So status != 'draft' leaves out rows without a status;
// say (status ?? "") != "draft" to keep them. Written out, status == nil and status != nil ask whether there is a value.
//
// # Bounds
//
// An expression has no clock and no chance in it: the same row gives the same value. It is at most 2000 characters
// long, what it makes at most 16 MiB, and the lists that it goes through, one within the other, have at most a million
// members. Whatever cannot be computed (a division by zero, a JSON member that is
// not a number) is an error of its row.
package expressions
