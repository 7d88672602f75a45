package source

// Selection is a compiled SELECT list for one table.
type Selection struct {
	Table   Table
	Key     []Column // in key order
	Columns []Column // the wanted values, in the order of Row.Values
	Where   string   // a condition in the source's own language that a row must meet to be scanned; empty: all
}

// Row is the answer for one key.
type Row struct {
	Key   Key
	Found bool
	// Values are in the order of Selection.Columns. Nil unless Found.
	Values []Value
	// Err says why this row alone could not be read (a value that cannot be decoded, say).
	// Found and Values mean nothing then.
	Err error
}

// Range is a part of a table between two keys, not yet scanned. It is opaque outside its driver,
// can be stored, and shrinks as it is scanned. The empty Range is a finished one.
type Range string
