package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// cutByProbes finds bounds in a table that is too large to be counted: it looks what row comes
// first at some made-up values of the first key column, lets the server sort what it found, and
// takes every so manieth. That is even for random keys and fair for others.
func cutByProbes(ctx context.Context, q *session, p *plan, n int) ([]source.Key, error) {
	least, greatest, err := ends(ctx, q, p)
	if err != nil || least == nil {
		return nil, err
	}
	k := p.keys[0]
	col := quote(k.Name)
	found := map[source.Key]bool{}
	var args []any
	for _, at := range probes(k.Type.Kind, least, greatest) {
		err := q.query(ctx, "SELECT "+col+" FROM "+quoteTable(p.table)+" WHERE "+col+">="+k.mark()+" ORDER BY "+col+" LIMIT 1", []any{at},
			func(values []sqldriver.Value) error {
				v, err := p.keyDec[0](values[0])
				if err != nil {
					return err
				}
				place, err := source.NewKey(v)
				if err != nil || found[place] {
					return err
				}
				found[place] = true
				arg, err := k.param(v)
				args = append(args, arg)
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	if len(args) == 0 {
		return nil, nil
	}
	sorted, err := inOrder(ctx, q, p, args)
	if err != nil {
		return nil, err
	}
	return thinned(sorted, n-1), nil
}

// ends returns the least and the greatest value of the first key column.
func ends(ctx context.Context, q *session, p *plan) (least, greatest source.Value, err error) {
	col := quote(p.keys[0].Name)
	text := "SELECT MIN(" + col + "), MAX(" + col + ") FROM " + quoteTable(p.table)
	err = q.query(ctx, text, nil, func(values []sqldriver.Value) (err error) {
		if least, err = p.keyDec[0](values[0]); err == nil {
			greatest, err = p.keyDec[0](values[1])
		}
		return err
	})
	return least, greatest, err
}

// inOrder returns the distinct values among args in the order of the key.
func inOrder(ctx context.Context, q *session, p *plan, args []any) ([]source.Key, error) {
	var sorted []source.Key
	col := quote(p.keys[0].Name)
	marks := strings.Repeat(","+p.keys[0].mark(), len(args))[1:]
	text := "SELECT DISTINCT " + col + " FROM " + quoteTable(p.table) + " WHERE " + col + " IN (" + marks + ") ORDER BY " + col
	err := q.query(ctx, text, args, func(values []sqldriver.Value) error {
		v, err := p.keyDec[0](values[0])
		if err != nil {
			return err
		}
		place, err := source.NewKey(v)
		sorted = append(sorted, place)
		return err
	})
	return sorted, err
}

// thinned keeps n of the places, evenly.
func thinned(places []source.Key, n int) []source.Key {
	if len(places) <= n {
		return places
	}
	kept := make([]source.Key, n)
	for i := range kept {
		kept[i] = places[(i+1)*len(places)/(n+1)]
	}
	return kept
}

// probes makes up values between two: what they have in common at the front, and then each
// character that keys are made of. Kinds that have no such values get none.
func probes(kind source.Kind, least, greatest source.Value) []any {
	var all []any
	switch kind {
	case source.KindUUID:
		// The last group sorts first, as MariaDB stores all but the newest versions.
		for _, c := range "0123456789abcdef" {
			all = append(all, "00000000-0000-4000-8000-"+string(c)+"00000000000", string(c)+"0000000-0000-7000-8000-000000000000")
		}
	case source.KindText:
		front := common(least.(string), greatest.(string))
		for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
			all = append(all, front+string(c))
		}
	case source.KindBinary:
		front := common(string(least.([]byte)), string(greatest.([]byte)))
		for c := 0; c < 256; c += 4 {
			all = append(all, append([]byte(front), byte(c)))
		}
	}
	return all
}

// common returns the common front of two texts, cut between characters.
func common(a, b string) string {
	end := 0
	for i, c := range a {
		if !strings.HasPrefix(b[min(i, len(b)):], string(c)) {
			break
		}
		end = i + len(string(c))
	}
	return a[:min(end, len(a))]
}
