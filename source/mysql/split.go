package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Split cuts a table into ranges. The bounds need not be rows, nor be exact: together the ranges
// hold every possible key whatever the bounds are.
func (s *Source) Split(ctx context.Context, fence source.Fence, sel source.Selection, n int) ([]source.Range, error) {
	ranges, err := s.split(ctx, fence, sel, n)
	if err != nil {
		return nil, fmt.Errorf("split table: %s: %w", sel.Table, classify(err))
	}
	return ranges, nil
}

func (s *Source) split(ctx context.Context, fence source.Fence, sel source.Selection, n int) ([]source.Range, error) {
	p, err := planOf(source.Selection{Table: sel.Table, Key: sel.Key})
	if err != nil {
		return nil, err
	}
	var cuts []source.Key
	err = s.fenced(ctx, fence, func(ctx context.Context, q *session) error {
		kind := p.keys[0].Type.Kind
		// A bound between 1 and 1900 is no YEAR, and compares with one as it likes.
		year := strings.HasPrefix(p.keys[0].Type.Native, "year")
		if len(p.keys) == 1 && !year && (kind == source.KindInt || kind == source.KindUint) {
			cuts, err = cutIntegers(ctx, q, p, n)
		} else {
			cuts, err = cutByRows(ctx, q, p, n)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var ranges []source.Range
	var b bounds
	for _, cut := range append(cuts, "") {
		b.Upto = []byte(cut)
		r, err := b.encode()
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, r)
		b.After = b.Upto
	}
	return ranges, nil
}

// cutIntegers divides the span between the least and the greatest key evenly.
func cutIntegers(ctx context.Context, q *session, p *plan, n int) ([]source.Key, error) {
	var least, greatest source.Value
	col := quote(p.keys[0].Name)
	text := "SELECT MIN(" + col + "), MAX(" + col + ") FROM " + quoteTable(p.table)
	err := q.query(ctx, text, nil, func(values []sqldriver.Value) (err error) {
		if least, err = p.keyDec[0](values[0]); err == nil {
			greatest, err = p.keyDec[0](values[1])
		}
		return err
	})
	if err != nil || least == nil {
		return nil, err
	}
	// As offsets from the least key the arithmetic fits, whatever the signs are.
	base, isUint := least.(uint64)
	var span uint64
	if isUint {
		span = greatest.(uint64) - base
	} else {
		base = uint64(least.(int64))
		span = uint64(greatest.(int64)) - base
	}
	step := span/uint64(max(n, 1)) + 1
	var cuts []source.Key
	for i := 1; i < n && uint64(i)*step-1 < span; i++ {
		at := base + uint64(i)*step - 1
		var v source.Value = at
		if !isUint {
			v = int64(at)
		}
		cut, err := source.NewKey(v)
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, cut)
	}
	return cuts, nil
}

// maxWalk is how many rows a split may step over in total. A larger table's last range is longer
// than the others: what is saved in walking is more than what is lost in balance.
const maxWalk = 2_000_000

// cutByRows takes existing rows as bounds, by stepping over the index.
func cutByRows(ctx context.Context, q *session, p *plan, n int) ([]source.Key, error) {
	if n < 2 {
		return nil, nil
	}
	var estimate int64
	err := q.query(ctx, sqlRows, []any{p.table.Schema, p.table.Name}, func(values []sqldriver.Value) error {
		if v, err := decodeUint(values[3]); err == nil {
			estimate = int64(v.(uint64))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	step := max(min(estimate, maxWalk)/int64(n), 1)
	var cuts []source.Key
	var b bounds
	for range n - 1 {
		condition, args, err := p.within(b)
		if err != nil {
			return nil, err
		}
		text := p.selectWhere(condition) + " ORDER BY " + p.orderBy + " LIMIT 1 OFFSET " + strconv.FormatInt(step-1, 10)
		found := false
		err = q.query(ctx, text, args, func(values []sqldriver.Value) error {
			cut, err := p.placeOf(values)
			cuts, b.After, found = append(cuts, cut), []byte(cut), true
			return err
		})
		if err != nil || !found {
			return cuts, err
		}
	}
	return cuts, nil
}
