package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Comparer = (*Target)(nil)

// Know remembers the columns of destinations.
func (t *Target) Know(dests []*targets.Destination) {
	for _, dest := range dests {
		d := t.destination(dest.Name)
		d.mu.Lock()
		d.known = dest
		d.mu.Unlock()
	}
}

// comparing is one call of Compare.
type comparing struct {
	*Target
	results []targets.Compared
	found   map[*targets.Destination]*existingTable
}

// Compare has the server compare: the rows go to it by the parameters and the casts of the statement that would write them.
func (t *Target) Compare(ctx context.Context, ops []targets.Op) ([]targets.Compared, error) {
	c := &comparing{Target: t, results: make([]targets.Compared, len(ops)), found: map[*targets.Destination]*existingTable{}}
	for _, b := range split(ops, t.config.MaxBatchOps) {
		if err := c.do(ctx, b); err != nil {
			return nil, fmt.Errorf("compare with %s: %w", b.dest.Name, err)
		}
	}
	return c.results, nil
}

// do compares a batch, in halves where the server refuses one of its rows, or it is too large.
func (c *comparing) do(ctx context.Context, b *batch) error {
	found, looked := c.found[b.dest]
	if !looked {
		var err error
		if found, err = c.look(ctx, b.dest.Name); err != nil {
			return err
		}
		c.found[b.dest] = found
	}
	layout, err := c.layoutOf(b.dest, found)
	if err != nil {
		return err
	}
	b, made := c.encode(layout, b)
	switch {
	case len(b.ops) == 0:
		return nil
	case made.size > c.config.MaxBatchBytes && len(b.ops) > 1:
		return c.halves(ctx, b)
	}
	err = c.ask(ctx, layout, found, b, made)
	if err == nil {
		return nil
	}
	switch outcomeOf(err) {
	case guilty, disputed:
		if len(b.ops) > 1 {
			return c.halves(ctx, b)
		}
		c.results[b.index[0]] = targets.Compared{Change: targets.Refuse, Reason: reason(err)}
		return nil
	}
	return refused(err)
}

// layoutOf is the layout of a table that is there, or of one that would be made.
func (c *comparing) layoutOf(dest *targets.Destination, found *existingTable) (*table, error) {
	if found != nil {
		return c.layout(dest, found)
	}
	t, err := c.layout(dest, &existingTable{columns: map[string]existing{}})
	for i := range t.columns {
		t.columns[i].limit = t.columns[i].want.characters()
	}
	return t, err
}

func (c *comparing) halves(ctx context.Context, b *batch) error {
	half := len(b.ops) / 2
	for _, part := range []*batch{
		{dest: b.dest, verb: b.verb, ops: b.ops[:half], index: b.index[:half]},
		{dest: b.dest, verb: b.verb, ops: b.ops[half:], index: b.index[half:]},
	} {
		if err := c.do(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// encode makes a statement's rows. What no row can be made of is refused, or, where it is to go, not there.
func (c *comparing) encode(t *table, b *batch) (*batch, *rows) {
	made, rest := newRows(t.columnsOf(b.verb), false), &batch{dest: b.dest, verb: b.verb}
	for i, op := range b.ops {
		switch why := made.add(op); {
		case why == "":
			rest.ops, rest.index = append(rest.ops, op), append(rest.index, b.index[i])
		case op.Verb == targets.Upsert:
			c.results[b.index[i]] = targets.Compared{Change: targets.Refuse, Reason: why}
		}
	}
	return rest, made
}

// ask sends a query for a batch and takes its answer. Where there is no table, it only lets the server read the values.
func (c *comparing) ask(ctx context.Context, t *table, found *existingTable, b *batch, made *rows) error {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	compared := t.compared(b.verb, found)
	answer, err := c.pool.Query(ctx, t.comparison(b.verb, found, compared), made.parameters()...)
	if err != nil {
		return err
	}
	var n, version int64
	var there bool
	var differ []int32
	var want, have []*string
	_, err = pgx.ForEachRow(answer, []any{&n, &there, &version, &differ, &want, &have}, func() error {
		result := &c.results[b.index[n-1]]
		*result = targets.Compared{Version: version}
		switch {
		case !there && b.verb == targets.Upsert:
			result.Change = targets.Create
		case !there:
		case b.verb == targets.Delete:
			result.Change = targets.Remove
		case len(differ) > 0:
			result.Change = targets.Update
			for _, at := range differ {
				result.Differences = append(result.Differences, targets.Difference{Field: compared[at].name, Want: shownText(want[at]), Have: shownText(have[at])})
			}
		}
		return nil
	})
	return err
}

// shownText is a value of JSON as differences show it.
func shownText(text *string) string {
	if text == nil || *text == "null" {
		return ""
	}
	if !json.Valid([]byte(*text)) { // the server has cut it
		return *text + "…"
	}
	return targets.Shorten(*text)
}

// comparedColumn is a column that is compared.
type comparedColumn struct {
	name       string
	want, have string // expressions
	typ        typeName
}

// compared are the columns whose values say whether a row is as it should be. One that is not there yet has no value, and one that
// an earlier mapping filled should have none.
func (t *table) compared(verb targets.Verb, found *existingTable) []comparedColumn {
	var list []comparedColumn
	if verb == targets.Delete || found == nil {
		return nil
	}
	for i, c := range t.columnsOf(verb) {
		there, is := found.columns[c.field.Name]
		if c.key || there.generated {
			continue
		}
		column := comparedColumn{name: c.field.Name, want: fmt.Sprintf("u.c%d::%s", i, c.typ), have: "t." + quote(c.field.Name), typ: c.typ}
		if !is {
			column.have = "NULL::" + c.typ
		}
		list = append(list, column)
	}
	if verb == targets.Upsert {
		ours, _ := t.leftovers(found.columns)
		for _, name := range ours {
			typ := found.columns[name].typ
			list = append(list, comparedColumn{name: name, want: "NULL::" + typ, have: "t." + quote(name), typ: typ})
		}
	}
	return list
}

// differs is the condition that a column's values differ. Types without an equality, and those whose equality is coarser than
// their values, are compared by their texts, byte by byte.
func (c comparedColumn) differs(mark bool) string {
	if mark { // the first one counts
		return c.have + " IS NULL"
	}
	want, have := c.want, c.have
	switch base := strings.TrimSuffix(c.typ, "[]"); base {
	case "json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "citext", "text", "character varying", "character":
		want, have = "("+want+")::text COLLATE \"C\"", "("+have+")::text COLLATE \"C\""
	}
	return have + " IS DISTINCT FROM " + want
}

// comparison is the query: per row its number, whether it is there, its version, and the numbers of the columns that differ, with
// both values of each column where any does.
func (t *table) comparison(verb targets.Verb, found *existingTable, compared []comparedColumn) string {
	columns := t.columnsOf(verb)
	arrays, names := unnested(columns, 1)
	from := " FROM unnest(" + arrays + ") WITH ORDINALITY AS u (" + names + ", n)"
	if found == nil { // the casts are what a row may fail by
		var casts []string
		for i, c := range columns {
			casts = append(casts, fmt.Sprintf("(u.c%d::%s) IS NULL", i, c.want))
		}
		// Not a plain false, for which the server would not look at the casts.
		return "SELECT u.n, num_nonnulls(" + strings.Join(casts, ", ") + ") < u.n * 0, 0::int8, '{}'::int4[], '{}'::text[], '{}'::text[]" + from
	}
	var match, differ, want, have []string
	for i, c := range columns {
		if c.key {
			match = append(match, fmt.Sprintf("t.%s = u.c%d::%s", quote(c.field.Name), i, c.typ))
		}
	}
	for i, c := range compared {
		differ = append(differ, fmt.Sprintf("CASE WHEN %s THEN %d END", c.differs(verb == targets.MarkDeleted), i))
		want = append(want, "left(to_json("+c.want+")::text, 1000)")
		have = append(have, "left(to_json("+c.have+")::text, 1000)")
	}
	version := "0::int8"
	if _, is := found.columns[t.version]; is && t.version != "" {
		version = t.storedVersion()
	}
	list := func(parts []string, typ string) string {
		return "ARRAY[" + strings.Join(parts, ", ") + "]::" + typ + "[]"
	}
	return "SELECT u.n, t.tableoid IS NOT NULL, " + version + ", x.differ," +
		" CASE WHEN t.tableoid IS NOT NULL AND cardinality(x.differ) > 0 THEN " + list(want, "text") + " END," +
		" CASE WHEN t.tableoid IS NOT NULL AND cardinality(x.differ) > 0 THEN " + list(have, "text") + " END" + from +
		" LEFT JOIN " + quoteTable(t.dest.Name) + " AS t ON " + strings.Join(match, " AND ") +
		" CROSS JOIN LATERAL (SELECT array_remove(" + list(differ, "int4") + ", NULL) AS differ) x"
}
