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
		return nil, fmt.Errorf("split table: %s: %w", sel.Table, classify(sel.Table, err))
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
		cuts, err = cut(ctx, q, p, n)
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

// maxWalk is how many rows a split may step over in total.
const maxWalk = 1_000_000

// cut chooses how to find bounds: by arithmetic where that says something about the rows, else by
// counting rows, which takes time, else by looking for some rows here and there.
func cut(ctx context.Context, q *session, p *plan, n int) ([]source.Key, error) {
	if n < 2 {
		return nil, nil
	}
	first := p.keys[0].Type
	// A bound between 1 and 1900 is no YEAR, and compares with one as it likes.
	integer := (first.Kind == source.KindInt || first.Kind == source.KindUint) && !strings.HasPrefix(first.Native, "year")
	if integer && len(p.keys) == 1 {
		return cutIntegers(ctx, q, p, n)
	}
	estimate, err := estimateOf(ctx, q, p.table)
	switch {
	case err != nil:
		return nil, err
	case estimate <= maxWalk:
		return cutByRows(ctx, q, p, n, estimate)
	case integer:
		return cutIntegers(ctx, q, p, n)
	}
	return cutByProbes(ctx, q, p, n)
}

func estimateOf(ctx context.Context, q *session, t source.Table) (uint64, error) {
	var estimate uint64
	err := q.query(ctx, sqlRows, []any{t.Schema, t.Name}, func(values []sqldriver.Value) error {
		if v, err := decodeUint(values[3]); err == nil {
			estimate = v.(uint64)
		}
		return nil
	})
	return estimate, err
}

// cutIntegers divides the span between the least and the greatest value of the first key column
// evenly.
func cutIntegers(ctx context.Context, q *session, p *plan, n int) ([]source.Key, error) {
	least, greatest, err := ends(ctx, q, p)
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

// cutByRows takes existing rows as bounds, by stepping over the index. The estimate may be far too
// low for a table that was just filled: while the last range turns out much longer than the
// others, the steps get longer.
func cutByRows(ctx context.Context, q *session, p *plan, n int, estimate uint64) ([]source.Key, error) {
	for step := max(int64(estimate)/int64(n), 1); ; step *= 4 {
		cuts, err := walk(ctx, q, p, n, step)
		if err != nil || len(cuts) < n-1 || step*int64(n) > maxWalk {
			return cuts, err
		}
		more, err := stepFrom(ctx, q, p, cuts[len(cuts)-1], 4*step)
		if err != nil || more == "" {
			return cuts, err
		}
	}
}

// walk makes n-1 steps, or fewer if the table ends before.
func walk(ctx context.Context, q *session, p *plan, n int, step int64) ([]source.Key, error) {
	var cuts []source.Key
	var at source.Key
	for range n - 1 {
		next, err := stepFrom(ctx, q, p, at, step)
		if err != nil || next == "" {
			return cuts, err
		}
		cuts, at = append(cuts, next), next
	}
	return cuts, nil
}

// stepFrom returns the place of the row that is step rows after a place, empty if there is none.
func stepFrom(ctx context.Context, q *session, p *plan, from source.Key, step int64) (source.Key, error) {
	condition, args, err := p.within(bounds{After: []byte(from)})
	if err != nil {
		return "", err
	}
	var place source.Key
	text := p.selectWhere(condition) + " ORDER BY " + p.orderBy + " LIMIT 1 OFFSET " + strconv.FormatInt(step-1, 10)
	err = q.query(ctx, text, args, func(values []sqldriver.Value) (err error) {
		place, err = p.placeOf(values)
		return err
	})
	return place, err
}
