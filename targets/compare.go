package targets

import "context"

// Change is what writing an op would change.
type Change uint8

// The changes. The zero Change is none.
const (
	Same   Change = iota // the destination is as the op wants it
	Create               // the document is not there
	Update               // it is there and differs
	Remove               // it is there and is to go
	Refuse               // the target would reject the op, as far as can be told without writing it
)

var changeNames = [...]string{"same", "create", "update", "delete", "reject"}

// String returns the word that reports use.
func (c Change) String() string {
	if int(c) < len(changeNames) {
		return changeNames[c]
	}
	return "unknown"
}

// Difference is a field whose stored value is not the wanted one.
type Difference struct {
	Field string `json:"field"`          // as Field.Name has it; of what no field stands for: its path in the document
	Want  string `json:"want,omitempty"` // as JSON, shortened; empty: nothing
	Have  string `json:"have,omitempty"`
}

// Compared is an op held against what its destination holds.
type Compared struct {
	Change      Change
	Version     int64        // of the stored document; 0: unknown, or there is none
	Differences []Difference // of an Update, by field
	Reason      string       // of a Refuse, without values of the document
}

// Comparer is a target that can say what writing would change.
type Comparer interface {
	// Know tells of destinations that are compared and listed without having been prepared. It asks nobody.
	Know(dests []*Destination)
	// Compare holds ops against what their destinations hold, with every durable write in it, and writes nothing.
	// It returns one result per op, in order. What counts as equal is the target's own idea, see the driver's
	// TYPES.md: for an Upsert whether the document would be read and found alike, for a MarkDeleted whether a
	// document that is there has a mark. Versions and routing are not compared. A destination that is not there
	// holds nothing. The error is for what kept it from looking; then nothing is known of any of them.
	Compare(ctx context.Context, ops []Op) ([]Compared, error)
}
