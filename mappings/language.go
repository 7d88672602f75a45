package mappings

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/source"
)

// mappingKeys are the keys of a mapping, in the order in which to write them.
var mappingKeys = []string{"name", "from", "to", "columns", "exclude", "fields", "on_schema_change", "new_tables"}

func (l *loader) mappings(node ast.Node) []Mapping {
	var list []Mapping
	names := map[string]Place{}
	for _, item := range l.list(node, "mappings") {
		mapping, ok := l.mapping(item)
		if !ok {
			continue
		}
		list = append(list, mapping)
		name := mapping.Name
		if name.Value == "" {
			continue
		}
		if first, ok := names[name.Value]; ok {
			l.problems.add(name.At, "", "two mappings are named %q, the first in line %d", name.Value, first.Line)
			continue
		}
		names[name.Value] = name.At
	}
	return list
}

// mapping reads one mapping. It returns false if there is nothing to go on with.
func (l *loader) mapping(node ast.Node) (Mapping, bool) {
	var m Mapping
	entries, ok := l.entries(node, "a mapping", mappingKeys)
	if !ok {
		return m, false
	}
	if name, ok := entries.get("name"); !ok {
		l.problems.add(l.place(node), "its progress is kept under it", "the mapping has no `name`")
	} else if text, ok := l.text(name.value, "name"); ok {
		m.Name = text
		if strings.Trim(text.Value, nameCharacters) != "" || len(text.Value) > 100 {
			l.problems.add(text.At, "", "name %q: want at most 100 letters, digits, `_`, `-` or `.`", text.Value)
		}
	}
	if from, ok := entries.get("from"); ok {
		m.From = l.from(from.value)
	} else {
		l.problems.add(l.place(node), "name a table, such as `from: shop.orders`", "the mapping has no `from`")
	}
	if to, ok := entries.get("to"); ok {
		m.To, _ = l.text(to.value, "to")
	}
	m.Policies = l.policies(entries)
	l.choice(&m, entries)
	if fields, ok := entries.get("fields"); ok {
		m.Fields = l.fields(fields.value)
		l.checkFields(m)
	}
	return m, true
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

// choice reads which columns a mapping takes.
func (l *loader) choice(m *Mapping, entries entries) {
	columns, hasColumns := entries.get("columns")
	exclude, hasExclude := entries.get("exclude")
	if hasColumns {
		m.Columns = l.texts(columns.value, "columns", "a column")
	}
	if hasExclude {
		m.Exclude = l.texts(exclude.value, "exclude", "a column")
	}
	if hasColumns && hasExclude {
		second := exclude
		if columns.key.At.Line > exclude.key.At.Line || columns.key.At.Line == exclude.key.At.Line && columns.key.At.Column > exclude.key.At.Column {
			second = columns
		}
		l.problems.add(second.key.At, "", "a mapping has `columns` or `exclude`, not both")
	}
}

// from reads one pattern or a list of them.
func (l *loader) from(node ast.Node) []From {
	var texts []Text
	if _, ok := node.(*ast.SequenceNode); ok {
		texts = l.texts(node, "from", "a table")
	} else if text, ok := l.text(node, "from"); ok {
		texts = []Text{text}
	}
	var list []From
	for _, text := range texts {
		pattern, err := source.ParsePattern(text.Value, "")
		if err != nil {
			l.problems.add(text.At, "", "%v", err)
			continue
		}
		list = append(list, From{Pattern: pattern, At: text.At})
	}
	return list
}

// fields reads what is said of single columns.
func (l *loader) fields(node ast.Node) []Field {
	var list []Field
	columns, _ := l.entries(node, "fields", nil)
	for _, column := range columns {
		said, ok := l.entries(column.value, "field "+column.key.Value, fieldKeys)
		if !ok {
			continue
		}
		field := Field{Column: column.key}
		if to, ok := said.get("to"); ok {
			field.To = l.fieldName(to.value)
		}
		list = append(list, field)
	}
	return list
}

// fieldKeys are what can be said of a column.
var fieldKeys = []string{"to"}

func (l *loader) fieldName(node ast.Node) Text {
	name, ok := l.text(node, "to")
	if !ok {
		return Text{}
	}
	if problem := badField(name.Value); problem != "" {
		l.problems.add(name.At, "", "field name %q: %s", name.Value, problem)
	}
	return name
}

// checkFields looks for what needs no table to be seen as wrong.
func (l *loader) checkFields(m Mapping) {
	for _, field := range m.Fields {
		same := func(column Text) bool { return column.Value == field.Column.Value }
		switch {
		case slices.ContainsFunc(m.Exclude, same):
			l.problems.add(field.Column.At, "", "column %q is excluded and has something said in fields", field.Column.Value)
		case m.Columns != nil && !slices.ContainsFunc(m.Columns, same):
			l.problems.add(field.Column.At, "", "column %q has something said in fields and is not among columns", field.Column.Value)
		}
	}
}
