package demo

import (
	"context"
	"slices"
)

// placeOrder inserts an order and its lines in one transaction.
func (d *trading) placeOrder(ctx context.Context, left int) error {
	lines := min(1+d.rnd.IntN(4), left-1)
	row, items := d.order(d.nextIDs.order, pick(d.generator, d.customers), lines, d.now())
	row[3], row[7], row[8], row[9] = "new", nil, nil, nil // however far it may have come otherwise
	d.orders = append(d.orders, openOrder{d.nextIDs.order, "new", int64(lines)})
	d.nextIDs.order++
	return d.atomic(ctx, func() error {
		if err := d.insert(ctx, orders, row); err != nil {
			return err
		}
		for _, item := range items {
			if err := d.insert(ctx, orderItems, item); err != nil {
				return err
			}
		}
		d.done.Order = row[0].(int64)
		return nil
	})
}

// progressOrder takes an order to its next status.
func (d *trading) progressOrder(ctx context.Context) error {
	at := d.rnd.IntN(len(d.orders))
	if d.chance(80) { // most of what happens, happens to young orders
		at = len(d.orders) - 1 - d.rnd.IntN(min(500, len(d.orders)))
	}
	o, now := &d.orders[at], d.now().Format(second)
	statement, args := "UPDATE orders SET status = ? WHERE id = ?", []any{}
	switch o.status {
	case "new":
		o.status, statement, args = "paid", "UPDATE orders SET status = ?, paid_at = ? WHERE id = ?", []any{now}
	case "packed":
		o.status, statement, args = "shipped",
			"UPDATE orders SET status = ?, shipped_at = ?, time_to_ship = "+d.shop.server.since+" WHERE id = ?", []any{now, now}
	case "paid":
		o.status = "packed"
	case "shipped":
		o.status = "delivered"
	case "delivered":
		o.status = "returned"
	default:
		o.status = "delivered" // sent again
	}
	d.done.Order = o.id
	return d.exec(ctx, &d.done.Updated, statement, append(append([]any{o.status}, args...), o.id)...)
}

// cancelOrder deletes an order with its lines in one transaction.
func (d *trading) cancelOrder(ctx context.Context, left int) error {
	at := d.rnd.IntN(len(d.orders))
	o := d.orders[at]
	if o.lines+1 > int64(left) {
		return d.touch(ctx)
	}
	d.orders = slices.Delete(d.orders, at, at+1)
	if d.done.Order == o.id {
		d.done.Order = 0
	}
	return d.atomic(ctx, func() error {
		if err := d.exec(ctx, &d.done.Deleted, "DELETE FROM order_items WHERE order_id = ?", o.id); err != nil {
			return err
		}
		return d.exec(ctx, &d.done.Deleted, "DELETE FROM orders WHERE id = ?", o.id)
	})
}

func (d *trading) deleteReview(ctx context.Context) error {
	at := d.rnd.IntN(len(d.reviews))
	id := d.reviews[at]
	d.reviews = slices.Delete(d.reviews, at, at+1)
	return d.exec(ctx, &d.done.Deleted, "DELETE FROM reviews WHERE id = ?", id)
}

// moveKey gives a row another key: the line of an order a number of its own, or a review an id.
func (d *trading) moveKey(ctx context.Context) error {
	if d.chance(50) && len(d.reviews) > 0 {
		at := d.rnd.IntN(len(d.reviews))
		from := d.reviews[at]
		d.reviews = slices.Delete(d.reviews, at, at+1)
		return d.exec(ctx, &d.done.Moved, "UPDATE reviews SET id = ? WHERE id = ?", next(&d.nextIDs.review, &d.reviews), from)
	}
	if len(d.orders) == 0 {
		return d.touch(ctx)
	}
	// Lines from 100 on are never given to a new order; a line that was moved before stays.
	return d.exec(ctx, &d.done.Moved, "UPDATE order_items SET line = line + 100 WHERE order_id = ? AND line = 1", pick(d.generator, d.orders).id)
}

// touch changes a value in a row that is not an order.
func (d *trading) touch(ctx context.Context) error {
	p := &d.products[d.rnd.IntN(len(d.products))]
	switch d.rnd.IntN(4) {
	case 0:
		p.cents = max(95, p.cents*int64(85+d.rnd.IntN(30))/100)
		return d.exec(ctx, &d.done.Updated, "UPDATE products SET price = ?, updated_at = ? WHERE id = ?", money(p.cents), d.now().Format(milli), p.id)
	case 1:
		return d.exec(ctx, &d.done.Updated, "UPDATE products SET stock = ?, updated_at = ? WHERE id = ?", d.rnd.IntN(400)-15, d.now().Format(milli), p.id)
	case 2:
		return d.exec(ctx, &d.done.Updated, "UPDATE customers SET last_seen = ?, points = points + ? WHERE id = ?",
			d.now().Format(second), 1+d.rnd.IntN(50), pick(d.generator, d.customers))
	default:
		return d.exec(ctx, &d.done.Updated,
			"UPDATE reviews SET helpful = helpful + 1 WHERE id = (SELECT first FROM (SELECT MIN(id) AS first FROM reviews WHERE product_id = ?) AS oldest)", p.id)
	}
}
