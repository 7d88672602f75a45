package mysql

import "strings"

// tokenKind sorts the tokens of a statement as far as table changes need it.
type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a keyword or an unquoted name
	tokenName             // a quoted name
	tokenText             // a string
	tokenSymbol           // anything else, one byte
)

type token struct {
	kind tokenKind
	text string // without quotes
}

// is reports whether the token is this keyword (in upper case) or symbol.
func (t token) is(word string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.text, word) || t.kind == tokenSymbol && t.text == word
}

// keyword returns an unquoted word in upper case, and nothing for all others: a string is a value,
// which belongs into no message.
func (t token) keyword() string {
	if t.kind != tokenWord {
		return ""
	}
	return strings.ToUpper(t.text)
}

// dialect is how the session that wrote a statement read it.
type dialect struct {
	ansiQuotes  bool // "x" is a name
	noBackslash bool // a backslash in a string is just that
	mariaDB     bool
	version     int  // of the server, 80036 for 8.0.36: executable comments may ask for one
	foldNames   bool // lower_case_table_names=1: names are kept in lower case
}

// lexer cuts a statement into tokens. The text of an executable comment is part of the statement,
// all other comments are space.
type lexer struct {
	dialect
	rest string
}

func (l *lexer) next() token {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n\v\f\x00")
		if !l.skipComment() {
			break
		}
	}
	if l.rest == "" {
		return token{}
	}
	switch c := l.rest[0]; {
	case c == '`', c == '"' && l.ansiQuotes:
		return token{tokenName, l.quoted(c, false)}
	case c == '\'', c == '"':
		return token{tokenText, l.quoted(c, !l.noBackslash)}
	case isWordByte(c):
		n := 1
		for n < len(l.rest) && isWordByte(l.rest[n]) {
			n++
		}
		return token{tokenWord, l.cut(n)}
	}
	return token{tokenSymbol, l.cut(1)}
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

func (l *lexer) cut(n int) string {
	text := l.rest[:n]
	l.rest = l.rest[n:]
	return text
}

// skipComment skips one comment, or the opening or closing mark of an executable one.
func (l *lexer) skipComment() bool {
	switch {
	case strings.HasPrefix(l.rest, "#"), strings.HasPrefix(l.rest, "--") && (len(l.rest) == 2 || l.rest[2] <= ' '):
		_, l.rest, _ = strings.Cut(l.rest, "\n")
	case strings.HasPrefix(l.rest, "*/"):
		l.cut(2)
	case strings.HasPrefix(l.rest, "/*"):
		if n := l.executable(); n > 0 {
			l.cut(n)
			return true
		}
		_, l.rest, _ = strings.Cut(l.rest[2:], "*/")
	default:
		return false
	}
	return true
}

// executable returns the length of the opening mark if the server executes what is in the comment.
func (l *lexer) executable() int {
	n := 3
	switch {
	case strings.HasPrefix(l.rest, "/*!"):
	case strings.HasPrefix(l.rest, "/*M!") && l.mariaDB:
		n = 4
	default:
		return 0
	}
	version, digits := 0, 0
	for ; digits < 6 && n < len(l.rest) && l.rest[n] >= '0' && l.rest[n] <= '9'; digits++ {
		version = version*10 + int(l.rest[n]-'0')
		n++
	}
	// MariaDB does not have what MySQL 5.7 and later ask for.
	if digits >= 5 && (version > l.version || l.mariaDB && l.rest[2] == '!' && version >= 50700 && version <= 99999) {
		return 0
	}
	return n
}

func (l *lexer) quoted(quote byte, backslash bool) string {
	var text strings.Builder
	for i := 1; i < len(l.rest); i++ {
		c := l.rest[i]
		switch {
		case c == '\\' && backslash && i+1 < len(l.rest):
			i++
			c = l.rest[i]
		case c == quote && i+1 < len(l.rest) && l.rest[i+1] == quote:
			i++
		case c == quote:
			l.cut(i + 1)
			return text.String()
		}
		text.WriteByte(c)
	}
	l.rest = ""
	return text.String()
}
