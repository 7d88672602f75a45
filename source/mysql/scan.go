package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// bounds is what a Range holds: the rows after one place and up to another, both as values of the
// first key columns. A missing bound is open. The values are those of keyColumn.ordinal.
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
	sc := &scan{plan: p, bounds: b}
	err = s.fenced(ctx, fence, func(ctx context.Context, q *session) error {
		sc.q = q
		return sc.read(ctx, limit)
	})
	if err != nil {
		return nil, r, err
	}
	rest, err := sc.rest()
	return sc.rows, rest, err
}

// scan is one call of ScanRows.
type scan struct {
	*plan
	bounds
	q     *session
	rows  []source.Row
	last  source.Key // the place of the last row
	limit int        // of the SELECT that gave rows
}

// read gets up to limit rows. Where rows are locked by others, or one row's value makes the SELECT
// fail, it tries with fewer, down to a single one.
func (sc *scan) read(ctx context.Context, limit int) error {
	lock := ""
	if sc.q.lock {
		lock = " FOR SHARE NOWAIT"
	}
	pause := source.Backoff{}
	for {
		err := sc.query(ctx, sc.plan, limit, lock)
		switch {
		case isErrno(err, errLockNowait) && limit > 1:
			limit = (limit + 1) / 2
		case isErrno(err, errLockNowait):
			if err := pause.Wait(ctx); err != nil {
				return err
			}
		case err != nil && sc.ofOneRow(err) && limit > 1:
			limit = (limit + 1) / 2
		case err != nil && sc.ofOneRow(err):
			return sc.keyOnly(ctx, lock, rowError(err))
		default:
			return err
		}
	}
}

// keyOnly passes a row whose values cannot be read.
func (sc *scan) keyOnly(ctx context.Context, lock string, cause error) error {
	sel := source.Selection{Table: sc.table, Where: sc.where}
	for _, k := range sc.keys {
		sel.Key = append(sel.Key, k.Column)
	}
	p, err := planOf(sel)
	if err != nil {
		return err
	}
	if err := sc.query(ctx, p, 1, lock); err != nil {
		return errors.Join(cause, err)
	}
	for i := range sc.rows {
		sc.rows[i] = source.Row{Key: sc.rows[i].Key, Err: cause}
	}
	return nil
}

func (sc *scan) query(ctx context.Context, p *plan, limit int, lock string) error {
	condition, args, err := p.within(sc.bounds)
	if err != nil {
		return err
	}
	sc.rows, sc.last, sc.limit = make([]source.Row, 0, min(limit, 1000)), "", limit
	text := p.selectWhere(condition) + " ORDER BY " + p.orderBy + " LIMIT " + strconv.Itoa(limit) + lock
	return sc.q.query(ctx, text, args, func(values []sqldriver.Value) error {
		row, err := p.row(values)
		if err != nil {
			return err
		}
		sc.rows = append(sc.rows, row)
		if len(sc.rows) == limit {
			sc.last, err = p.placeOf(values)
		}
		return err
	})
}

// rest is the range after what was read.
func (sc *scan) rest() (source.Range, error) {
	if len(sc.rows) < sc.limit {
		return "", nil
	}
	return bounds{After: []byte(sc.last), Upto: sc.Upto}.encode()
}

// placeOf takes the values of ordinal() from a row.
func (p *plan) placeOf(values []sqldriver.Value) (source.Key, error) {
	parts := make([]source.Value, len(p.keys))
	for i, k := range p.keys {
		decode := p.keyDec[i]
		if k.Type.Kind == source.KindEnum {
			decode = decodeInt
			if f, ok := values[p.places[i]].(float64); ok {
				values[p.places[i]] = int64(f)
			}
		}
		v, err := decode(values[p.places[i]])
		if err != nil {
			return "", err
		}
		parts[i] = v
	}
	return source.NewKey(parts...)
}

// within is the condition of a range, with the selection's own.
func (p *plan) within(b bounds) (string, []any, error) {
	conditions, args := []string{"TRUE"}, []any(nil)
	if p.where != "" {
		conditions[0] = "(" + p.where + ")"
	}
	for _, side := range []struct {
		place             []byte
		strict, inclusive string
		last              string
	}{{b.After, ">", ">=", ">"}, {b.Upto, "<", "<=", "<="}} {
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
		places := make([]any, len(values))
		for i, v := range values {
			if places[i], err = p.keys[i].place(v); err != nil {
				return "", nil, err
			}
		}
		if len(values) > 1 {
			// Said once more for the first column alone, so that the index is entered by it.
			conditions = append(conditions, quote(p.keys[0].Name)+side.inclusive+p.keys[0].mark())
			args = append(args, places[0])
		}
		condition, more := p.beyond(places, side.strict, side.last)
		conditions, args = append(conditions, condition), append(args, more...)
	}
	return strings.Join(conditions, " AND "), args, nil
}

// beyond compares the first key columns with a place: a > 1 OR (a = 1 AND b > 2) OR …
func (p *plan) beyond(places []any, strict, last string) (string, []any) {
	var alternatives []string
	var args []any
	equal := ""
	for i, k := range p.keys[:len(places)] {
		op := strict
		if i == len(places)-1 {
			op = last
		}
		alternatives = append(alternatives, "("+equal+quote(k.Name)+op+k.mark()+")")
		args = append(append(args, places[:i]...), places[i])
		equal += quote(k.Name) + "=" + k.mark() + " AND "
	}
	return "(" + strings.Join(alternatives, " OR ") + ")", args
}
