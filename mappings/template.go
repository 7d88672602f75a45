package mappings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// template is a text with names in braces.
type template struct {
	text  Text
	parts []part
}

// part of a template: a literal, or a name.
type part struct {
	literal string
	name    string
	offset  int // of the name in the text, in characters
}

// parseTemplate reads a text with {names}; {{ and }} are braces. What is wrong is added to the problems.
func parseTemplate(text Text, problems *problems) template {
	t := template{text: text}
	runes := []rune(text.Value)
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		twice := i+1 < len(runes) && runes[i+1] == c
		switch {
		case (c == '{' || c == '}') && twice:
			literal.WriteRune(c)
			i++
		case c == '}':
			problems.add(text.inside(i, 1), "write }} for the character } itself", "%q: a } without a {", text.Value)
			return t
		case c == '{':
			end := i + 1
			for end < len(runes) && runes[end] != '}' {
				end++
			}
			if end == len(runes) || end == i+1 {
				problems.add(text.inside(i, end-i), "write {db}, {table} or the name of a key column in braces, or {{ for the character { itself", "%q: a { without a name and }", text.Value)
				return t
			}
			flush()
			t.parts = append(t.parts, part{name: string(runes[i+1 : end]), offset: i})
			i = end
		default:
			literal.WriteRune(c)
		}
	}
	flush()
	return t
}

// names returns whether a name occurs in the template.
func (t template) names(name string) bool {
	for _, p := range t.parts {
		if p.name == name {
			return true
		}
	}
	return false
}

// render puts texts in place of the names.
func (t template) render(text func(name string) string) string {
	var out strings.Builder
	for _, p := range t.parts {
		out.WriteString(p.literal)
		if p.name != "" {
			out.WriteString(text(p.name))
		}
	}
	return out.String()
}

// at is where a name stands, with its braces.
func (t template) at(p part) Place { return t.text.inside(p.offset, len([]rune(p.name))+2) }

// check says which names are neither db, table nor a column of the key, or are both. Others are columns that may have
// been meant.
func (t template) check(key []source.Column, others []string, problems *problems, of string) bool {
	fine := true
	known := []string{"db", "table"}
	for _, column := range key {
		known = append(known, column.Name)
	}
	for _, p := range t.parts {
		_, ofTable := tableName(p.name, source.Table{})
		ofKey := slices.Contains(known[2:], p.name)
		if p.name == "" || ofTable != ofKey {
			continue
		}
		fine = false
		if ofKey {
			problems.add(t.at(p), "leave it out; a key's column of this name cannot be named in a template",
				"{%s} may be that of the table, or the column %s of its key", p.name, p.name)
			continue
		}
		advice := didYouMean(p.name, known)
		if near := didYouMean(p.name, others); advice == "" && near != "" {
			advice = near + " The key is " + strings.Join(known[2:], ", ")
		}
		problems.add(t.at(p), cmp.Or(advice, "known are "+strings.Join(known, ", ")), "%s", fmt.Sprintf(of, p.name))
	}
	return fine
}

// template is the text as a template. What is wrong with it was said when it was read.
func (t Text) template() template {
	var said problems
	return parseTemplate(t, &said)
}
