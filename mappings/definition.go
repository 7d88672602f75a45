package mappings

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// Definition is what decides the documents of a plan, in a form that a state can keep: what its mapping says, and its
// table. Two of them say what has changed, which fingerprints cannot.
type Definition struct {
	Mapping []Said         `json:"mapping,omitempty"` // sorted by key; what makes no document another is left out
	Table   source.Columns `json:"table"`             // without its number of rows
	Used    []string       `json:"used"`              // the columns that documents and ids are made of, sorted
	// LeftOut are columns that came when the plan was there, and that it does not take as its policy says. Table is
	// without them.
	LeftOut []string `json:"left_out,omitempty"`
}

// Said is a key of a mapping, as fields.total.to, and its value as a text. Secrets are there as digests.
type Said struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Definition is what decides the plan's documents. The caller does not change it.
func (p *Plan) Definition() Definition { return p.definition }

// LeavingOut is the plan, noted as one that leaves out columns which its table has.
func (p *Plan) LeavingOut(columns []string) *Plan {
	other := *p
	other.definition.LeftOut = columns
	return &other
}

// Policies are what the plan's mapping says of changes of its table.
func (p *Plan) Policies() Policies { return p.policies }

// ByGlob reports whether the mapping does not name the table, but finds it by a pattern.
func (p *Plan) ByGlob() bool { return !p.named }

// Adopts reports whether the mapping takes over destinations that hold documents already: they are compared and mended.
func (p *Plan) Adopts() bool { return p.adopts }

// define notes what the plan was made of.
func (p *Plan) define(m Mapping, one selected) {
	_, p.named = one.from.Literal()
	p.policies, p.adopts = m.Policies, m.Adopt
	used := map[string]bool{}
	for _, column := range slices.Concat(p.selection.Columns, p.selection.Key) {
		used[column.Name] = true
	}
	table := one.columns
	table.Rows = 0 // an estimate, which is another one every time
	p.definition = Definition{Mapping: saidBy(m), Table: table, Used: slices.Sorted(maps.Keys(used))}
}

// ParseDefinition reads what Text has written.
func ParseDefinition(text string) (Definition, error) {
	var d Definition
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Definition{}, fmt.Errorf("read a stored definition: %w", err)
	}
	return d, nil
}

// Text is the definition as ParseDefinition reads it: equal ones have one text.
func (d Definition) Text() string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // it holds texts, numbers and truth values only
	}
	return string(text)
}

// ID is the mapping's template of ids; empty: they are the key's columns.
func (d Definition) ID() string {
	for _, said := range d.Mapping {
		if said.Key == "id" {
			return said.Text
		}
	}
	return ""
}

// uses reports whether documents or ids are made of a column.
func (d Definition) uses(column string) bool {
	_, found := slices.BinarySearch(d.Used, column)
	return found
}
