package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

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
	if n > 1 {
		err = s.inSnapshot(ctx, fence, func(ctx context.Context, tx pgx.Tx) (err error) {
			if len(p.keys) == 1 && p.keys[0].Type.Kind == source.KindInt {
				cuts, err = cutIntegers(ctx, tx, p, n)
			} else {
				cuts, err = cutBySample(ctx, tx, p, n)
			}
			return err
		})
	}
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
		ranges, b.After = append(ranges, r), b.Upto
	}
	return ranges, nil
}

// cutIntegers divides the span between the least and the greatest key evenly.
func cutIntegers(ctx context.Context, tx pgx.Tx, p *plan, n int) ([]source.Key, error) {
	var least, greatest *int64
	name := quote(p.keys[0].Name)
	err := tx.QueryRow(ctx, "SELECT min("+name+")::int8, max("+name+")::int8 FROM "+quoteTable(p.table)).Scan(&least, &greatest)
	if err != nil || least == nil {
		return nil, err
	}
	// As offsets from the least key the arithmetic fits, whatever the signs are.
	base, span := uint64(*least), uint64(*greatest)-uint64(*least)
	step := span/uint64(n) + 1
	var cuts []source.Key
	for i := 1; i < n && uint64(i)*step-1 < span; i++ {
		cut, err := source.NewKey(int64(base + uint64(i)*step - 1))
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, cut)
	}
	return cuts, nil
}

// sampleRows is about how many rows a sample has.
const sampleRows = 10_000

// cutBySample takes rows of a sample as bounds. It reads whole pages here and there, so it costs little of a
// large table, and all of a small one.
func cutBySample(ctx context.Context, tx pgx.Tx, p *plan, n int) ([]source.Key, error) {
	name := quoteTable(p.table)
	var size *float64
	if err := tx.QueryRow(ctx, "SELECT "+sqlEstimate+" FROM pg_class c WHERE c.oid = $1::text::regclass", name).Scan(&size); err != nil || size == nil || *size == 0 {
		return nil, err
	}
	share := math.Min(100, 100*sampleRows / *size)
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s FROM %s TABLESAMPLE SYSTEM (%f) ORDER BY 1%s", p.list, name, math.Max(share, 0.0001), moreColumns(p.names)),
		pgx.QueryResultFormats{pgx.TextFormatCode})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sample []source.Key
	for rows.Next() {
		key, err := p.key(rows.RawValues())
		if err != nil {
			return nil, err
		}
		sample = append(sample, key)
	}
	var cuts []source.Key
	for i := 1; i < n && len(sample) > 0; i++ {
		cut := sample[i*len(sample)/n]
		if len(cuts) == 0 || cuts[len(cuts)-1] != cut {
			cuts = append(cuts, cut)
		}
	}
	return cuts, rows.Err()
}

// moreColumns is ", 2, 3" and so on, for ORDER BY.
func moreColumns(n int) string {
	text := ""
	for i := 2; i <= n; i++ {
		text += fmt.Sprintf(", %d", i)
	}
	return text
}
