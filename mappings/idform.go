package mappings

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// idForm makes ids by a template, and takes them apart. Different values give different ids: where a value
// holds the character with which the text behind it begins, that gets a backslash, and so does a backslash.
type idForm struct {
	parts []idPart
	keys  int // columns of the key
}

type idPart struct {
	literal string // fixed, of the template or of {db} and {table}, escaped
	key     int    // index in the key's columns; -1: literal
	stop    rune   // what is escaped in the value; 0: it is the last part, and goes as it is
}

// newIDForm compiles a template for a table; names were checked.
func newIDForm(t template, table source.Table, key []source.Column) *idForm {
	f := &idForm{keys: len(key)}
	for i, p := range t.parts {
		if p.name == "" {
			f.parts = append(f.parts, idPart{literal: p.literal, key: -1})
			continue
		}
		var stop rune
		if i+1 < len(t.parts) {
			stop, _ = utf8.DecodeRuneInString(t.parts[i+1].literal)
		}
		if fixed, ok := tableName(p.name, table); ok {
			f.parts = append(f.parts, idPart{literal: escaped(fixed, stop), key: -1})
			continue
		}
		for at, column := range key {
			if column.Name == p.name {
				f.parts = append(f.parts, idPart{key: at, stop: stop})
			}
		}
	}
	return f
}

// tableName is the value of {db} and {table}.
func tableName(name string, table source.Table) (string, bool) {
	switch name {
	case "db":
		return table.Schema, true
	case "table":
		return table.Name, true
	}
	return "", false
}

// escaped puts a backslash before each stop and each backslash.
func escaped(text string, stop rune) string {
	if stop == 0 || !strings.ContainsRune(text, stop) && !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if r == stop || r == '\\' {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// join makes the id of a key's texts.
func (f *idForm) join(texts []string) targets.ID {
	var out strings.Builder
	for _, p := range f.parts {
		if p.key < 0 {
			out.WriteString(p.literal)
		} else {
			out.WriteString(escaped(texts[p.key], p.stop))
		}
	}
	return targets.ID(out.String())
}

// split is the inverse of join. It takes only ids that join makes.
func (f *idForm) split(id targets.ID) ([]string, error) {
	texts := make([]string, f.keys)
	rest := string(id)
	for _, p := range f.parts {
		if p.key < 0 {
			after, ok := strings.CutPrefix(rest, p.literal)
			if !ok {
				return nil, fmt.Errorf("not an id of this table: %q is missing", p.literal)
			}
			rest = after
			continue
		}
		texts[p.key], rest = unescaped(rest, p.stop)
	}
	if rest != "" || f.join(texts) != id {
		return nil, errNotCanonical
	}
	return texts, nil
}

// unescaped reads up to the first stop without a backslash before it.
func unescaped(text string, stop rune) (value, rest string) {
	if stop == 0 {
		return text, ""
	}
	var out strings.Builder
	after := false
	for i, r := range text {
		switch {
		case after:
			out.WriteRune(r)
			after = false
		case r == '\\':
			after = true
		case r == stop:
			return out.String(), text[i:]
		default:
			out.WriteRune(r)
		}
	}
	return out.String(), ""
}

// idTemplate reads a mapping's id and adds what is wrong with it for a table.
func idTemplate(m Mapping, columns source.Columns, wrong *problems) template {
	t := m.ID.template()
	if !t.keyed("id", columns, wrong) {
		return t
	}
	seen := map[string]bool{}
	for i, p := range t.parts {
		switch {
		case strings.Contains(p.literal, `\`):
			wrong.add(m.ID.At, "", `id %q: the character \ is kept for values that hold the text behind them`, m.ID.Value)
		case p.name != "" && seen[p.name]:
			wrong.add(t.at(p), "", "id: {%s} stands here a second time", p.name)
		case p.name != "" && i > 0 && t.parts[i-1].name != "":
			wrong.add(t.at(p), fmt.Sprintf("such as {%s}:{%s}", t.parts[i-1].name, p.name),
				"id: put something between {%s} and {%s}, or two rows may have one id", t.parts[i-1].name, p.name)
		}
		seen[p.name] = true
	}
	for _, column := range columns.KeyColumns() {
		if !seen[column.Name] {
			wrong.add(m.ID.At, fmt.Sprintf("add {%s}", column.Name),
				"id %q leaves out %s, which is part of the key of %s: rows that differ only there would share a document", m.ID.Value, column.Name, columns.Table)
		}
	}
	return t
}

// keyed says which names of a template are neither db, table nor columns of a table's key.
func (t template) keyed(what string, columns source.Columns, wrong *problems) bool {
	key := columnNames(columns.KeyColumns())
	for _, p := range t.parts {
		if _, fixed := tableName(p.name, columns.Table); fixed || slices.Contains(key, p.name) {
			continue
		}
		if _, isColumn := columns.Column(p.name); isColumn {
			wrong.add(t.at(p), "the key is "+strings.Join(key, ", "),
				"%s: column %q of %s is not part of the key: where the row is gone, nothing tells its value", what, p.name, columns.Table)
			return false
		}
	}
	return t.check(columns.KeyColumns(), columnNames(columns.Columns), wrong, what+": no key column %q in "+strings.ReplaceAll(columns.Table.String(), "%", "%%"))
}

func columnNames(columns []source.Column) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return names
}
