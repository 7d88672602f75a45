package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// nemesisWriters make random transactions until they are ended. What they draw depends on the seed
// alone; in which order the servers do it, and what fails for it, does not.
type nemesisWriters struct {
	stop chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	committed, rolledBack, failed, large atomic.Int64
}

// statement is one statement of a transaction.
type statement struct {
	sql  string
	args []any
}

// writersPace is how long a writer waits between two transactions.
const writersPace = 4 * time.Millisecond

func (n *nemesis) startWriters(count int) {
	w := &nemesisWriters{stop: make(chan struct{})}
	n.writers = w
	n.t.Cleanup(w.end)
	for i := range count {
		w.wg.Go(func() { n.write(rand.New(rand.NewPCG(n.seed, uint64(100+i))), i) })
	}
}

func (w *nemesisWriters) end() {
	w.once.Do(func() { close(w.stop) })
	w.wg.Wait()
}

// write is one writer.
func (n *nemesis) write(rnd *rand.Rand, number int) {
	w := n.writers
	pace := time.NewTicker(writersPace)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-w.stop:
			return
		case <-pace.C:
		}
		transaction, commit := drawTransaction(rnd)
		fmt.Fprintf(n.record, "writer %d, transaction %d, commit %v: %s\n", number, i, commit, summaryOf(transaction))
		err := n.transact(transaction, commit)
		switch {
		case err == nil && commit:
			w.committed.Add(1)
			if len(transaction) > 0 && len(transaction[0].sql) > 10_000 {
				w.large.Add(1)
			}
		case err == nil:
			w.rolledBack.Add(1)
		case n.away.Load(), isDeadlock(err), !isServerError(err):
			w.failed.Add(1) // the server is away, or chose another transaction
			fmt.Fprintf(n.record, "writer %d, transaction %d failed: %v\n", number, i, err)
			if !isServerError(err) {
				n.pause(50 * time.Millisecond)
			}
		default:
			n.trouble("writer %d, transaction %d: %v", number, i, err)
			return
		}
	}
}

// summaryOf is a transaction in one line of the record.
func summaryOf(transaction []statement) string {
	var b strings.Builder
	for _, s := range transaction {
		text := s.sql
		if len(text) > 120 {
			text = text[:120] + "…"
		}
		fmt.Fprintf(&b, "%s %v; ", text, s.args)
	}
	return b.String()
}

// isServerError is false for connections that were lost.
func isServerError(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	const shutdown, killed, interrupted = 1053, 1927, 1317
	return !slices.Contains([]uint16{shutdown, killed, interrupted}, e.Number)
}

// isHarmless is an error of one statement that leaves the transaction as it is: a duplicate key, or a
// column that was dropped.
func isHarmless(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1062 || e.Number == 1054)
}

func (n *nemesis) transact(transaction []statement, commit bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tx, err := n.db.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range transaction {
		if _, err := tx.ExecContext(ctx, s.sql, s.args...); err != nil && !isHarmless(err) {
			return errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}
	if !commit {
		return tx.Rollback()
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// drawTransaction draws what one transaction does, and whether it is committed.
func drawTransaction(rnd *rand.Rand) (transaction []statement, commit bool) {
	commit = rnd.IntN(15) > 0
	if rnd.IntN(250) == 0 {
		return drawLarge(rnd), commit
	}
	count := 1
	if rnd.IntN(4) == 0 {
		count += rnd.IntN(25)
	}
	for range count {
		x := &nemesisTables[rnd.IntN(len(nemesisTables))]
		transaction = append(transaction, x.change(rnd))
	}
	if count > 3 && rnd.IntN(3) == 0 { // a part of it is taken back
		from := rnd.IntN(count - 1)
		to := from + 1 + rnd.IntN(count-from-1)
		transaction = slices.Insert(transaction, to, statement{sql: "ROLLBACK TO SAVEPOINT part"})
		transaction = slices.Insert(transaction, from, statement{sql: "SAVEPOINT part"})
	}
	return transaction, commit
}

// change draws a change of one row.
func (x *nemesisTable) change(rnd *rand.Rand) statement {
	key, other := x.draw(rnd), x.draw(rnd)
	v := fmt.Sprintf("v%d", rnd.IntN(100_000))
	switch rnd.IntN(10) {
	case 0, 1, 2:
		verb := []string{"INSERT", "REPLACE"}[rnd.IntN(2)]
		return statement{verb + " INTO " + x.name + " (" + strings.Join(x.key, ", ") + ", v, n, d, at, note) VALUES (" + strings.Repeat("?, ", len(x.key)) + "?, ?, ?, ?, ?)",
			append(key, v, rnd.IntN(1000), fmt.Sprintf("%d.%02d", rnd.IntN(1000), rnd.IntN(100)), fmt.Sprintf("2026-01-02 03:04:05.%06d", rnd.IntN(1_000_000)), nil)}
	case 3, 4, 5, 6:
		return statement{"UPDATE " + x.name + " SET v = ?, n = n + 1, d = d + 0.25, note = ? WHERE " + x.where(), append([]any{v, strings.Repeat("note ", rnd.IntN(20))}, key...)}
	case 7:
		return statement{"UPDATE " + x.name + " SET x_int = ? WHERE " + x.where(), append([]any{rnd.IntN(1000)}, key...)}
	case 8:
		return statement{"UPDATE " + x.name + " SET " + strings.Join(x.key, " = ?, ") + " = ? WHERE " + x.where(), append(other, key...)}
	default:
		return statement{"DELETE FROM " + x.name + " WHERE " + x.where(), key}
	}
}

// drawLarge draws a transaction of up to 10,000 rows of goods.
func drawLarge(rnd *rand.Rand) []statement {
	const most = 10_000
	from := bulkKeys + rnd.IntN(3)*most
	size := most / (1 + rnd.IntN(10))
	switch rnd.IntN(4) {
	case 0:
		return []statement{{fmt.Sprintf("DELETE FROM goods WHERE id BETWEEN %d AND %d", from, from+size-1), nil}}
	case 1:
		return []statement{{fmt.Sprintf("UPDATE goods SET n = n + 1, v = CONCAT('large', %d) WHERE id BETWEEN %d AND %d", rnd.IntN(1000), from, from+size-1), nil}}
	default:
		var rows strings.Builder
		for id := from; id < from+size; id++ {
			if id > from {
				rows.WriteByte(',')
			}
			fmt.Fprintf(&rows, "(%d,'value %d',%d,%d.%02d)", id, id, id%1000, id%777, id%100)
		}
		return []statement{{"INSERT IGNORE INTO goods (id, v, n, d) VALUES " + rows.String(), nil}}
	}
}
