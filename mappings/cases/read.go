package cases

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// given is what case.yaml says.
type given struct {
	target, source mappings.Text
	mappings       []mappings.Text
	variables      map[string]string
	tables         []table
}

// table is a table of a case with its rows.
type table struct {
	columns source.Columns
	rows    [][]source.Value
}

// reader turns a case's file into what it says.
type reader struct {
	doc    *mappings.Document
	runner Runner
	typeOf func(native string) (source.Type, error)
}

// read reads case.yaml. The error holds everything that is wrong with it.
func (r Runner) read(file string, data []byte) (given, error) {
	var g given
	doc, root := mappings.ReadDocument(file, data)
	if root == nil {
		return g, doc.Err()
	}
	in := &reader{doc: doc, runner: r}
	said := map[string]ast.Node{}
	entries, _ := doc.Map(root, File, caseKeys)
	for _, entry := range entries {
		said[entry.Key.Value] = entry.Value
	}
	if node, ok := said["target"]; ok {
		g.target, _ = doc.Text(node, "target")
		in.oneOf(g.target, "target", keysOf(r.Targets))
	} else if g.target.Value = r.Target; r.Target == "" {
		doc.Fail(doc.Place(root), "write a line `target: "+keysOf(r.Targets)[0]+"`, or use --target", "no target is named")
	}
	if node, ok := said["source"]; ok {
		g.source, _ = doc.Text(node, "source")
	} else {
		g.source.Value = r.Source
	}
	in.oneOf(g.source, "source", keysOf(r.Sources))
	in.typeOf = r.Sources[g.source.Value]
	if node, ok := said["mappings"]; ok {
		g.mappings = doc.Texts(node, "mappings")
	}
	if node, ok := said["variables"]; ok {
		g.variables = map[string]string{}
		entries, _ := doc.Map(node, "variables", nil)
		for _, entry := range entries {
			value, _ := doc.Text(entry.Value, "variable "+entry.Key.Value)
			g.variables[entry.Key.Value] = value.Value
		}
	}
	if node, ok := said["tables"]; ok {
		for _, one := range doc.List(node, "tables") {
			g.tables = append(g.tables, in.table(one, g.tables))
		}
	}
	return g, doc.Err()
}

func (in *reader) oneOf(text mappings.Text, what string, known []string) {
	if text.Value != "" && !slices.Contains(known, text.Value) {
		in.doc.Fail(text.At, "known are "+strings.Join(known, ", "), "%s: there is no %q", what, text.Value)
	}
}

// table reads one table.
func (in *reader) table(node ast.Node, before []table) table {
	var t table
	said := map[string]ast.Node{}
	entries, _ := in.doc.Map(node, "a table", tableKeys)
	for _, entry := range entries {
		said[entry.Key.Value] = entry.Value
	}
	if name, ok := said["table"]; ok {
		t.columns.Table = in.name(name, before)
	}
	if columns, ok := said["columns"]; ok && !in.columns(&t.columns, columns) {
		return t // what is wrong with keys and rows follows from that
	}
	if key, ok := said["key"]; ok {
		in.key(&t.columns, key)
	}
	if refused, ok := said["refused"]; ok {
		text, _ := in.doc.Text(refused, "refused")
		t.columns.Refused, t.columns.Key = text.Value, nil
	}
	if rows, ok := said["rows"]; ok {
		for _, row := range in.doc.List(rows, "rows") {
			t.rows = append(t.rows, in.row(row, t.columns))
		}
	}
	return t
}

func (in *reader) name(node ast.Node, before []table) source.Table {
	text, ok := in.doc.Text(node, "table")
	schema, name, dotted := strings.Cut(text.Value, ".")
	t := source.Table{Schema: schema, Name: name}
	switch {
	case !ok:
	case !dotted || schema == "" || name == "":
		in.doc.Fail(text.At, "such as shop.orders", "table %q: want its database or schema, a dot and its name", text.Value)
	case slices.ContainsFunc(before, func(b table) bool { return b.columns.Table == t }):
		in.doc.Fail(text.At, "", "table %s stands here a second time", t)
	}
	return t
}

// columns reads the columns; false if something is wrong with them.
func (in *reader) columns(t *source.Columns, node ast.Node) bool {
	entries, ok := in.doc.Map(node, "columns", nil)
	for i, entry := range entries {
		if strings.HasSuffix(entry.Key.Value, ")") && i > 0 {
			continue // the rest of a type that was cut at its comma, as the column before says
		}
		if column, ok := in.column(entry); ok {
			column.Ordinal = i + 1
			t.Columns = append(t.Columns, column)
		}
	}
	return ok && len(t.Columns) == len(entries)
}

// column reads a column's type.
func (in *reader) column(entry mappings.Entry) (source.Column, bool) {
	column := source.Column{Name: entry.Key.Value, Nullable: true}
	text, ok := in.doc.Text(entry.Value, "the type of column "+column.Name)
	if !ok || in.typeOf == nil {
		return column, false
	}
	native := strings.TrimSpace(text.Value)
	if at := len(native) - len("not null"); at > 0 && strings.EqualFold(native[at:], "not null") {
		native, column.Nullable = strings.TrimSpace(native[:at]), false
	}
	if strings.Count(native, "(") != strings.Count(native, ")") {
		in.doc.Fail(text.At, `put the type in quotes: "decimal(12,2)"`, "column %s: the type %s has a ( without a )", column.Name, native)
		return column, false
	}
	var err error
	if column.Type, err = in.typeOf(native); err != nil {
		in.doc.FailWith(text.At, "column "+column.Name, err)
		return column, false
	}
	return column, true
}

func (in *reader) key(columns *source.Columns, node ast.Node) {
	for _, text := range in.doc.Texts(node, "key") {
		at := slices.IndexFunc(columns.Columns, func(c source.Column) bool { return c.Name == text.Value })
		if at < 0 {
			in.doc.Fail(text.At, "", "key: no column %q in %s", text.Value, columns.Table)
			continue
		}
		columns.Columns[at].Nullable = false
		columns.Key = append(columns.Key, at)
	}
}

// row reads the values of a row, in the order of the columns.
func (in *reader) row(node ast.Node, columns source.Columns) []source.Value {
	values := make([]source.Value, len(columns.Columns))
	said := make([]bool, len(values))
	entries, ok := in.doc.Map(node, "a row", nil)
	for _, entry := range entries {
		at := slices.IndexFunc(columns.Columns, func(c source.Column) bool { return c.Name == entry.Key.Value })
		if at < 0 {
			in.doc.Fail(entry.Key.At, "", "no column %q in %s", entry.Key.Value, columns.Table)
			continue
		}
		said[at] = true
		values[at] = in.value(entry.Value, columns.Columns[at])
	}
	for i, column := range columns.Columns {
		if ok && !said[i] && !column.Nullable {
			in.doc.Fail(in.doc.Place(node), "", "the row has no value for %s, which cannot be NULL", column.Name)
		}
	}
	return values
}
