package mappings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// PlanID identifies a plan in the state, across restarts: a mapping and one of its tables.
type PlanID string

// DocKey is what can be dirty: the document, or documents, that a plan makes of a key.
type DocKey struct {
	Plan PlanID
	Key  source.Key
}

// Plan is a mapping compiled for one table. It does not change, and its methods may be called
// concurrently. A changed mapping or table is compiled anew; see Fingerprint.
type Plan struct {
	id          PlanID
	name        string
	selection   source.Selection
	dest        *targets.Destination
	values      []int // per field of dest: its place in the selection's columns
	fingerprint string
	definition  Definition
	policies    Policies
	named       bool // the mapping names the table; otherwise a glob has found it
}

// ID identifies the plan. It stays the same as long as the mapping's name and the table do.
func (p *Plan) ID() PlanID { return p.id }

// Name is the mapping's name, for people; without a mapping it is the table's.
func (p *Plan) Name() string { return p.name }

// Table is the table whose rows the plan maps.
func (p *Plan) Table() source.Table { return p.selection.Table }

// Destination is where the documents go. It is the same pointer in every op of the plan.
func (p *Plan) Destination() *targets.Destination { return p.dest }

// Selection is what has to be read of a row. The caller does not change it.
func (p *Plan) Selection() source.Selection { return p.selection }

// Fingerprint changes exactly if the same rows may become other documents, or get other ids: then
// what the target holds has to be made anew.
func (p *Plan) Fingerprint() string { return p.fingerprint }

// Dirty appends the documents that an event makes dirty: for a row event of the plan's table the
// one of its key, for all other events none.
func (p *Plan) Dirty(dst []DocKey, e source.Event) []DocKey {
	if !e.Action.OfRow() || e.Table != p.selection.Table {
		return dst
	}
	return append(dst, DocKey{Plan: p.id, Key: e.Key})
}

// Ops appends what is to be written for a row: an upsert of its document, or, where the row was
// not found, a delete of it. Whether absence is proof enough to delete is for the caller to
// decide. A row with an Err gives that error, and no op.
func (p *Plan) Ops(dst []targets.Op, row source.Row, version int64) ([]targets.Op, error) {
	if row.Err != nil {
		return dst, fmt.Errorf("map row %s of %s: %w", row.Key.Text(), p.selection.Table, row.Err)
	}
	id, err := idOf(row.Key, len(p.dest.Key))
	if err != nil {
		return dst, fmt.Errorf("map row %s of %s: %w", row.Key.Text(), p.selection.Table, err)
	}
	if !row.Found {
		return append(dst, targets.Op{Verb: targets.Delete, Dest: p.dest, ID: id, Version: version}), nil
	}
	if len(row.Values) != len(p.selection.Columns) {
		return dst, fmt.Errorf("map row %s of %s: %d values for %d columns",
			row.Key.Text(), p.selection.Table, len(row.Values), len(p.selection.Columns))
	}
	doc := make([]any, len(p.values))
	for i, at := range p.values {
		doc[i] = row.Values[at]
	}
	return append(dst, targets.Op{Verb: targets.Upsert, Dest: p.dest, ID: id, Doc: doc, Version: version}), nil
}

// KeyOf returns the key whose document has this id. An id that no key of the table can have given
// is an error: the document is not of this plan.
func (p *Plan) KeyOf(id targets.ID) (source.Key, error) {
	key, err := keyOf(id, p.dest.Key)
	if err != nil {
		return "", fmt.Errorf("key of document %q of %s: %w", id, p.dest.Name, err)
	}
	return key, nil
}

// pick is a column of the table that goes into the document.
type pick struct {
	column source.Column
	field  string
}

// newPlan makes a plan of choices that have been checked, except for the kinds of the columns.
func newPlan(id PlanID, name string, columns source.Columns, dest string, picks []pick) (*Plan, error) {
	p := &Plan{
		id:        id,
		name:      name,
		selection: source.Selection{Table: columns.Table, Key: columns.KeyColumns()},
		dest:      &targets.Destination{Name: dest},
	}
	isKey := map[string]bool{}
	for _, column := range p.selection.Key {
		if !canBeKey(column.Type.Kind) {
			return nil, fmt.Errorf("key column %s: a %s cannot be part of a key", column.Name, column.Type.Native)
		}
		isKey[column.Name] = true
	}
	fieldNames := map[string]string{}
	for i, pick := range picks {
		field, err := fieldOf(pick.column, pick.field)
		if err != nil {
			return nil, err
		}
		field.Key = isKey[pick.column.Name]
		fieldNames[pick.column.Name] = pick.field
		p.selection.Columns = append(p.selection.Columns, pick.column)
		p.dest.Fields = append(p.dest.Fields, field)
		p.values = append(p.values, i)
	}
	for _, column := range p.selection.Key {
		name := column.Name
		if shown, ok := fieldNames[name]; ok {
			name = shown
		}
		field, err := fieldOf(column, name)
		if err != nil {
			return nil, err
		}
		field.Key = true
		p.dest.Key = append(p.dest.Key, field)
	}
	if len(p.dest.Key) == 0 {
		return nil, errors.New("it has no key")
	}
	return p, p.setFingerprint(columns.Incarnation)
}

// shape is what a fingerprint depends on of a column: what may change the bytes of a document or
// an id. That an INT becomes a BIGINT does not; that a DECIMAL gets another scale does.
type shape struct {
	Column, Field string
	Kind          source.Kind
	Scale         int `json:",omitempty"`
	FloatBits     int `json:",omitempty"`
	PaddedTo      int `json:",omitempty"`
}

func shapeOf(column source.Column, field string) shape {
	s := shape{Column: column.Name, Field: field, Kind: column.Type.Kind, Scale: column.Type.Scale}
	if column.Type.Kind == source.KindFloat {
		s.FloatBits = column.Type.Bits
	}
	if column.Type.Fixed && column.Type.Kind == source.KindBinary {
		s.PaddedTo = column.Type.Length
	}
	return s
}

func (p *Plan) setFingerprint(incarnation string) error {
	content := struct {
		Format int // raised when the code makes other documents of the same plan
		Table  source.Table
		Dest   string
		Key    []shape
		Fields []shape
		Rows   string `json:",omitempty"`
	}{Format: 1, Table: p.selection.Table, Dest: p.dest.Name, Rows: incarnation}
	for _, column := range p.selection.Key {
		content.Key = append(content.Key, shapeOf(column, ""))
	}
	for i, at := range p.values {
		content.Fields = append(content.Fields, shapeOf(p.selection.Columns[at], p.dest.Fields[i].Name))
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("fingerprint of %s: %w", p.id, err)
	}
	sum := sha256.Sum256(encoded)
	p.fingerprint = hex.EncodeToString(sum[:16])
	return nil
}
