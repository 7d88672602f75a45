package postgres

import (
	"fmt"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/targets"
)

// rows are what a statement carries, column by column.
type rows struct {
	columns []column
	values  []*values
	keys    int
	version *values // of each row's write; nil: no column holds them
	count   int
	size    int // about, in bytes
}

func newRows(columns []column, versioned bool) *rows {
	r := &rows{columns: columns}
	if versioned {
		r.version = &values{form: intForm}
	}
	for _, c := range columns {
		v := &values{field: c.field, form: c.form}
		if c.field.As != "" {
			v.asked = parseAsked(c.field.As).base
		}
		r.values = append(r.values, v)
		if c.key {
			r.keys++
		}
	}
	return r
}

// parameters are the statement's, one per column.
func (r *rows) parameters() []any {
	list := make([]any, len(r.values), len(r.values)+1)
	for i, v := range r.values {
		list[i] = v.parameter()
	}
	if r.version != nil {
		list = append(list, r.version.parameter())
	}
	return list
}

// maxKey is the longest id: an entry of an index has to fit on a third of a page.
const maxKey = 2000

// add appends the row of an op, or returns why none can be made of it.
func (r *rows) add(op targets.Op) string {
	size, why := r.append(op)
	if why != "" {
		for _, v := range r.values {
			v.truncate(r.count)
		}
		return why
	}
	if r.version != nil {
		r.version.ints = append(r.version.ints, &op.Version)
	}
	r.count++
	r.size += size
	return ""
}

func (r *rows) append(op targets.Op) (size int, why string) {
	parts, ok := targets.SplitID(op.ID, r.keys)
	if !ok || len(op.ID) > maxKey {
		return 0, fmt.Sprintf("the id is not one of %d key columns, or longer than %d bytes", r.keys, maxKey)
	}
	for i, c := range r.columns {
		if c.key {
			if c.tooLong(parts[i]) {
				return 0, fmt.Sprintf("key column %s is longer than the column's %d characters", c.field.Name, c.limit)
			}
			if !r.values[i].addKey(parts[i]) {
				return 0, "key column " + c.field.Name + " cannot have this value: zero dates and NUL are none that it could hold"
			}
			size += len(op.ID)
			continue
		}
		if c.tooLong(op.Doc[c.at]) {
			return 0, fmt.Sprintf("field %s is longer than the column's %d characters", c.field.Name, c.limit)
		}
		n, err := r.values[i].add(op.Doc[c.at])
		if err != nil {
			return 0, err.Error()
		}
		size += n
	}
	return size, ""
}

// tooLong is asked before the server is, which would cut blanks that there is no room for, and not say so.
func (c column) tooLong(value any) bool {
	text, ok := value.(string)
	return ok && c.limit > 0 && utf8.RuneCountInString(text) > c.limit
}
