package mappings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Place is where something stands in a file. The zero Place is nowhere: nobody wrote it.
type Place struct {
	File   string
	Line   int    // from 1
	Column int    // from 1, in characters
	Text   string // the line
	Width  int    // how many characters are meant, from Column; 0: one
}

// Error is one thing that is wrong with a mapping, or worth a warning.
type Error struct {
	Place
	Message string // what is wrong
	Hint    string // what to do, or what was probably meant; part of the text; may be empty
	// Between are two tables that cannot share a destination: without one of them, nothing would be wrong. Nil: it is
	// about something else.
	Between []source.Table
}

// Error returns the error as compilers print theirs: place and message, then, where the place is
// known, the line with a caret under it.
//
//	meepo.yaml:7:5: unknown key "excludes": did you mean "exclude"?
//	   7 |     excludes: [note]
//	     |     ^^^^^^^^
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Short()
	}
	return fmt.Sprintf("%s:%d:%d: %s\n%s", e.File, e.Line, e.Column, e.Short(), e.Excerpt())
}

// Excerpt is the line with carets under what is meant, as two lines; nothing where the place is unknown.
func (p Place) Excerpt() string {
	if p.Line == 0 {
		return ""
	}
	// Tabs are kept, so that the caret stands under its character however wide they are shown.
	var indent strings.Builder
	for i, r := range []rune(p.Text) {
		switch {
		case i >= p.Column-1:
		case r == '\t':
			indent.WriteByte('\t')
		default:
			indent.WriteByte(' ')
		}
	}
	carets := strings.Repeat("^", max(1, min(p.Width, len([]rune(p.Text))-p.Column+1)))
	return fmt.Sprintf("%4d | %s\n     | %s%s", p.Line, p.Text, indent.String(), carets)
}

// Short returns the error in one line, without its place.
func (e *Error) Short() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

// Errors finds all errors of this package in err, which may join those of several files, in the
// order in which they stand there.
func Errors(err error) []*Error {
	switch e := err.(type) { //nolint:errorlint // it walks the whole tree itself, to find all of them
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var list []*Error
		for _, one := range e.Unwrap() {
			list = append(list, Errors(one)...)
		}
		return list
	}
	return Errors(errors.Unwrap(err))
}

// hintOf is what somebody else's error says to do; it may be nothing.
func hintOf(err error) string {
	var advised interface{ Hint() string }
	if errors.As(err, &advised) {
		return advised.Hint()
	}
	return ""
}

// problems collects what is wrong, so that all of it is said at once.
type problems []*Error

func (p *problems) add(at Place, hint, format string, args ...any) {
	*p = append(*p, &Error{Place: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// has reports whether something was said of a place before: of a mapping of a thousand tables it is said once.
func (p problems) has(at Place) bool {
	return slices.ContainsFunc(p, func(e *Error) bool { return e.Place == at })
}

// err returns nil where there is none, else all in the order of their places.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	p.sort()
	return p
}

func (p problems) sort() {
	slices.SortStableFunc(p, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Error returns all errors, one after the other.
func (p problems) Error() string {
	texts := make([]string, len(p))
	for i, e := range p {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns the errors for errors.Is and errors.As.
func (p problems) Unwrap() []error {
	list := make([]error, len(p))
	for i, e := range p {
		list[i] = e
	}
	return list
}
