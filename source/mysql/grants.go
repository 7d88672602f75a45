package mysql

import (
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// grant is a line of SHOW GRANTS.
type grant struct {
	privileges []string // upper case; of single columns with their list, as SELECT (`a`)
	level      string   // as the server prints it: *.*, `shop`.*, `shop`.`orders`, PROCEDURE `a`.`b`
	schema     string   // of a level below *.*: a LIKE pattern where table is empty
	table      string   // empty: all of the schema
	to         string   // whom it is given to, as printed
	revoked    bool     // a partial revoke: it takes away from *.*
}

const (
	allPrivileges = "ALL PRIVILEGES"
	grantOption   = "GRANT OPTION"
	everywhere    = "*.*"
)

// parseGrant reads a line of SHOW GRANTS; false for those that are about something else, such as a role.
func parseGrant(line string) (grant, bool) {
	var g grant
	rest, ok := strings.CutPrefix(line, "GRANT ")
	end := " TO "
	if !ok {
		if rest, g.revoked = strings.CutPrefix(line, "REVOKE "); !g.revoked {
			return g, false
		}
		end = " FROM "
	}
	parts := cutUnquoted(rest, " ON ", end)
	if len(parts) != 3 {
		return g, false
	}
	for _, privilege := range splitUnquoted(parts[0], ',') {
		g.privileges = append(g.privileges, strings.TrimSpace(privilege))
	}
	g.level = parts[1]
	if g.level != everywhere {
		names := splitUnquoted(g.level, '.')
		if len(names) == 2 {
			g.schema, g.table = unquote(names[0]), unquote(names[1])
			if names[1] == "*" {
				g.table = ""
			}
		}
	}
	g.to, _, _ = strings.Cut(parts[2], " ")
	if strings.HasSuffix(parts[2], " WITH "+grantOption) {
		g.privileges = append(g.privileges, grantOption)
	}
	return g, true
}

// gives reports whether a privilege is among those of the line.
func (g grant) gives(privilege string) bool {
	return slices.Contains(g.privileges, privilege) || slices.Contains(g.privileges, allPrivileges)
}

// covers reports whether a line is about a table.
func (g grant) covers(t source.Table, fold bool) bool {
	switch {
	case g.level == everywhere:
		return true
	case g.table != "":
		return equalName(g.schema, t.Schema, fold) && equalName(g.table, t.Name, fold)
	}
	return g.coversSchema(t.Schema, fold)
}

func (g grant) coversSchema(schema string, fold bool) bool {
	if g.level == everywhere {
		return true
	}
	pattern := g.schema
	if fold {
		pattern, schema = strings.ToLower(pattern), strings.ToLower(schema)
	}
	return g.table == "" && like(pattern, schema)
}

func equalName(a, b string, fold bool) bool { return a == b || fold && strings.EqualFold(a, b) }

// like is SQL's LIKE: % is any text, _ any character, and a backslash takes either as it is.
func like(pattern, text string) bool {
	p, s := []rune(pattern), []rune(text)
	for len(p) > 0 {
		switch {
		case p[0] == '%':
			for i := 0; i <= len(s); i++ {
				if like(string(p[1:]), string(s[i:])) {
					return true
				}
			}
			return false
		case len(s) == 0:
			return false
		case p[0] == '\\' && len(p) > 1:
			if p = p[1:]; p[0] != s[0] {
				return false
			}
		case p[0] != '_' && p[0] != s[0]:
			return false
		}
		p, s = p[1:], s[1:]
	}
	return len(s) == 0
}

// cutUnquoted splits a text at the first place of each separator, in their order, that is not within quotes or parentheses.
func cutUnquoted(text string, separators ...string) []string {
	var parts []string
	for _, separator := range separators {
		at := -1
		eachUnquoted(text, func(i int) bool {
			if strings.HasPrefix(text[i:], separator) {
				at = i
			}
			return at < 0
		})
		if at < 0 {
			return parts
		}
		parts, text = append(parts, text[:at]), text[at+len(separator):]
	}
	return append(parts, text)
}

// splitUnquoted splits a text at a character that is not within quotes or parentheses.
func splitUnquoted(text string, separator byte) []string {
	var parts []string
	from := 0
	eachUnquoted(text, func(i int) bool {
		if text[i] == separator {
			parts, from = append(parts, text[from:i]), i+1
		}
		return true
	})
	return append(parts, text[from:])
}

// eachUnquoted visits the bytes of a text that are not within quotes or parentheses, until visit says no.
func eachUnquoted(text string, visit func(i int) bool) {
	quote, depth := byte(0), 0
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0 // a doubled one opens again
			}
			continue
		case c == '`' || c == '\'' || c == '"':
			quote = c
			continue
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
		if depth == 0 && !visit(i) {
			return
		}
	}
}

// unquote takes the backticks off a name.
func unquote(name string) string {
	if inner, ok := strings.CutPrefix(name, "`"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return name
}
