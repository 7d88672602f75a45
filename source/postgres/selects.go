package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/source"
)

// plan is a selection ready to be read: the SELECT's list and how its columns become a row. It
// belongs to one call.
type plan struct {
	table   source.Table
	keys    []source.Column
	where   string
	list    string   // key columns, then other values, as c0, c1, …
	names   int      // how many
	keyDec  []decode // of keys
	dec     []decode // of values, in the order of Selection.Columns
	at      []int    // per value: its column in the list, a key column's own where it is one
	special bool     // some column is an expression, which may fail for one row's value
	scratch []source.Value
}

func planOf(sel source.Selection) (*plan, error) {
	if len(sel.Key) == 0 {
		return nil, fmt.Errorf("selection of %s: no key columns", sel.Table)
	}
	p := &plan{table: sel.Table, keys: sel.Key, where: sel.Where, scratch: make([]source.Value, len(sel.Key))}
	var list []string
	for _, k := range p.keys {
		list = append(list, quote(k.Name))
		p.keyDec = append(p.keyDec, decodeOf(k))
	}
	for _, c := range sel.Columns {
		p.dec = append(p.dec, decodeOf(c))
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
	p.names = len(list)
	for i, expr := range list {
		list[i] = expr + " AS c" + strconv.Itoa(i)
	}
	p.list = strings.Join(list, ", ")
	return p, nil
}

// row decodes one row.
func (p *plan) row(raw [][]byte) (source.Row, error) {
	key, err := p.key(raw)
	if err != nil {
		return source.Row{}, err
	}
	row := source.Row{Key: key, Found: true, Values: make([]source.Value, len(p.dec))}
	for i, decode := range p.dec {
		if raw[p.at[i]] == nil {
			continue
		}
		if row.Values[i], err = decode(raw[p.at[i]]); err != nil {
			return source.Row{}, err
		}
	}
	return row, nil
}

func (p *plan) key(raw [][]byte) (source.Key, error) {
	for i, decode := range p.keyDec {
		var v source.Value
		var err error
		if raw[i] != nil {
			v, err = decode(raw[i])
		}
		if err == nil {
			v, err = keyValue(v)
		}
		if err != nil {
			return "", fmt.Errorf("key column %s: %w", p.keys[i].Name, err)
		}
		p.scratch[i] = v
	}
	return source.NewKey(p.scratch...)
}

// keyList is "(a, b)", or "a" alone; with casts it is what a place in the table is compared with.
func (p *plan) keyList(n int, of func(i int, k source.Column) string) string {
	parts := make([]string, n)
	for i, k := range p.keys[:n] {
		parts[i] = of(i, k)
	}
	if n == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func ownName(_ int, k source.Column) string { return quote(k.Name) }

// query runs one SELECT behind a fence and calls each for every row, until its snapshot has seen the fence. The
// row is only valid during the call. args are $2 and so on; each begins anew after begin.
func (s *Source) query(ctx context.Context, fence source.Fence, p *plan, rest string, args []any, begin func(), each func(raw [][]byte) error) error {
	inner := "SELECT true AS here, " + p.list + " FROM " + quoteTable(p.table) + " WHERE f.seen AND " + rest
	text := "SELECT f.seen, r.* FROM (" + sqlSeen + ") AS f LEFT JOIN LATERAL (" + inner + ") AS r ON true"
	fenced := s.fenced
	if s.standby != nil {
		fenced = s.standby.fenced
	}
	return fenced(ctx, fence, func(ctx context.Context, conn *pgxpool.Conn, xids []string) (seen bool, err error) {
		begin()
		all := append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}, xids}, args...)
		rows, err := conn.Query(ctx, text, all...)
		if err != nil {
			return false, err
		}
		defer rows.Close()
		for rows.Next() {
			raw := rows.RawValues()
			if seen = string(raw[0]) == "t"; !seen || raw[1] == nil { // no row, but what was seen
				continue
			}
			if err := each(raw[2:]); err != nil {
				return false, err
			}
		}
		return seen, rows.Err()
	})
}

// ofOneRow reports whether the server's error may come from the value of a single row, or of a single key: its
// messages quote values, so only the code is said.
func ofOneRow(err error) bool { return isCode(err, classData, "XX000", "23514") }

func rowError(err error) error {
	answer, _ := serverAnswer(err)
	return fmt.Errorf("a value cannot be read (the server's error %s)", answer.Code)
}
