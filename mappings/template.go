package mappings

import (
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

// check says which names are unknown, or mean two things: what every table has, and a column of the key.
func (t template) check(known []string, problems *problems, of string) bool {
	fine := true
	for _, p := range t.parts {
		if _, both := tableName(p.name, source.Table{}); both && slices.Index(known, p.name) != lastIndex(known, p.name) {
			fine = false
			problems.add(t.text.inside(p.offset, len([]rune(p.name))+2), "leave it out; a key's column of this name cannot be named in a template",
				"{%s} may be that of the table, or the column %s of its key", p.name, p.name)
			continue
		}
		if p.name == "" || slices.Contains(known, p.name) {
			continue
		}
		fine = false
		advice := didYouMean(p.name, known)
		if advice == "" {
			advice = "known are " + strings.Join(known, ", ")
		}
		problems.add(t.text.inside(p.offset, len([]rune(p.name))+2), advice, "%s", fmt.Sprintf(of, p.name))
	}
	return fine
}

func lastIndex(list []string, one string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == one {
			return i
		}
	}
	return -1
}
