package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// column is a column of a destination's table that we write.
type column struct {
	field targets.Field
	key   bool
	form  form
	want  columnType
	typ   typeName // of the column that is there, see compile
	limit int      // characters of the column that is there; 0: any
	at    int      // in the document; -1: only the id has it
}

// table is a destination with its statements.
type table struct {
	dest    *targets.Destination
	columns []column // first those of the key, in key order
	keys    int
	version string // the column of versions; empty: none
	upsert  string
	remove  string
	mark    string // empty: the destination has no marks
}

// newTable lays out the columns. A key column that the document does not show is a column all the same.
func newTable(dest *targets.Destination, version string) (*table, error) {
	if err := CheckName(dest.Name); err != nil {
		return nil, fmt.Errorf("destination %s: %w: %w", dest.Name, err, targets.ErrMismatch)
	}
	if err := CheckOptions(dest); err != nil {
		return nil, fmt.Errorf("destination %s: %w: %w", dest.Name, err, targets.ErrMismatch)
	}
	if len(dest.Key) == 0 {
		return nil, fmt.Errorf("destination %s: it has no key: %w", dest.Name, targets.ErrMismatch)
	}
	t := &table{dest: dest, keys: len(dest.Key), version: version}
	var fields []targets.Field
	for _, field := range dest.Key {
		at := slices.IndexFunc(dest.Fields, func(f targets.Field) bool { return f.Name == field.Name })
		if at >= 0 && !dest.Fields[at].Key {
			return nil, fmt.Errorf("destination %s: field %s has the name of a key column that is not shown; give it another: %w",
				dest.Name, field.Name, targets.ErrMismatch)
		}
		if at >= 0 {
			field.As = dest.Fields[at].As
		}
		fields = append(fields, field)
		c := column{field: field, key: true, want: typeOf(field, true), at: at}
		c.field.As = "" // its values stay the key's
		c.form = formOf(c.field)
		t.columns = append(t.columns, c)
	}
	for at, field := range dest.Fields {
		if slices.ContainsFunc(t.columns[:t.keys], func(c column) bool { return c.at == at }) {
			continue
		}
		fields = append(fields, field)
		t.columns = append(t.columns, column{field: field, form: formOf(field), want: typeOf(field, false), at: at})
	}
	if version != "" {
		fields = append(fields, versionField(version))
	}
	if err := CheckFields(fields); err != nil {
		return nil, fmt.Errorf("destination %s: %w: %w", dest.Name, err, targets.ErrMismatch)
	}
	return t, nil
}

// keyNames are the key's columns.
func (t *table) keyNames() []string {
	names := make([]string, t.keys)
	for i, c := range t.columns[:t.keys] {
		names[i] = c.field.Name
	}
	return names
}

// columnsOf are those that a statement carries values of.
func (t *table) columnsOf(verb targets.Verb) []column {
	switch verb {
	case targets.Delete:
		return t.columns[:t.keys]
	case targets.MarkDeleted:
		return append(slices.Clone(t.columns[:t.keys]), t.marks()...)
	}
	return t.columns
}

// marks is the column that says since when a row is gone, as the only value of a document; none: the destination has no marks.
func (t *table) marks() []column {
	at := slices.IndexFunc(t.columns, func(c column) bool { return !c.key && t.dest.Mark != "" && c.field.Name == t.dest.Mark })
	if at < 0 {
		return nil
	}
	c := t.columns[at]
	c.at = 0
	return []column{c}
}

// versions is the column of versions.
func (t *table) versions() column {
	field := versionField(t.version)
	return column{field: field, form: formOf(field), want: typeOf(field, false), at: -1}
}

func versionField(name string) targets.Field {
	return targets.Field{Name: name, Kind: targets.KindInt, Native: "bigint", Bits: 64}
}

// guarded begins both statements: it locks the epoch, and looks that the table still is the one that was prepared.
// $1 is the destination, $2 its epoch, $3 the table's oid. It returns whether it held the epoch, and which rows were not written.
const guarded = "WITH e AS MATERIALIZED (SELECT 1 FROM " + ownSchema + ".epochs WHERE destination = $1 AND epoch = $2" +
	" AND to_regclass(%s) = $3::oid FOR SHARE), u AS (SELECT * FROM unnest(%s) WITH ORDINALITY AS u(%s, n)), w AS (%s)" +
	" SELECT (SELECT count(*) FROM e), %s::int8[]"

// statement guards the body of one that does a verb. Without versions all rows are written, or the server says why not.
func (t *table) statement(verb targets.Verb, body string) string {
	missed := "NULL"
	arrays, names := unnested(t.columnsOf(verb), 4)
	if t.version != "" {
		arrays += fmt.Sprintf(", $%d::int8[]", 4+len(t.columnsOf(verb)))
		names += ", v"
		var keys, same []string
		for i, c := range t.columns[:t.keys] {
			keys = append(keys, fmt.Sprintf("t.%s AS k%d", quote(c.field.Name), i))
			same = append(same, fmt.Sprintf("w.k%d = u.c%d::%s", i, i, c.typ))
		}
		body += " RETURNING " + strings.Join(keys, ", ")
		missed = "ARRAY(SELECT u.n FROM u WHERE NOT EXISTS (SELECT FROM w WHERE " + strings.Join(same, " AND ") + ") ORDER BY u.n)"
	}
	return fmt.Sprintf(guarded, literal(quoteTable(t.dest.Name)), arrays, names, body, missed)
}

// unnested are the parameters of unnest for columns, the first of which is $first, and the names of what it gives.
func unnested(columns []column, first int) (arrays, names string) {
	var parameters, called []string
	for i, c := range columns {
		parameters = append(parameters, fmt.Sprintf("$%d::%s", first+i, c.form.array()))
		called = append(called, fmt.Sprintf("c%d", i))
	}
	return strings.Join(parameters, ", "), strings.Join(called, ", ")
}

// compile makes the statements; have says of which type a column is, and whether it is written: a generated one is not. All that
// is compared with a column has its type: the source's may be narrower than what the column holds.
func (t *table) compile(have map[string]existing) {
	var into, from, set, match, keys []string
	for i, c := range t.columns {
		name, value := quote(c.field.Name), fmt.Sprintf("u.c%d", i)
		there := have[c.field.Name]
		if there.typ != "" {
			value += "::" + there.typ
		}
		t.columns[i].typ, t.columns[i].limit = cmp.Or(there.typ, c.want.name), there.length
		if c.key {
			match = append(match, "t."+name+" = "+value)
			keys = append(keys, name)
		}
		if there.generated {
			continue
		}
		into, from = append(into, name), append(from, value)
		if !c.key {
			set = append(set, name+" = EXCLUDED."+name)
		}
	}
	ours, _ := t.leftovers(have)
	set = append(set, emptied(ours)...)
	older := ""
	if t.version != "" {
		name := quote(t.version)
		into, from, set = append(into, name), append(from, "u.v"), append(set, name+" = EXCLUDED."+name)
		older = "(t." + name + " IS NULL OR t." + name + " < %s)"
	}
	do := "DO NOTHING"
	if len(set) > 0 {
		do = "DO UPDATE SET " + strings.Join(set, ", ")
	}
	if older != "" {
		do += " WHERE " + fmt.Sprintf(older, "EXCLUDED."+quote(t.version))
		match = append(match, fmt.Sprintf(older, "u.v"))
	}
	name := quoteTable(t.dest.Name)
	t.upsert = t.statement(targets.Upsert, "INSERT INTO "+name+" AS t ("+strings.Join(into, ", ")+") OVERRIDING SYSTEM VALUE SELECT "+
		strings.Join(from, ", ")+" FROM u, e ON CONFLICT ("+strings.Join(keys, ", ")+") "+do)
	if marks := t.marks(); len(marks) > 0 {
		mark := quote(marks[0].field.Name)
		set := fmt.Sprintf("%s = coalesce(t.%s, u.c%d::%s)", mark, mark, t.keys, marks[0].typ)
		where := match
		if t.version != "" {
			set += ", " + quote(t.version) + " = u.v"
		} else { // there is nothing to be written where there is a mark
			where = append(slices.Clone(match), "t."+mark+" IS NULL")
		}
		t.mark = t.statement(targets.MarkDeleted, "UPDATE "+name+" AS t SET "+set+" FROM u, e WHERE "+strings.Join(where, " AND "))
	}
	t.remove = t.statement(targets.Delete, "DELETE FROM "+name+" AS t USING u, e WHERE "+strings.Join(match, " AND "))
}

// literal quotes a text.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
