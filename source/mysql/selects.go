package mysql

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// plan is a selection ready to be read: the SELECT's list and how its columns become a row. It
// belongs to one call.
type plan struct {
	table   source.Table
	keys    []keyColumn
	where   string
	list    string    // key columns, then other values, then the ordinals of ENUM key columns
	keyDec  []decoder // of keys
	dec     []decoder // of values, in the order of Selection.Columns
	at      []int     // per value: its column in the list, a key column's own where it is one
	places  []int     // per key column: its column in the list that has ordinal()
	orderBy string
	special bool // some column is an expression, which may fail for one row's value
	scratch []source.Value
}

func planOf(sel source.Selection) (*plan, error) {
	if len(sel.Key) == 0 {
		return nil, fmt.Errorf("selection of %s: no key columns", sel.Table)
	}
	p := &plan{table: sel.Table, keys: rowKeys(sel.Key), where: sel.Where}
	var list, extra, order []string
	for _, k := range p.keys {
		list = append(list, quote(k.Name))
		p.keyDec = append(p.keyDec, decoderOf(k.Column))
		order = append(order, quote(k.Name))
	}
	for _, c := range sel.Columns {
		p.dec = append(p.dec, decoderOf(c))
		expr := c.Expr
		if expr == "" {
			expr = quote(c.Name)
		} else {
			p.special = true
		}
		at := slices.Index(list[:len(sel.Key)], expr)
		if at < 0 {
			at = len(list)
			list = append(list, expr)
		}
		p.at = append(p.at, at)
	}
	for i, k := range p.keys {
		at := i
		if k.ordinal() != quote(k.Name) {
			at = len(list) + len(extra)
			extra = append(extra, k.ordinal())
		}
		p.places = append(p.places, at)
	}
	p.list = strings.Join(append(list, extra...), ", ")
	p.orderBy = strings.Join(order, ", ")
	p.scratch = make([]source.Value, len(p.keys))
	return p, nil
}

// selectWhere builds the statement up to its condition.
func (p *plan) selectWhere(condition string) string {
	return "SELECT " + p.list + " FROM " + quoteTable(p.table) + " WHERE " + condition
}

// row decodes one row. A value that cannot be decoded is the row's error, unless it shows that
// the table has changed: that is everybody's.
func (p *plan) row(values []sqldriver.Value) (source.Row, error) {
	key, err := p.key(values)
	if err != nil {
		return source.Row{Err: err}, stale(err)
	}
	row := source.Row{Key: key, Found: true, Values: make([]source.Value, len(p.dec))}
	for i, decode := range p.dec {
		v, err := decode(values[p.at[i]])
		if err != nil {
			return source.Row{Key: key, Err: err}, stale(err)
		}
		row.Values[i] = v
	}
	return row, nil
}

func (p *plan) key(values []sqldriver.Value) (source.Key, error) {
	for i, k := range p.keys {
		v, err := p.keyDec[i](values[i])
		if err == nil {
			v, err = k.fromRow(v)
		}
		if err != nil {
			return "", err
		}
		p.scratch[i] = v
	}
	return source.NewKey(p.scratch...)
}

func stale(err error) error {
	if errors.Is(err, source.ErrStale) {
		return err
	}
	return nil
}

// classify names the errors that callers branch on, and says what to do about a missing grant.
func classify(table source.Table, err error) error {
	switch {
	case isErrno(err, errUnknownColumn, errNoTable, errUnknownDatabase):
		return fmt.Errorf("%w: %w", source.ErrStale, err)
	}
	return denied(table, err)
}

// denied names the error of a table that the account may not read.
func denied(table source.Table, err error) error {
	if !isErrno(err, errTableDenied, errColumnDenied, errDatabaseDenied) {
		return err
	}
	return &source.HintError{Err: fmt.Errorf("%w: %w", source.ErrDenied, err),
		Advice: "GRANT SELECT ON " + quoteTable(table) + " TO the account; without GTIDs before MySQL 8.0.22 also LOCK TABLES"}
}

// rowError is what is said of a row that ofOneRow is about: the server quotes coordinates.
func rowError(err error) error {
	if answer, ok := serverAnswer(err); ok && isErrno(err, 3616, 3617, 3731, 3732) {
		return fmt.Errorf("a coordinate of a geometry is out of range (the server's error %d)", answer.Number)
	}
	return err
}

// ofOneRow reports whether the server's error may come from the value of a single row: those that
// the spatial functions have of a geometry or its reference system.
func (p *plan) ofOneRow(err error) bool {
	return p.special && isErrno(err, 1416, 3033, 3034, 3035, 3036, 3037, 3055, 3548, 3549, 3616, 3617, 3618, 3704, 3705, 3726, 3731, 3732)
}
