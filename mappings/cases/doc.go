// Package cases runs mappings over rows that are written in a file, without a database: users test their own
// mappings so, and the project its language. It reads the files of a case, and writes what is wanted of it when asked to.
//
// A case is a folder:
//
//	case.yaml     the tables, their rows, and what the mapping is for
//	mapping.yaml  the mapping, unless case.yaml names other files
//	want.txt      what comes out: plans, warnings and operations, or errors
//
// In want.txt stand each table's plan and, for each of its rows, what is written for it, followed by what is written
// once the row is gone. [Keys] describes what case.yaml may say; types of columns are named as the source names them.
package cases
