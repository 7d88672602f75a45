package mappings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// shape is what a fingerprint depends on of a column or field: what may change the bytes of a document or
// an id. That an INT becomes a BIGINT does not; that a DECIMAL gets another scale does.
type shape struct {
	Column, Field string
	Kind          source.Kind
	Scale         int     `json:",omitempty"`
	FloatBits     int     `json:",omitempty"`
	PaddedTo      int     `json:",omitempty"`
	Said          *saidOf `json:",omitempty"`
}

// saidOf is what a mapping says of a field, as a fingerprint has it: a secret only as a digest.
type saidOf struct {
	Type, ZeroDate, Zone, Mask, Key, Value, Expr string `json:",omitempty"`
	Scale                                        int    `json:",omitempty"`
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

func (s *shape) say(f *Field, program *expressions.Program) {
	said := saidOf{
		Type: f.Type.Value, ZeroDate: f.ZeroDate.Value, Zone: f.Zone.Value, Mask: f.Mask.Value, Key: keyDigest(f.Key.Value),
		Value: f.Value.Value, Expr: f.Expr.Value, Scale: f.Scale,
	}
	if program != nil {
		said.Expr = program.Text() // blanks make no other document
	}
	if said != (saidOf{}) {
		s.Said = &said
	}
}

func (b *builder) setFingerprint() error {
	p := b.plan
	content := struct {
		Format  int // raised when the code makes other documents of the same plan
		Table   source.Table
		Dest    string
		Key     []shape
		Fields  []shape
		Rows    string   `json:",omitempty"`
		ID      string   `json:",omitempty"`
		Where   string   `json:",omitempty"`
		Asks    []shape  `json:",omitempty"` // the columns of conditions and expressions
		Mark    string   `json:",omitempty"`
		Options []string `json:",omitempty"` // those that change documents or where they are
	}{Format: 1, Table: p.selection.Table, Dest: p.dest.Name, Rows: b.columns.Incarnation, Fields: b.shapes, ID: b.m.ID.Value, Mark: b.m.Mark.Value}
	if p.where != nil {
		content.Where = p.where.Text()
	}
	for _, column := range p.selection.Key {
		content.Key = append(content.Key, shapeOf(column, ""))
	}
	asked := p.whereArgs
	for _, s := range p.steps {
		asked = append(asked[:len(asked):len(asked)], s.args...)
	}
	for _, at := range asked {
		content.Asks = append(content.Asks, shapeOf(p.selection.Columns[at], ""))
	}
	for _, option := range b.c.rules.Options {
		value, said := p.dest.Options[option.Name]
		if !said || option.Kind == targets.OptionTree {
			continue
		}
		content.Options = append(content.Options, fmt.Sprintf("%s=%v", option.Name, value))
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("fingerprint of %s: %w", p.id, err)
	}
	sum := sha256.Sum256(encoded)
	p.fingerprint = hex.EncodeToString(sum[:16])
	return nil
}
