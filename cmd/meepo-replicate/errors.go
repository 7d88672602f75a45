package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
)

// problem is something wrong with what the user wrote: in the file, a variable or a flag.
type problem struct {
	Where  string // a flag or a variable; empty when At is set
	Text   string
	Advice string
	At     *place
}

// Error returns the place and what is wrong, in one line.
func (p *problem) Error() string {
	switch {
	case p.At != nil:
		return p.At.String() + ": " + p.Text
	case p.Where != "":
		return p.Where + ": " + p.Text
	}
	return p.Text
}

// Hint returns what to do about it.
func (p *problem) Hint() string { return p.Advice }

// Excerpt returns the line in question with a caret under the place.
func (p *problem) Excerpt() string {
	if p.At == nil {
		return ""
	}
	return p.At.excerpt()
}

// configText is a file as it was read.
type configText struct {
	path  string
	raw   string
	lines []string
}

func newConfigText(path string, raw []byte) *configText {
	return &configText{path: path, raw: string(raw), lines: strings.Split(string(raw), "\n")}
}

// at returns a node's place.
func (t *configText) at(node ast.Node) *place {
	tk := node.GetToken()
	if pairs, ok := pairsOf(node); ok && len(pairs) > 0 && tk.Value == ":" {
		tk = pairs[0].Key.GetToken() // a block mapping's own token is its first colon
	}
	return &place{text: t, line: tk.Position.Line, column: tk.Position.Column}
}

// place is a line and column of a file, from 1, counted in characters.
type place struct {
	text         *configText
	line, column int
	hideAfter    bool // show nothing of what follows the key at this place
}

// String is the form that editors and terminals can jump to.
func (p *place) String() string { return fmt.Sprintf("%s:%d:%d", p.text.path, p.line, p.column) }

func (p *place) excerpt() string {
	if p.line < 1 || p.line > len(p.text.lines) {
		return ""
	}
	line := strings.ReplaceAll(strings.TrimRight(p.text.lines[p.line-1], "\r"), "\t", " ")
	if p.hideAfter {
		runes := []rune(line)
		if at := min(max(p.column-1, 0), len(runes)); at < len(runes) {
			if colon := strings.IndexRune(string(runes[at:]), ':'); colon >= 0 {
				line = string(runes[:at]) + string(runes[at:])[:colon+1] + " …"
			}
		}
	}
	number := fmt.Sprintf("%5d | ", p.line)
	return number + hideSecrets(line) + "\n" + strings.Repeat(" ", len(number)+max(p.column-1, 0)) + "^"
}

// printError writes an error for a person: one line per cause, the place where it stands, and
// what to do about it.
func printError(w io.Writer, err error) {
	printed := map[string]bool{}
	for _, e := range flatten(err) {
		message, fix := messageOf(e)
		text := "error: " + message
		if excerpt := findExcerpt(e); excerpt != "" {
			text += "\n" + excerpt
		}
		if fix != "" {
			text += "\n  what to do: " + fix
		}
		if !printed[text] {
			printed[text] = true
			fmt.Fprintln(w, text)
		}
	}
}

// messageOf splits an error into what is wrong and what to do about it.
func messageOf(err error) (message, fix string) {
	at, message, fix := placedMessage(err)
	if at.Line > 0 {
		message = fmt.Sprintf("%s:%d:%d: %s", at.File, at.Line, at.Column, message)
	}
	return message, fix
}

// placedMessage splits an error into the place that it is about, if it is of a file, what is wrong there, and what to
// do about it.
func placedMessage(err error) (at mappings.Place, message, fix string) {
	if wrong := mappingError(err); wrong != nil {
		return wrong.Place, wrong.Message, wrong.Hint
	}
	fix = strings.Join(replicate.Hints(err), "; ")
	if wrong, ok := err.(*problem); ok && wrong.At != nil { //nolint:errorlint // the text of one that is wrapped is not all
		return mappings.Place{File: wrong.At.text.path, Line: wrong.At.line, Column: wrong.At.column}, wrong.Text, fix
	}
	return mappings.Place{}, strings.TrimSpace(err.Error()), fix
}

// mappingError returns the mapping's error in a chain. Its own text holds the advice and the
// line, which are shown apart here.
func mappingError(err error) *mappings.Error {
	if list := mappings.Errors(err); len(list) == 1 {
		return list[0]
	}
	return nil
}

// flatten takes joined errors apart. An error that wraps several in a sentence of its own stays whole.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		var all []error
		for _, e := range joined.Unwrap() {
			texts = append(texts, e.Error())
			all = append(all, flatten(e)...)
		}
		if strings.Join(texts, "\n") == err.Error() {
			return all
		}
	}
	if list := mappings.Errors(err); len(list) > 1 {
		all := make([]error, len(list))
		for i, e := range list {
			all[i] = e
		}
		return all
	}
	return []error{err}
}

func findExcerpt(err error) string {
	found := ""
	if wrong := mappingError(err); wrong != nil && wrong.Line > 0 {
		text := &configText{path: wrong.File, lines: append(make([]string, wrong.Line-1), wrong.Text)}
		return (&place{text: text, line: wrong.Line, column: wrong.Column}).excerpt()
	}
	walkErrors(err, func(e error) {
		if x, ok := e.(interface{ Excerpt() string }); ok && found == "" {
			found = x.Excerpt()
		}
	})
	return found
}

func walkErrors(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			walkErrors(e, visit)
		}
		return
	}
	walkErrors(errors.Unwrap(err), visit)
}
