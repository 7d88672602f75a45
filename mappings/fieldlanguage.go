package mappings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// fields reads what is said of single columns.
func (l *loader) fields(node ast.Node) []Field {
	var list []Field
	columns, _ := l.entries(node, "fields", nil)
	for _, column := range columns {
		said, ok := l.entries(column.value, "field "+column.key.Value, keyNames(fieldKeys))
		if !ok {
			continue
		}
		field := Field{Column: column.key}
		if to, ok := said.get("to"); ok {
			field.To = l.fieldName(to.value, "to")
		}
		for key, into := range map[string]*Text{
			"type": &field.Type, "zone": &field.Zone, "mask": &field.Mask, "key": &field.Key, "value": &field.Value, "expr": &field.Expr,
		} {
			entry, ok := said.get(key)
			if !ok {
				continue
			}
			if text, ok := l.text(entry.value, key); ok {
				*into = text
			}
		}
		if date, ok := said.get("zero_date"); ok {
			field.ZeroDate = l.zeroDate(date.value)
		}
		if scale, ok := said.get("scale"); ok {
			field.Scale = l.scale(scale.value)
		}
		l.checkField(field, said)
		list = append(list, field)
	}
	return list
}

func (l *loader) fieldName(node ast.Node, what string) Text {
	name, ok := l.text(node, what)
	if !ok {
		return Text{}
	}
	if problem := badField(name.Value); problem != "" {
		l.problems.add(name.At, "", "field name %q: %s", name.Value, problem)
	}
	return name
}

// zeroDate reads a word that YAML may take for its own null.
func (l *loader) zeroDate(node ast.Node) Text {
	if _, null := node.(*ast.NullNode); null {
		return Text{"null", l.place(node)}
	}
	text, ok := l.text(node, "zero_date")
	if ok && !isZeroDate(text.Value) {
		l.problems.add(text.At, "", "zero_date is %q: want null, error or a date such as 1970-01-01", text.Value)
	}
	return text
}

func (l *loader) scale(node ast.Node) int {
	if number, ok := node.(*ast.IntegerNode); ok {
		if n, ok := number.Value.(uint64); ok && n > 0 && n <= 1e15 {
			return int(n)
		}
	}
	l.problems.add(l.place(node), "", "scale is %s: want a whole number above 0, such as 100", describe(node))
	return 0
}

// checkField looks for what does not go together under one name.
func (l *loader) checkField(f Field, said entries) {
	at := func(key string) Place {
		entry, _ := said.get(key)
		return entry.key.At
	}
	if f.Value.Value != "" && f.Expr.Value != "" {
		l.problems.add(at("expr"), "", "field %s has a `value` and an `expr`: say one of them", f.Column.Value)
	}
	if f.Scale != 0 && f.Type.Value == "" {
		l.problems.add(at("scale"), "add `type: scaled_float`", "field %s has a `scale` and no `type`", f.Column.Value)
	}
	if f.Zone.Value != "" {
		if _, err := time.LoadLocation(f.Zone.Value); err != nil || f.Zone.Value == "Local" {
			l.problems.add(f.Zone.At, "such as Europe/Vienna or UTC", "zone: there is no time zone %q", f.Zone.Value)
		}
	}
	switch mask, key := f.Mask.Value, f.Key.Value; {
	case mask == "" && key != "":
		l.problems.add(at("key"), "add `mask: hash`", "field %s has a `key` and no `mask`", f.Column.Value)
	case mask == "":
	case !slices.Contains(maskWords, mask):
		hint := didYouMean(mask, maskWords)
		if hint == "" {
			hint = "known are " + strings.Join(maskWords, ", ")
		}
		l.problems.add(f.Mask.At, hint, "mask: there is no %q", mask)
	case mask != "hash" && key != "":
		l.problems.add(at("key"), "", "field %s: `mask: %s` takes no key", f.Column.Value, mask)
	case mask == "hash" && key == "":
		if _, tried := said.get("key"); !tried {
			l.problems.add(f.Mask.At, `add key: "${MASK_KEY}" and set that variable`, "field %s: `mask: hash` needs a key", f.Column.Value)
		}
	case variable.MatchString(key): // it is not set, which was said
	case mask == "hash" && len(key) < leastKey:
		l.problems.add(f.Key.At, "", "field %s: the key has %d characters: want at least %d, or hashes can be undone by trying", f.Column.Value, len(key), leastKey)
	}
	if f.Value.Value != "" {
		parseTemplate(f.Value, &l.problems)
	}
}

var maskWords = []string{"hash", "redact", "last4"}

// checkFields looks for what needs no table to be seen as wrong.
func (l *loader) checkFields(m Mapping) {
	for _, field := range m.Fields {
		same := func(column Text) bool { return column.Value == field.Column.Value }
		switch {
		case slices.ContainsFunc(m.Exclude, same):
			l.problems.add(field.Column.At, "", "column %q is excluded and has something said in fields", field.Column.Value)
		case field.computed():
		case m.Columns != nil && !slices.ContainsFunc(m.Columns, same):
			l.problems.add(field.Column.At, "", "column %q has something said in fields and is not among columns", field.Column.Value)
		}
	}
}

// computed reports whether the field's value is not simply a column's.
func (f Field) computed() bool { return f.Value.Value != "" || f.Expr.Value != "" }

// badField says what is wrong with a field's name.
func badField(name string) string {
	for _, segment := range strings.Split(name, ".") {
		if segment == "" {
			return "a dot nests, and stands between two names"
		}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "it must not hold control characters"
	}
	return ""
}

// nestedIn says which of two names is an object that holds the other.
func nestedIn(a, b string) string {
	switch {
	case strings.HasPrefix(b, a+"."):
		return fmt.Sprintf("%q would hold %q", a, b)
	case strings.HasPrefix(a, b+"."):
		return fmt.Sprintf("%q would hold %q", b, a)
	}
	return ""
}
