package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// maxKeys is how many keys one SELECT names. From 1000 on MariaDB turns an IN list into a join
// with a temporary table.
const maxKeys = 999

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
	lookup, err := newLookup(p, keys)
	if err != nil {
		return nil, err
	}
	err = s.fenced(ctx, fence, func(ctx context.Context, q *session) error {
		lookup.reset()
		lookup.q = q
		for start := 0; start < len(lookup.asked); start += maxKeys {
			part := lookup.asked[start:min(start+maxKeys, len(lookup.asked))]
			if err := lookup.read(ctx, part); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows := make([]source.Row, len(keys))
	for i, key := range keys {
		rows[i] = lookup.rows[key]
		rows[i].Key = key
	}
	return rows, nil
}

// lookup is one call's keys and what was found for them.
type lookup struct {
	*plan
	q     *session
	asked []askedKey // each key once
	rows  map[source.Key]source.Row
}

type askedKey struct {
	key  source.Key
	args []any
}

func newLookup(p *plan, keys []source.Key) (*lookup, error) {
	l := &lookup{plan: p, asked: make([]askedKey, 0, len(keys))}
	seen := make(map[source.Key]bool, len(keys))
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		values, err := key.Values()
		if err != nil {
			return nil, err
		}
		if len(values) != len(p.keys) {
			return nil, fmt.Errorf("key %s: %d values for %d key columns: %w", key.Text(), len(values), len(p.keys), source.ErrStale)
		}
		args := make([]any, len(values))
		for i, k := range p.keys {
			if args[i], err = k.param(values[i]); err != nil {
				return nil, err
			}
		}
		l.asked = append(l.asked, askedKey{key, args})
	}
	return l, nil
}

func (l *lookup) reset() { l.rows = make(map[source.Key]source.Row, len(l.asked)) }

// read looks up some keys, all of them answered on return.
func (l *lookup) read(ctx context.Context, asked []askedKey) error {
	if l.q.lock {
		return l.readLocked(ctx, asked)
	}
	return l.readPlain(ctx, asked)
}

// readPlain answers keys with one SELECT, or with smaller ones where a row's value makes it fail.
func (l *lookup) readPlain(ctx context.Context, asked []askedKey) error {
	err := l.query(ctx, asked, "")
	if err == nil || !l.ofOneRow(err) {
		return err
	}
	if len(asked) == 1 {
		l.rows[asked[0].key] = source.Row{Key: asked[0].key, Err: rowError(err)}
		return nil
	}
	if err := l.readPlain(ctx, asked[:len(asked)/2]); err != nil {
		return err
	}
	return l.readPlain(ctx, asked[len(asked)/2:])
}

// readLocked reads rows under locks without ever queueing for one: a lock that we wait for would
// hold up whoever comes after us. Keys that are locked come again until they are free.
func (l *lookup) readLocked(ctx context.Context, asked []askedKey) error {
	pause := source.Backoff{}
	for {
		var busy []askedKey
		if err := l.tryLocked(ctx, asked, &busy); err != nil {
			return err
		}
		if len(busy) == 0 {
			return nil
		}
		asked = busy
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

// tryLocked answers the keys that are free and collects the others.
func (l *lookup) tryLocked(ctx context.Context, asked []askedKey, busy *[]askedKey) error {
	err := l.query(ctx, asked, " FOR SHARE NOWAIT")
	switch {
	case err == nil:
		return nil
	case len(asked) == 1 && isErrno(err, errLockNowait):
		*busy = append(*busy, asked[0])
		return nil
	case len(asked) == 1 && l.ofOneRow(err):
		l.rows[asked[0].key] = source.Row{Key: asked[0].key, Err: rowError(err)}
		return nil
	case !isErrno(err, errLockNowait) && !l.ofOneRow(err):
		return err
	}
	rest := asked
	if isErrno(err, errLockNowait) {
		// The rows that are free, whoever holds the others. What is not found then may be locked
		// or absent: only a NOWAIT that succeeds proves absence.
		if err := l.query(ctx, asked, " FOR SHARE SKIP LOCKED"); err != nil && !l.ofOneRow(err) {
			return err
		}
		rest = nil
		for _, a := range asked {
			if _, found := l.rows[a.key]; !found {
				rest = append(rest, a)
			}
		}
		if len(rest) == 1 {
			return l.tryLocked(ctx, rest, busy)
		}
	}
	if err := l.tryLocked(ctx, rest[:len(rest)/2], busy); err != nil || len(rest) == 0 {
		return err
	}
	return l.tryLocked(ctx, rest[len(rest)/2:], busy)
}

// query runs one SELECT and keeps every row under its own key. By the rules of a collation a row
// may come for another key than its own; kept by its own bytes it answers only those who asked
// for exactly it.
func (l *lookup) query(ctx context.Context, asked []askedKey, lock string) error {
	if len(asked) == 0 {
		return nil
	}
	args := make([]any, 0, len(asked)*len(l.keys))
	for _, a := range asked {
		args = append(args, a.args...)
	}
	return l.q.query(ctx, l.selectWhere(l.condition(len(asked)))+lock, args, func(values []sqldriver.Value) error {
		row, err := l.row(values)
		if err != nil {
			return err
		}
		if row.Key != "" { // a row without a readable key cannot be what anybody asked for
			l.rows[row.Key] = row
		}
		return nil
	})
}

// condition names n keys: k IN (?, …), or (a = ? AND b = ?) OR … of a composite key, which every
// supported server reads by the index.
func (l *lookup) condition(n int) string {
	var b strings.Builder
	if len(l.keys) == 1 {
		mark := l.keys[0].mark()
		b.WriteString(quote(l.keys[0].Name) + " IN (" + mark)
		for range n - 1 {
			b.WriteString("," + mark)
		}
		b.WriteByte(')')
		return b.String()
	}
	parts := make([]string, len(l.keys))
	for i, k := range l.keys {
		parts[i] = quote(k.Name) + "=" + k.mark()
	}
	one := "(" + strings.Join(parts, " AND ") + ")"
	b.WriteString(one)
	for range n - 1 {
		b.WriteString(" OR " + one)
	}
	return b.String()
}
