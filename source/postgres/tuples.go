package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// relation is a table as the log describes it, with how its rows are read.
type relation struct {
	oid     uint32
	table   source.Table
	columns []*pglogrepl.RelationMessageColumn
	wanted  bool     // somebody asked for it
	extra   []string // columns that were asked for beyond the key
	skipped bool     // its rows are nothing to us, or cannot be read
	missed  bool     // there were such, of which no gap was said since
	said    bool     // that they cannot be read

	keys    []part // nil: not described yet
	others  []part
	scratch []source.Value
}

// part is a column of the log that is read.
type part struct {
	at     int // in a tuple
	column source.Column
	decode decode
}

func (d *decoder) newRelation(p *pglogrepl.RelationMessage) *relation {
	rel := &relation{oid: p.RelationID, table: source.Table{Schema: p.Namespace, Name: p.RelationName}, columns: p.Columns}
	for _, sub := range d.subs {
		if sub.Tables.Match(rel.table) {
			rel.wanted = true
			rel.extra = append(rel.extra, sub.Columns...)
		}
	}
	return rel
}

// compile finds the columns that are read by their names.
func (rel *relation) compile(def tableDef) error {
	var keys, others []part
	for _, k := range def.KeyColumns() {
		p, err := rel.part(k, def)
		if err != nil {
			return fmt.Errorf("key column %s: %w", k.Name, err)
		}
		keys = append(keys, p)
	}
	for _, name := range rel.extra {
		c, ok := def.Column(name)
		if !ok {
			return fmt.Errorf("there is no column %s any more", name)
		}
		p, err := rel.part(c, def)
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		others = append(others, p)
	}
	rel.keys, rel.others = keys, others
	return nil
}

func (rel *relation) part(c source.Column, def tableDef) (part, error) {
	at := slices.IndexFunc(rel.columns, func(r *pglogrepl.RelationMessageColumn) bool { return r.Name == c.Name })
	if at < 0 {
		return part{}, errors.New("it is not in the log's row")
	}
	if now := def.typeOIDs[c.Name]; now != rel.columns[at].DataType {
		return part{}, errors.New("it has another type in the log")
	}
	return part{at: at, column: c, decode: decodeOf(c)}, nil
}

const (
	tupleNull      = 'n'
	tupleUnchanged = 'u' // of a large value: it is where it was
)

var errUnchanged = errors.New("the log does not have its value")

// raw returns a column of a row; one that has not changed is looked for in the older image.
func (p part) raw(image, older *pglogrepl.TupleData) ([]byte, error) {
	for _, tuple := range []*pglogrepl.TupleData{image, older} {
		if tuple == nil || p.at >= len(tuple.Columns) {
			continue
		}
		switch c := tuple.Columns[p.at]; c.DataType {
		case tupleUnchanged:
		case tupleNull:
			return nil, nil
		default:
			if c.Data == nil {
				return []byte{}, nil
			}
			return c.Data, nil
		}
	}
	return nil, errUnchanged
}

func (p part) value(image, older *pglogrepl.TupleData) (source.Value, error) {
	raw, err := p.raw(image, older)
	if err != nil || raw == nil {
		return nil, err
	}
	return p.decode(raw)
}

// key encodes the key of a row.
func (rel *relation) key(image, older *pglogrepl.TupleData) (source.Key, error) {
	if cap(rel.scratch) < len(rel.keys) {
		rel.scratch = make([]source.Value, len(rel.keys))
	}
	values := rel.scratch[:len(rel.keys)]
	for i, k := range rel.keys {
		v, err := k.value(image, older)
		if err == nil {
			v, err = keyValue(v)
		}
		if err != nil {
			return "", fmt.Errorf("key column %s: %w", k.column.Name, err)
		}
		values[i] = v
	}
	return source.NewKey(values...)
}

// values reads the columns that were asked for beyond the key; nil where none were, or there is no image.
func (rel *relation) values(image, older *pglogrepl.TupleData) ([]source.Value, error) {
	if image == nil || len(rel.others) == 0 {
		return nil, nil
	}
	values := make([]source.Value, len(rel.others))
	for i, p := range rel.others {
		v, err := p.value(image, older)
		if err != nil && !errors.Is(err, errUnchanged) {
			return nil, fmt.Errorf("column %s: %w", p.column.Name, err)
		}
		values[i] = v
	}
	return values, nil
}
