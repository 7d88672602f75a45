package sourcetest

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// ReadRows implements [source.Reader].
func (m *Memory) ReadRows(ctx context.Context, fence source.Fence, selection source.Selection, keys []source.Key) ([]source.Row, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.read(ctx, selection, keys) }); err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", selection.Table, err)
	}
	rows, err := m.readRows(ctx, fence, selection, keys)
	if err == nil {
		err = m.before(ctx, func(h Hooks) error { return h.afterRead(ctx, selection, rows) })
	}
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", selection.Table, err)
	}
	return rows, nil
}

func (m *Memory) readRows(ctx context.Context, fence source.Fence, selection source.Selection, keys []source.Key) ([]source.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx, fence); err != nil {
		return nil, err
	}
	t, columns, err := m.selected(selection)
	if err != nil {
		return nil, err
	}
	m.record.read(selection.Table, fence, keys)
	rows := make([]source.Row, len(keys))
	for i, key := range keys {
		rows[i].Key = key
		if r := t.rows[key]; r != nil && r.as(m.visible) != nil {
			rows[i].Found, rows[i].Values = true, project(columns, selection.Columns, r.as(m.visible))
		}
	}
	return rows, nil
}

// selected finds the table of a selection and checks that it still is what the selection says.
func (m *Memory) selected(selection source.Selection) (*table, *source.Columns, error) {
	t := m.tables[selection.Table]
	if t == nil || t.as(m.visible) == nil {
		return nil, nil, source.ErrNoTable
	}
	if selection.Where != "" {
		return nil, nil, fmt.Errorf("condition %q: this source knows none", selection.Where)
	}
	columns := t.as(m.visible)
	key := columns.KeyColumns()
	same := func(a, b source.Column) bool { return a.Name == b.Name }
	if !slices.EqualFunc(key, selection.Key, same) {
		return nil, nil, fmt.Errorf("key columns: %w", source.ErrStale)
	}
	for _, want := range selection.Columns {
		if have, ok := columns.Column(want.Name); !ok || have.Type.Kind != want.Type.Kind {
			return nil, nil, fmt.Errorf("column %s: %w", want.Name, source.ErrStale)
		}
	}
	return t, columns, nil
}

// Split implements [source.Scanner].
func (m *Memory) Split(ctx context.Context, fence source.Fence, selection source.Selection, n int) ([]source.Range, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.split(ctx, selection) }); err != nil {
		return nil, fmt.Errorf("split %s: %w", selection.Table, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx, fence); err != nil {
		return nil, fmt.Errorf("split %s: %w", selection.Table, err)
	}
	t, _, err := m.selected(selection)
	if err != nil {
		return nil, fmt.Errorf("split %s: %w", selection.Table, err)
	}
	live := t.live(m.visible)
	n = max(1, min(n, len(live)))
	ranges := make([]source.Range, n)
	var low source.Key
	for i := range ranges {
		var high source.Key
		if i < n-1 {
			high = live[(i+1)*len(live)/n-1].key
		}
		ranges[i] = rangeOf(low, high)
		low = high
	}
	return ranges, nil
}

// ScanRows implements [source.Scanner].
func (m *Memory) ScanRows(ctx context.Context, fence source.Fence, selection source.Selection, r source.Range, limit int) ([]source.Row, source.Range, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.scan(ctx, selection, r) }); err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", selection.Table, err)
	}
	rows, rest, err := m.scanRows(ctx, fence, selection, r, limit)
	if err == nil {
		err = m.before(ctx, func(h Hooks) error { return h.afterScan(ctx, selection, rows) })
	}
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", selection.Table, err)
	}
	return rows, rest, nil
}

func (m *Memory) scanRows(ctx context.Context, fence source.Fence, selection source.Selection, r source.Range, limit int) ([]source.Row, source.Range, error) {
	if r == "" || limit < 1 {
		return nil, "", fmt.Errorf("range %q, limit %d: nothing to scan", r, limit)
	}
	low, high, err := bounds(r)
	if err != nil {
		return nil, "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx, fence); err != nil {
		return nil, "", err
	}
	t, columns, err := m.selected(selection)
	if err != nil {
		return nil, "", err
	}
	var rows []source.Row
	for _, row := range t.between(low, high) {
		values := row.as(m.visible)
		if values == nil {
			continue
		}
		if len(rows) == limit {
			break
		}
		rows = append(rows, source.Row{Key: row.key, Found: true, Values: project(columns, selection.Columns, values)})
	}
	var rest source.Range // a full page says nothing of what comes after it, as with LIMIT
	if len(rows) == limit && rows[limit-1].Key != high {
		rest = rangeOf(rows[limit-1].Key, high)
	}
	m.record.scan(selection.Table, fence, r, rest, rows)
	return rows, rest, nil
}

// between returns the rows, of any version, after low up to and with high; empty is open.
func (t *table) between(low, high source.Key) []*row {
	from, to := 0, len(t.sorted)
	place := func(key source.Key) int {
		parts, err := key.Values()
		if err != nil {
			return 0
		}
		after, found := slices.BinarySearchFunc(t.sorted, parts, func(r *row, parts []source.Value) int {
			return compareParts(r.parts, parts)
		})
		if found {
			after++
		}
		return after
	}
	if low != "" {
		from = place(low)
	}
	if high != "" {
		to = place(high)
	}
	return t.sorted[from:max(from, to)]
}

// rangeOf is the range after low up to and with high; empty is open.
func rangeOf(low, high source.Key) source.Range {
	return source.Range(hex.EncodeToString([]byte(low)) + ".." + hex.EncodeToString([]byte(high)))
}

func bounds(r source.Range) (low, high source.Key, err error) {
	from, to, ok := strings.Cut(string(r), "..")
	a, errA := hex.DecodeString(from)
	b, errB := hex.DecodeString(to)
	if err := cmp.Or(errA, errB); err != nil || !ok {
		return "", "", fmt.Errorf("range %q is not of this source", r)
	}
	return source.Key(a), source.Key(b), nil
}

// Tables implements [source.Catalog].
func (m *Memory) Tables(ctx context.Context, fence source.Fence, patterns []source.Pattern) ([]source.Table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx, fence); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var tables []source.Table
	for name, t := range m.tables {
		match := func(p source.Pattern) bool { return p.Match(name) }
		if t.as(m.visible) != nil && slices.ContainsFunc(patterns, match) {
			tables = append(tables, name)
		}
	}
	slices.SortFunc(tables, func(a, b source.Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return tables, nil
}

// Columns implements [source.Catalog].
func (m *Memory) Columns(ctx context.Context, fence source.Fence, table source.Table) (source.Columns, error) {
	if err := m.before(ctx, func(h Hooks) error { return h.columns(ctx, table) }); err != nil {
		return source.Columns{}, fmt.Errorf("describe %s: %w", table, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx, fence); err != nil {
		return source.Columns{}, fmt.Errorf("describe %s: %w", table, err)
	}
	t := m.tables[table]
	if t == nil || t.as(m.visible) == nil {
		return source.Columns{}, fmt.Errorf("describe %s: %w", table, source.ErrNoTable)
	}
	columns := *t.as(m.visible)
	columns.Columns = slices.Clone(columns.Columns)
	columns.Rows = int64(len(t.live(m.visible)))
	return columns, nil
}
