package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// bounds is what a Range holds: the rows after one place and up to another, both as values of the first key
// columns. A missing bound is open.
type bounds struct {
	After []byte `json:"after,omitempty"` // a source.Key, as bytes for JSON's sake
	Upto  []byte `json:"upto,omitempty"`
}

func (b bounds) encode() (source.Range, error) {
	text, err := json.Marshal(b)
	return source.Range(text), err
}

func decodeRange(r source.Range) (bounds, error) {
	var b bounds
	if err := json.Unmarshal([]byte(r), &b); err != nil {
		return bounds{}, fmt.Errorf("range %q: %w", r, err)
	}
	return b, nil
}

// ScanRows reads the next rows of a range in key order.
func (s *Source) ScanRows(ctx context.Context, fence source.Fence, sel source.Selection, r source.Range, limit int) ([]source.Row, source.Range, error) {
	if r == "" {
		return nil, "", nil
	}
	rows, rest, err := s.scanRows(ctx, fence, sel, r, max(limit, 1))
	if err != nil {
		return nil, r, fmt.Errorf("scan rows: %s: %w", sel.Table, classify(sel.Table, err))
	}
	return rows, rest, nil
}

func (s *Source) scanRows(ctx context.Context, fence source.Fence, sel source.Selection, r source.Range, limit int) ([]source.Row, source.Range, error) {
	p, err := planOf(sel)
	if err != nil {
		return nil, r, err
	}
	b, err := decodeRange(r)
	if err != nil {
		return nil, r, err
	}
	sc := &scan{plan: p, src: s, fence: fence, bounds: b}
	if err := sc.read(ctx, limit); err != nil {
		return nil, r, err
	}
	if len(sc.rows) < sc.limit {
		return sc.rows, "", nil
	}
	rest, err := bounds{After: []byte(sc.rows[len(sc.rows)-1].Key), Upto: sc.Upto}.encode()
	return sc.rows, rest, err
}

// scan is one call of ScanRows.
type scan struct {
	*plan
	bounds
	src   *Source
	fence source.Fence
	rows  []source.Row
	limit int // of the SELECT that gave rows
}

// read gets up to limit rows. Where one row's value makes the SELECT fail, it tries with fewer, down to a
// single one.
func (sc *scan) read(ctx context.Context, limit int) error {
	for {
		err := sc.query(ctx, sc.plan, limit)
		switch {
		case err == nil || !sc.special || !ofOneRow(err):
			return err
		case limit > 1:
			limit = (limit + 1) / 2
		default:
			return sc.keyOnly(ctx, rowError(err))
		}
	}
}

// keyOnly passes a row whose values cannot be read.
func (sc *scan) keyOnly(ctx context.Context, cause error) error {
	p, err := planOf(source.Selection{Table: sc.table, Key: sc.keys, Where: sc.where})
	if err != nil {
		return err
	}
	if err := sc.query(ctx, p, 1); err != nil {
		return errors.Join(cause, err)
	}
	for i := range sc.rows {
		sc.rows[i] = source.Row{Key: sc.rows[i].Key, Err: cause}
	}
	return nil
}

func (sc *scan) query(ctx context.Context, p *plan, limit int) error {
	condition, args, err := p.within(sc.bounds)
	if err != nil {
		return err
	}
	sc.limit = limit
	order := p.keyList(len(p.keys), ownName)
	text := condition + " ORDER BY " + strings.Trim(order, "()") + " LIMIT " + strconv.Itoa(limit)
	return sc.src.query(ctx, sc.fence, p, text, args, func() { sc.rows = make([]source.Row, 0, min(limit, 1000)) }, func(raw [][]byte) error {
		row, err := p.row(raw)
		sc.rows = append(sc.rows, row)
		return err
	})
}

// within is the condition of a range, with the selection's own.
func (p *plan) within(b bounds) (string, []any, error) {
	conditions, args := []string{"true"}, []any(nil)
	if p.where != "" {
		conditions[0] = "(" + p.where + ")"
	}
	for _, side := range []struct {
		place []byte
		op    string
	}{{b.After, " > "}, {b.Upto, " <= "}} {
		if len(side.place) == 0 {
			continue
		}
		values, err := source.Key(side.place).Values()
		if err != nil {
			return "", nil, err
		}
		if len(values) > len(p.keys) {
			return "", nil, fmt.Errorf("range: %d values for %d key columns: %w", len(values), len(p.keys), source.ErrStale)
		}
		first := len(args) + 2
		for _, v := range values {
			text, err := keyText(v)
			if err != nil {
				return "", nil, err
			}
			args = append(args, text)
		}
		conditions = append(conditions, p.keyList(len(values), ownName)+side.op+p.keyList(len(values), func(i int, k source.Column) string {
			return fmt.Sprintf("$%d::text::%s", first+i, k.Type.Native)
		}))
	}
	return strings.Join(conditions, " AND "), args, nil
}
