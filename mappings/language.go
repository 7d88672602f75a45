package mappings

import (
	"cmp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/source"
)

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
	entries, ok := l.entries(node, "a mapping", keyNames(mappingKeys))
	if !ok {
		return m, false
	}
	if name, ok := entries.get("name"); ok {
		m.Name, _ = l.text(name.value, "name")
		if strings.Trim(m.Name.Value, nameCharacters) != "" || len(m.Name.Value) > 100 {
			l.problems.add(m.Name.At, "", "name %q: want at most 100 letters, digits, `_`, `-` or `.`", m.Name.Value)
		}
	}
	if from, ok := entries.get("from"); ok {
		m.From = l.from(from.value)
	} else {
		l.problems.add(l.place(node), "name a table, such as `from: shop.orders`", "the mapping has no `from`")
	}
	for key, into := range map[string]*Text{"to": &m.To, "id": &m.ID, "where": &m.Where} {
		said, ok := entries.get(key)
		if !ok {
			continue
		}
		if text, ok := l.text(said.value, key); ok { // a variable that is not set is no name in braces
			*into = text
		}
	}
	if adopt, ok := entries.get("adopt"); ok {
		if truth, is := adopt.value.(*ast.BoolNode); is {
			m.Adopt = truth.Value
		} else {
			l.problems.add(l.place(adopt.value), "", "adopt is %s: want true or false", describe(adopt.value))
		}
	}
	m.Policies = l.policies(m, entries)
	l.templates(m)
	l.choice(&m, entries)
	if fields, ok := entries.get("fields"); ok {
		m.Fields = l.fields(fields.value)
		l.checkFields(m)
	}
	if onDelete, ok := entries.get("on_delete"); ok {
		m.Mark = l.onDelete(onDelete.value)
	}
	m.Blocks = l.blocks(entries)
	return m, true
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

// templates finds what is wrong with templates whatever the table is.
func (l *loader) templates(m Mapping) {
	if m.ID.Value != "" {
		parseTemplate(m.ID, &l.problems)
	}
	if m.To.Value != "" {
		parseTemplate(m.To, &l.problems)
	}
}

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
		if cmp.Or(cmp.Compare(columns.key.At.Line, exclude.key.At.Line), cmp.Compare(columns.key.At.Column, exclude.key.At.Column)) > 0 {
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

// onDelete reads what becomes of the documents of rows that go: the field of the mark, if they are to stay.
func (l *loader) onDelete(node ast.Node) Text {
	if word, ok := node.(*ast.StringNode); ok && word.Value == "delete" {
		return Text{}
	}
	if isScalar(node) || isText(node) {
		l.problems.add(l.place(node), "", "on_delete is %s: want `delete` or {mark: <field>}", describe(node))
		return Text{}
	}
	entries, ok := l.entries(node, "on_delete", []string{"mark"})
	if !ok {
		return Text{}
	}
	mark, ok := entries.get("mark")
	if !ok {
		l.problems.add(l.place(node), "such as {mark: deleted_at}", "on_delete names no field for the mark")
		return Text{}
	}
	return l.fieldName(mark.value, "mark")
}

func isText(node ast.Node) bool {
	_, ok := node.(*ast.StringNode)
	return ok
}

// blocks reads what is said for single targets. What may be said is the driver's to know.
func (l *loader) blocks(entries entries) []Block {
	var list []Block
	for _, key := range mappingKeys {
		said, ok := entries.get(key.Name)
		if !ok || key.Form != FormOptions {
			continue
		}
		block := Block{Target: said.key}
		settings, _ := l.entries(said.value, key.Name, nil)
		for _, setting := range settings {
			block.Settings = append(block.Settings, Setting{Name: setting.key, Value: l.plain(setting.value), At: l.place(setting.value)})
		}
		list = append(list, block)
	}
	return list
}

// plain returns what a node holds, as Setting has it.
func (l *loader) plain(node ast.Node) any {
	switch n := node.(type) {
	case *ast.StringNode:
		text, _ := l.expanded(Text{n.Value, l.place(node)})
		return text.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return v
		case uint64:
			if v <= 1<<63-1 {
				return int64(v)
			}
		}
	case *ast.FloatNode:
		return n.Value
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			list[i] = l.plain(item)
		}
		return list
	case *ast.MappingNode, *ast.MappingValueNode:
		out := map[string]any{}
		entries, _ := l.entries(node, "this", nil)
		for _, entry := range entries {
			out[entry.key.Value] = l.plain(entry.value)
		}
		return out
	}
	l.problems.add(l.place(node), "", "%s cannot stand here", describe(node))
	return nil
}
