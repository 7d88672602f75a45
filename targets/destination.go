package targets

// Kind says what a field holds and which Go type its values have.
type Kind uint8

// The kinds. NULL is nil for each.
const (
	KindText      Kind = iota // string, valid UTF-8
	KindInt                   // int64; Field.Bits is 8, 16, 24, 32 or 64
	KindUint                  // uint64; Field.Bits up to 64
	KindFloat                 // float64; Field.Bits 32 says that it holds a float32
	KindDecimal               // string "-12.50"
	KindBool                  // bool
	KindBinary                // []byte
	KindDate                  // string "2006-01-02", may be a zero or partial date such as "0000-00-00"
	KindDateTime              // string "2006-01-02T15:04:05[.ffffff]", no zone; zeros as for dates
	KindTimestamp             // string "2006-01-02T15:04:05[.ffffff]Z"; zeros as for dates
	KindTime                  // string "[-]hhh:mm:ss[.ffffff]", a duration
	KindEnum                  // string
	KindSet                   // string, members joined by ","
	KindJSON                  // string, JSON text
	KindUUID                  // string, lower-case 8-4-4-4-12
	KindInet                  // string, an IPv4 or IPv6 address
	KindGeometry              // string, GeoJSON with longitude first
	KindVector                // string, a JSON array of numbers
)

// Field is one field of a destination's documents.
type Field struct {
	Name      string // as the document shows it; dots nest: address.street is street in address
	Kind      Kind
	Native    string // the source's name of the type, for messages: "decimal(12,2)"
	Bits      int
	Precision int
	Scale     int      // of decimals; of times: fractional digits; of an asked type that is Scaled: what the mapping says as its scale
	Length    int      // characters, bytes or dimensions; 0: unknown or unlimited
	Members   []string // of enums and sets
	Key       bool     // part of the source's key
	Nullable  bool
	// As is the target's type that the mapping asks for, one of the driver's Types; empty: the one of
	// the kind.
	As string
}

// Destination is where the documents of one mapping go: an index alias, a collection, a table.
// It does not change once made; a changed mapping makes a new one.
type Destination struct {
	Name   string
	Fields []Field // in document order
	// Key are the key columns' fields in key order, whether or not the document shows them, so
	// that a target with typed ids can take an ID apart.
	Key []Field
	// Mark names the field, one of Fields, of KindTimestamp, that says since when a document's row is gone.
	// Every upsert has nil there. Empty: a document goes with its row.
	Mark string
	// Options are what the mapping says for this target alone, under the names of the driver's options.
	// Numbers are int64 or float64, lists []any, maps map[string]any.
	Options map[string]any
}

// OptionKind says what an option holds.
type OptionKind uint8

// The kinds of options.
const (
	OptionText    OptionKind = iota + 1
	OptionInt                // int64
	OptionBool               // bool
	OptionTree               // map[string]any, handed to the target as it is
	OptionColumns            // []any of names of the source's key columns, in order
)

// Option is a key that a mapping may hold for one target alone, as messages, the JSON schema and the
// documentation show it.
type Option struct {
	Name    string
	Kind    OptionKind
	Doc     string // a sentence: what it does, and what holds without it
	Example string // a value in YAML, in flow style
}

// FieldType is a type that a mapping may ask for in place of the one that a field's kind gets.
type FieldType struct {
	Name  string // as As has it
	Kinds []Kind // that can become it
	Doc   string // what it is for, and what it loses
	// Scaled: the mapping has to say a scale with it, which stands in Field.Scale then.
	Scaled bool
}

// ID identifies a document within its destination, as text: a single key column is its plain
// text, several are joined by [JoinID].
type ID string
