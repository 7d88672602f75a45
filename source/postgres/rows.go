package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// ReadRows reads rows by their keys.
func (s *Source) ReadRows(ctx context.Context, fence source.Fence, sel source.Selection, keys []source.Key) ([]source.Row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := s.readRows(ctx, fence, sel, keys)
	if err != nil {
		return nil, fmt.Errorf("read rows: %s: %w", sel.Table, classify(sel.Table, err))
	}
	return rows, nil
}

func (s *Source) readRows(ctx context.Context, fence source.Fence, sel source.Selection, keys []source.Key) ([]source.Row, error) {
	p, err := planOf(sel)
	if err != nil {
		return nil, err
	}
	l := &lookup{plan: p, src: s, fence: fence, rows: make(map[source.Key]source.Row, len(keys))}
	if err := l.ask(keys); err != nil {
		return nil, err
	}
	if err := l.read(ctx, l.asked); err != nil {
		return nil, err
	}
	rows := make([]source.Row, len(keys))
	for i, key := range keys {
		rows[i] = l.rows[key]
		rows[i].Key = key
	}
	return rows, nil
}

// lookup is one call's keys and what was found for them.
type lookup struct {
	*plan
	src   *Source
	fence source.Fence
	asked []askedKey // each key once
	rows  map[source.Key]source.Row
}

type askedKey struct {
	key   source.Key
	texts []string // one for each key column
}

func (l *lookup) ask(keys []source.Key) error {
	seen := make(map[source.Key]bool, len(keys))
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		values, err := key.Values()
		if err != nil {
			return err
		}
		if len(values) != len(l.keys) {
			return fmt.Errorf("key %s: %d values for %d key columns: %w", key.Text(), len(values), len(l.keys), source.ErrStale)
		}
		a := askedKey{key: key, texts: make([]string, len(values))}
		for i, v := range values {
			if a.texts[i], err = keyText(v); err != nil {
				return err
			}
		}
		l.asked = append(l.asked, a)
	}
	return nil
}

// read answers keys with one SELECT, or with smaller ones where a row's value, or a key that the column cannot
// hold any more, makes it fail.
func (l *lookup) read(ctx context.Context, asked []askedKey) error {
	err := l.query(ctx, asked)
	switch {
	case err == nil || !ofOneRow(err):
		return err
	case len(asked) > 1:
		if err := l.read(ctx, asked[:len(asked)/2]); err != nil {
			return err
		}
		return l.read(ctx, asked[len(asked)/2:])
	case l.special:
		l.rows[asked[0].key] = source.Row{Key: asked[0].key, Err: rowError(err)}
	}
	return nil
}

// query runs one SELECT and keeps every row under its own key. By the rules of a collation a row may come for
// another key than its own; kept by its own bytes it answers only those who asked for exactly it.
func (l *lookup) query(ctx context.Context, asked []askedKey) error {
	columns := make([][]string, len(l.keys))
	for i := range l.keys {
		columns[i] = make([]string, len(asked))
		for j, a := range asked {
			columns[i][j] = a.texts[i]
		}
	}
	args := make([]any, len(columns))
	for i, column := range columns {
		args[i] = column
	}
	var got []source.Row
	err := l.src.query(ctx, l.fence, l.plan, l.condition(), args, func() { got = got[:0] }, func(raw [][]byte) error {
		row, err := l.row(raw)
		got = append(got, row)
		return err
	})
	if err != nil {
		return err
	}
	for _, row := range got {
		l.rows[row.Key] = row
	}
	return nil
}

// condition names the keys, which are arrays of texts, one for each column.
func (l *lookup) condition() string {
	if len(l.keys) == 1 {
		return quote(l.keys[0].Name) + " = ANY($2::text[]::" + l.keys[0].Type.Native + "[])"
	}
	arrays, casts := make([]string, len(l.keys)), make([]string, len(l.keys))
	for i, k := range l.keys {
		arrays[i] = fmt.Sprintf("$%d::text[]", i+2)
		casts[i] = fmt.Sprintf("k.k%d::%s", i, k.Type.Native)
	}
	names := l.keyList(len(l.keys), func(i int, _ source.Column) string { return fmt.Sprintf("k%d", i) })
	return l.keyList(len(l.keys), ownName) + " IN (SELECT " + strings.Join(casts, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") + ") AS k" + names + ")"
}
