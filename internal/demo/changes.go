package demo

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"
)

// Summary counts the rows that changes have touched.
type Summary struct {
	Inserted, Updated, Deleted int
	Moved                      int   // rows whose key changed
	Order                      int64 // the order that was changed last and is still there; 0: none
}

// Total returns the number of changed rows.
func (s Summary) Total() int { return s.Inserted + s.Updated + s.Deleted + s.Moved }

// String renders the summary for people.
func (s Summary) String() string {
	return fmt.Sprintf("%d inserted, %d updated, %d deleted, %d got a new key", s.Inserted, s.Updated, s.Deleted, s.Moved)
}

// Change changes count rows the way a day in the shop would: orders are placed, paid, shipped
// and cancelled, prices and stocks move, reviews come and go, and now and then a key changes.
// What it does depends on the seed and on what the tables hold, and on nothing else. It changes
// no more than rate rows in a second; 0 is as many as it can.
func (s *Shop) Change(ctx context.Context, seed uint64, count, rate int) (Summary, error) {
	d := &trading{generator: newGenerator(seed), shop: s}
	d.rnd = rand.New(rand.NewPCG(seed, 0x74726164696e67))
	if err := d.load(ctx); err != nil {
		return Summary{}, fmt.Errorf("change shop %s: %w", s.name, err)
	}
	began := time.Now()
	for d.done.Total() < count {
		err := d.step(ctx, count-d.done.Total())
		if err == nil && rate > 0 {
			err = waitUntil(ctx, began.Add(time.Duration(d.done.Total())*time.Second/time.Duration(rate)))
		}
		if err != nil {
			return d.done, fmt.Errorf("change shop %s: %w", s.name, err)
		}
	}
	return d.done, nil
}

func waitUntil(ctx context.Context, moment time.Time) error {
	timer := time.NewTimer(time.Until(moment))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// trading knows the tables' keys, so that a step finds its row without asking the server.
type trading struct {
	*generator
	shop      *Shop
	customers []int64
	orders    []openOrder
	reviews   []int64
	nextIDs   struct{ customer, order, review int64 }
	steps     int
	done      Summary
}

type openOrder struct {
	id     int64
	status string
	lines  int64
}

func (d *trading) load(ctx context.Context) error {
	var lines = map[int64]int64{}
	var none sql.NullString
	for _, q := range []struct {
		query string
		take  func(id, n int64, text string)
	}{
		{"SELECT id, 0, price FROM products ORDER BY id", func(id, _ int64, price string) { d.products = append(d.products, product{id, cents(price)}) }},
		{"SELECT 0, 0, code FROM stores ORDER BY code", func(_, _ int64, code string) { d.stores = append(d.stores, code) }},
		{"SELECT id, 0, NULL FROM customers ORDER BY id", func(id, _ int64, _ string) { d.customers = append(d.customers, id) }},
		{"SELECT id, 0, NULL FROM reviews ORDER BY id", func(id, _ int64, _ string) { d.reviews = append(d.reviews, id) }},
		{"SELECT order_id, COUNT(*), NULL FROM order_items GROUP BY order_id", func(id, n int64, _ string) { lines[id] = n }},
		{"SELECT id, 0, status FROM orders ORDER BY id", func(id, _ int64, status string) {
			d.orders = append(d.orders, openOrder{id, status, lines[id]})
		}},
	} {
		rows, err := d.shop.conn.QueryContext(ctx, q.query)
		if err != nil {
			return fmt.Errorf("load keys: %w", err)
		}
		for rows.Next() {
			var id, n int64
			none = sql.NullString{}
			if err := rows.Scan(&id, &n, &none); err != nil {
				rows.Close()
				return fmt.Errorf("load keys: %w", err)
			}
			q.take(id, n, none.String)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("load keys: %w", err)
		}
	}
	if len(d.products) == 0 || len(d.customers) == 0 {
		return fmt.Errorf("load keys: there are no customers or no products: fill the shop first")
	}
	d.nextIDs.customer = d.customers[len(d.customers)-1] + 1
	d.nextIDs.order, d.nextIDs.review = 1, 1
	if n := len(d.orders); n > 0 {
		d.nextIDs.order = d.orders[n-1].id + 1
	}
	if n := len(d.reviews); n > 0 {
		d.nextIDs.review = d.reviews[n-1] + 1
	}
	return nil
}

// step does one thing that touches at most left rows.
func (d *trading) step(ctx context.Context, left int) error {
	d.steps++
	switch n := d.rnd.IntN(100); {
	case n < 18 && left >= 2:
		return d.placeOrder(ctx, left)
	case n < 50 && len(d.orders) > 0:
		return d.progressOrder(ctx)
	case n < 58 && len(d.orders) > 0:
		return d.cancelOrder(ctx, left)
	case n < 66:
		return d.insert(ctx, reviews, d.review(next(&d.nextIDs.review, &d.reviews), pick(d.generator, d.products).id, pick(d.generator, d.customers)))
	case n < 70 && len(d.reviews) > 0:
		return d.deleteReview(ctx)
	case n < 73:
		return d.insert(ctx, customers, d.customer(next(&d.nextIDs.customer, &d.customers)))
	case n < 75:
		return d.moveKey(ctx)
	default:
		return d.touch(ctx)
	}
}

// next hands out an id and remembers it.
func next(id *int64, known *[]int64) int64 {
	*known = append(*known, *id)
	*id++
	return *id - 1
}

// now is the day after the shop's history, one second later with every step.
func (d *trading) now() time.Time { return today.Add(time.Duration(d.steps) * time.Second) }

func (d *trading) exec(ctx context.Context, counter *int, statement string, args ...any) error {
	result, err := d.shop.exec(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("%.40s: %w", statement, err)
	}
	n, err := result.RowsAffected() // MySQL: rows that differ from before; PostgreSQL: rows that were written
	if err != nil {
		return fmt.Errorf("%.40s: %w", statement, err)
	}
	*counter += int(n)
	return nil
}

func (d *trading) insert(ctx context.Context, t *table, row []any) error {
	insert, places := d.shop.insertion(t)
	return d.exec(ctx, &d.done.Inserted, insert+places, row...)
}

// atomic runs statements in one transaction. The shop has a single session, so BEGIN and COMMIT
// reach the same one as what is between them.
func (d *trading) atomic(ctx context.Context, statements func() error) error {
	before, ignored := d.done, 0
	if err := d.exec(ctx, &ignored, "BEGIN"); err != nil {
		return err
	}
	if err := statements(); err != nil {
		d.done = before
		if undo := d.exec(ctx, &ignored, "ROLLBACK"); undo != nil {
			return fmt.Errorf("%w (and then %w)", err, undo)
		}
		return err
	}
	return d.exec(ctx, &ignored, "COMMIT")
}
