package source

// Value is one column value of a row or a key. Its Go type follows from the column's [Kind],
// so that it passes through the mapping unchanged and a target can encode it without asking
// again. NULL is nil. The table of Kind says which type each kind has; no other type occurs.
type Value = any

// Kind says what a column holds and which Go type its values have.
type Kind uint8

// The kinds. Texts of dates and times are canonical, so that equal values have equal bytes.
const (
	KindText      Kind = iota // string, valid UTF-8: char, varchar, text and every type unknown to the driver
	KindInt                   // int64: signed integers; Type.Bits is 8, 16, 24, 32 or 64. YEAR has 16
	KindUint                  // uint64: unsigned integers; Type.Bits as above. BIT(n) has n
	KindFloat                 // float64; Type.Bits 32 says that it holds a float32
	KindDecimal               // string as the source prints it, "-12.50", with Type.Scale digits after the point
	KindBool                  // bool
	KindBinary                // []byte
	KindDate                  // string "2006-01-02"; MySQL's zero and partial dates keep their zeros
	KindDateTime              // string "2006-01-02T15:04:05[.ffffff]", a wall clock without a zone; zeros as for dates
	KindTimestamp             // string "2006-01-02T15:04:05[.ffffff]Z", an instant; zeros as for dates
	KindTime                  // string "[-]hhh:mm:ss[.ffffff]": MySQL's TIME is a duration of up to 838 hours
	KindEnum                  // string, one of Type.Members or ""
	KindSet                   // string, members joined by ","; a member cannot contain one
	KindJSON                  // string, JSON text as the source prints it
	KindUUID                  // string, lower-case 8-4-4-4-12
	KindInet                  // string, an IPv4 or IPv6 address
	KindGeometry              // string, GeoJSON with longitude first
	KindVector                // string, a JSON array of numbers
)

// Type is a column's type as far as mappings and targets need it. States keep types as JSON.
type Type struct {
	Kind      Kind
	Native    string   // as the source's catalog prints it: "decimal(12,2) unsigned", for messages
	Bits      int      `json:",omitzero"` // size of integers, floats and BIT, see Kind
	Precision int      `json:",omitzero"` // of decimals
	Scale     int      `json:",omitzero"` // of decimals; of times: fractional digits
	Length    int      `json:",omitzero"` // of texts in characters, of binaries in bytes; of vectors: dimensions; 0: unknown or unlimited
	Fixed     bool     `json:",omitzero"` // CHAR, BINARY: padded to Length
	Members   []string `json:",omitzero"` // of enums and sets, in order
	Unknown   bool     `json:",omitzero"` // the driver does not know Native and reads it as text: worth a line in check
}

// Column is one column of a table, as the catalog describes it.
type Column struct {
	Name    string
	Ordinal int // from 1, as the catalog counts
	// Number tells a column from one of its name that was there before: no other column of the table has had it. 0: the
	// catalog gives none.
	Number   int `json:",omitzero"`
	Type     Type
	Nullable bool `json:",omitzero"`
	// Generated, Invisible: the catalog's flags. Such columns are read like all others.
	Generated bool `json:",omitzero"`
	Invisible bool `json:",omitzero"`
	// Expr is the SELECT expression that yields the column, in the source's own language.
	// Empty: the quoted name.
	Expr string `json:",omitzero"`
}

// Columns is what the catalog knows of one table.
type Columns struct {
	Table   Table
	Columns []Column
	// Key holds the indexes in Columns of the key columns, in key order. Empty when Refused.
	Key []int
	// Refused says why the table cannot be replicated ("no primary key", "key column price is
	// FLOAT: …"), with what to do. Empty: it can.
	Refused string `json:",omitzero"`
	// Incarnation changes whenever the rows may have become others without row events: the table was dropped
	// and made again under its name, or rewritten. Empty: the log tells of all that.
	Incarnation string `json:",omitzero"`
	// Rows is the catalog's estimate, for progress only. Negative: unknown.
	Rows int64 `json:",omitzero"`
}

// Column finds a column by its exact name.
func (c Columns) Column(name string) (Column, bool) {
	for _, col := range c.Columns {
		if col.Name == name {
			return col, true
		}
	}
	return Column{}, false
}

// KeyColumns returns the key columns in key order.
func (c Columns) KeyColumns() []Column {
	key := make([]Column, len(c.Key))
	for i, at := range c.Key {
		key[i] = c.Columns[at]
	}
	return key
}
