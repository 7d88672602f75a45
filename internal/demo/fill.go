package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Rows is how many rows the shop has unless told otherwise.
const Rows = 100_000

// minRows leaves every table at least one row, and every order a line.
const minRows = 1000

const storeCount = 48

// Fill drops the shop's tables, makes them again and fills them with exactly rows rows (0: Rows),
// spread over all tables. The same seed and number always give the same rows.
func (s *Shop) Fill(ctx context.Context, seed uint64, rows int) error {
	if rows == 0 {
		rows = Rows
	}
	if rows < minRows {
		return fmt.Errorf("fill shop %s: %d rows are too few: want %d or more", s.name, rows, minRows)
	}
	statements := s.server.prepare(s.name)
	for _, t := range tables {
		statements = append(statements, s.server.creates[t])
	}
	if err := s.execAll(ctx, append(statements, s.server.finish(s.name)...)); err != nil {
		return fmt.Errorf("fill shop %s: make the tables: %w", s.name, err)
	}
	if err := s.fillTables(ctx, newGenerator(seed), rows); err != nil {
		return fmt.Errorf("fill shop %s: %w", s.name, err)
	}
	return nil
}

func (s *Shop) fillTables(ctx context.Context, g *generator, rows int) error {
	customerCount, productCount, orderCount, reviewCount := rows*14/100, rows*2/100, rows*25/100, rows*8/100
	itemCount := rows - storeCount - customerCount - productCount - orderCount - reviewCount
	w := &inserter{shop: s, pending: map[*table]*pending{}}
	for i := range storeCount {
		w.add(ctx, stores, g.store(i))
	}
	for id := range int64(customerCount) {
		w.add(ctx, customers, g.customer(id+1))
	}
	for id := range int64(productCount) {
		w.add(ctx, products, g.product(id+1))
	}
	w.flushAll(ctx)                                        // what orders refer to must be there
	pace := today.Sub(opening) / time.Duration(orderCount) // orders come in the order of their ids
	for i, lines := range g.linesPerOrder(orderCount, itemCount) {
		from := opening.Add(time.Duration(i) * pace)
		row, items := g.order(int64(i+1), 1+g.rnd.Int64N(int64(customerCount)), lines, g.between(from, from.Add(pace)))
		w.add(ctx, orders, row)
		for _, item := range items {
			w.add(ctx, orderItems, item)
		}
	}
	for id := range int64(reviewCount) {
		w.add(ctx, reviews, g.review(id+1, 1+g.rnd.Int64N(int64(productCount)), 1+g.rnd.Int64N(int64(customerCount))))
	}
	w.flushAll(ctx)
	return w.err
}

// linesPerOrder deals total lines out to n orders, at least one to each.
func (g *generator) linesPerOrder(n, total int) []int {
	lines := make([]int, n)
	for i := range lines {
		lines[i] = 1
	}
	for range total - n {
		lines[g.rnd.IntN(n)]++
	}
	return lines
}

// inserter gathers rows into statements of many rows. Its first error stays and ends all work.
type inserter struct {
	shop    *Shop
	pending map[*table]*pending
	err     error
}

type pending struct {
	rows int
	args []any
}

// rowsPerInsert keeps a statement far below the servers' default packet limit.
const rowsPerInsert = 1000

func (w *inserter) add(ctx context.Context, t *table, row []any) {
	p := w.pending[t]
	if p == nil {
		p = &pending{}
		w.pending[t] = p
	}
	p.rows, p.args = p.rows+1, append(p.args, row...)
	if p.rows >= rowsPerInsert {
		w.flushAll(ctx)
	}
}

// flushAll writes what is pending, referenced tables first.
func (w *inserter) flushAll(ctx context.Context) {
	for _, t := range tables {
		p := w.pending[t]
		if w.err != nil || p == nil || p.rows == 0 {
			continue
		}
		insert, row := w.shop.insertion(t)
		statement := insert + strings.TrimSuffix(strings.Repeat(row+",", p.rows), ",")
		if _, err := w.shop.exec(ctx, statement, p.args...); err != nil {
			w.err = fmt.Errorf("insert into %s: %w", t.name, err)
		}
		p.rows, p.args = 0, p.args[:0]
	}
}
