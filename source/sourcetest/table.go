package sourcetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Table describes a table named "schema.name" whose first columns, as many as keys, are its key.
func Table(name string, keys int, columns ...source.Column) source.Columns {
	schema, table, _ := strings.Cut(name, ".")
	described := source.Columns{Table: source.Table{Schema: schema, Name: table}, Columns: columns, Rows: -1}
	for i := range described.Columns {
		described.Columns[i].Ordinal = i + 1
		described.Columns[i].Nullable = i >= keys
		if i < keys {
			described.Key = append(described.Key, i)
		}
	}
	return described
}

// Int is a column of 64-bit signed integers.
func Int(name string) source.Column {
	return source.Column{Name: name, Type: source.Type{Kind: source.KindInt, Native: "bigint", Bits: 64}}
}

// Text is a column of texts.
func Text(name string) source.Column {
	return source.Column{Name: name, Type: source.Type{Kind: source.KindText, Native: "varchar(255)", Length: 255}}
}

// Of is a column of any other kind.
func Of(name string, kind source.Kind) source.Column {
	return source.Column{Name: name, Type: source.Type{Kind: kind, Native: fmt.Sprintf("kind %d", kind), Bits: 64}}
}

// Select returns the selection of all columns of a table.
func Select(columns source.Columns) source.Selection {
	return source.Selection{Table: columns.Table, Key: columns.KeyColumns(), Columns: columns.Columns}
}

// Key encodes key values for a test, which an int may be among. It panics where they cannot be a
// key, since that is a mistake in the test.
func Key(values ...source.Value) source.Key {
	values = slices.Clone(values)
	for i, v := range values {
		if n, ok := v.(int); ok {
			values[i] = int64(n)
		}
	}
	key, err := source.NewKey(values...)
	if err != nil {
		panic(err)
	}
	return key
}

// table holds the rows of one name, with the versions that readers may still see.
type table struct {
	definitions []definition
	rows        map[source.Key]*row
	sorted      []*row // by key
}

// definition is what a table looks like from commit at on; no columns: there is no such table.
type definition struct {
	at      int
	columns *source.Columns
}

type row struct {
	key      source.Key
	parts    []source.Value // of key
	versions []version      // ascending
}

// version is a row's content from commit at on; no values: there is no such row.
type version struct {
	at     int
	values []source.Value
}

func newTable() *table { return &table{rows: map[source.Key]*row{}} }

// as returns the definition that commit n left behind, nil if there is no such table then.
func (t *table) as(n int) *source.Columns {
	for _, d := range slices.Backward(t.definitions) {
		if d.at <= n {
			return d.columns
		}
	}
	return nil
}

func (t *table) define(at int, columns *source.Columns) {
	t.definitions = append(t.definitions, definition{at, columns})
}

// as returns the values that commit n left behind, nil if there is no such row then.
func (r *row) as(n int) []source.Value {
	for _, v := range slices.Backward(r.versions) {
		if v.at <= n {
			return v.values
		}
	}
	return nil
}

// set writes a row's content from commit at on, and forgets what nobody can see any more.
func (t *table) set(at, visible int, key source.Key, values []source.Value) error {
	r := t.rows[key]
	if r == nil {
		parts, err := key.Values()
		if err != nil {
			return err
		}
		r = &row{key: key, parts: parts}
		t.rows[key] = r
		place, _ := slices.BinarySearchFunc(t.sorted, parts, func(r *row, parts []source.Value) int {
			return compareParts(r.parts, parts)
		})
		t.sorted = slices.Insert(t.sorted, place, r)
	}
	if last := len(r.versions) - 1; last >= 0 && r.versions[last].at == at {
		r.versions[last].values = values
		return nil
	}
	seen := 0 // the version that readers see now and all after it are kept
	for i, v := range r.versions {
		if v.at <= visible {
			seen = i
		}
	}
	r.versions = append(slices.Clone(r.versions[seen:]), version{at, values})
	return nil
}

// live lists the rows that there are after commit n, by key.
func (t *table) live(n int) []*row {
	var rows []*row
	for _, r := range t.sorted {
		if r.as(n) != nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// undo takes back everything that commit at has written.
func (t *table) undo(at int) {
	t.definitions = slices.DeleteFunc(t.definitions, func(d definition) bool { return d.at == at })
	for _, r := range t.rows {
		r.versions = slices.DeleteFunc(r.versions, func(v version) bool { return v.at == at })
	}
}

// keyOf encodes the key of a row.
func keyOf(columns *source.Columns, values []source.Value) (source.Key, error) {
	if len(values) != len(columns.Columns) {
		return "", fmt.Errorf("table %s has %d columns, the row %d values", columns.Table, len(columns.Columns), len(values))
	}
	parts := make([]source.Value, len(columns.Key))
	for i, at := range columns.Key {
		parts[i] = values[at]
	}
	return source.NewKey(parts...)
}

func compareParts(a, b []source.Value) int {
	return slices.CompareFunc(a, b, compareValue)
}

// compareValue orders two values of one key column, which are of one type.
func compareValue(a, b source.Value) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case uint64:
		if b, ok := b.(uint64); ok {
			return cmp.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b)
		}
	case []byte:
		if b, ok := b.([]byte); ok {
			return bytes.Compare(a, b)
		}
	}
	return cmp.Compare(fmt.Sprintf("%T", a), fmt.Sprintf("%T", b))
}
