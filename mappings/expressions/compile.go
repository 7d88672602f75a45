package expressions

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/meepo-replicate/meepo/source"
)

// MaxLength bounds an expression, in bytes.
const MaxLength = 2000

// Error is one thing that is wrong with an expression.
type Error struct {
	From, To int // the place in the expression, in characters from 0; To is behind it
	Message  string
	Hint     string // what to write instead; may be empty
	// Name is the name that is no column, where that is what is wrong; the hint is up to the caller then.
	Name string
}

// Error returns the message with its hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

// Errors finds all errors of this package in err.
func Errors(err error) []*Error {
	var list problems
	if errors.As(err, &list) {
		return list
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

type problems []*Error

func (p problems) Error() string {
	texts := make([]string, len(p))
	for i, e := range p {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Program is a compiled expression. It may be run concurrently.
type Program struct {
	code    *vm.Program
	text    string
	columns []source.Column
	result  Type
	passed  []string
	runs    sync.Pool // of *run
}

// run is what one evaluation needs, kept for the next.
type run struct {
	machine vm.VM
	env     map[string]any
	steps   int
}

// Compile reads an expression over a table's columns. The error holds everything that is wrong with it, see
// [Errors].
func Compile(text string, columns []source.Column) (*Program, error) {
	if len(text) > MaxLength {
		return nil, problems{{Message: fmt.Sprintf("the expression is longer than %d characters", MaxLength)}}
	}
	if at := comment(text); at >= 0 {
		return nil, problems{{From: at, To: at + 2, Message: "a comment is not part of the language", Hint: "write int(a / b) for a division without a rest"}}
	}
	config := conf.CreateNew()
	expr.DisableIfOperator()(config)
	for _, f := range operators {
		expr.Function(f.name, f.call, f.like)(config)
	}
	for name, f := range functions {
		expr.Function("#"+name, f.call, anyFunction)(config)
	}
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, problems{unreadable(text, err)}
	}
	t := newTranslator(text, columns)
	result := t.node(&tree.Node)
	if len(t.wrong) > 0 {
		return nil, t.wrong
	}
	env := types.Map{stepsLeft: types.Any}
	for _, column := range t.used {
		env[column.Name] = types.Any
	}
	expr.Env(env)(config)
	if _, err := checker.Check(tree, config); err != nil {
		return nil, problems{unreadable(text, err)}
	}
	code, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, problems{unreadable(text, err)}
	}
	p := &Program{code: code, text: tokens(text), columns: t.used, result: result, passed: slices.DeleteFunc(t.unequal, func(name string) bool { return slices.Contains(t.asked, name) })}
	p.runs.New = func() any { return &run{env: make(map[string]any, len(p.columns))} }
	return p, nil
}

// Condition is Compile for an expression that has to be true or false.
func Condition(text string, columns []source.Column) (*Program, error) {
	p, err := Compile(text, columns)
	if err == nil && p.result != Bool && !p.result.open() {
		return nil, problems{{To: len([]rune(text)), Message: fmt.Sprintf("the condition is %s, neither true nor false", p.result),
			Hint: "compare it with something"}}
	}
	return p, err
}

// Columns are those that the expression reads, in the order in which Run wants their values.
func (p *Program) Columns() []source.Column { return p.columns }

// Text is the expression without what says nothing: blanks, and how texts are quoted.
func (p *Program) Text() string { return p.text }

// PassesOver are the columns that the expression compares by != or not in, although they may be NULL, and NULL is
// unequal to nothing.
func (p *Program) PassesOver() []string { return p.passed }

// Kind is that of the values that Run returns.
func (p *Program) Kind() source.Kind { return kindOf[p.result] }

// Run computes the expression of a row: values are those of Columns. NULL is nil.
func (p *Program) Run(values []source.Value) (source.Value, error) {
	out, err := p.eval(values)
	if err != nil {
		return nil, err
	}
	return toSource(p.result, out)
}

// True reports whether a row meets the condition; NULL does not.
func (p *Program) True(values []source.Value) (bool, error) {
	out, err := p.eval(values)
	if err != nil {
		return false, err
	}
	switch b := out.(type) {
	case nil:
		return false, nil
	case bool:
		return b, nil
	}
	return false, fmt.Errorf("the condition is %s, neither true nor false", show(out))
}

func (p *Program) eval(values []source.Value) (any, error) {
	r, _ := p.runs.Get().(*run)
	defer p.runs.Put(r)
	for i, column := range p.columns {
		value, err := fromSource(column.Type, values[i])
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", column.Name, err)
		}
		r.env[column.Name] = value
	}
	r.steps, r.env[stepsLeft] = mostSteps, &r.steps
	out, err := r.machine.Run(p.code, r.env)
	clear(r.env)
	if err == nil {
		return out, nil
	}
	var located *file.Error
	if errors.As(err, &located) { // its text shows the expression, which the caller does
		if located.Prev != nil {
			return nil, located.Prev
		}
		return nil, errors.New(located.Message)
	}
	return nil, err
}

// unreadable turns the library's error into one of ours.
func unreadable(text string, err error) *Error {
	var located *file.Error
	if !errors.As(err, &located) {
		return &Error{Message: err.Error()}
	}
	e := &Error{From: located.From, To: max(located.To, located.From+1), Message: "cannot be read: " + located.Message}
	padded := " " + strings.ToLower(text) + " "
	switch {
	case strings.Contains(padded, "<>"):
		e.Hint = "write != for <>"
	case strings.Contains(padded, " is null") || strings.Contains(padded, " is not null"):
		e.Hint = "write x == nil for IS NULL, x != nil for IS NOT NULL"
	case strings.Contains(text, " AND ") || strings.Contains(text, " OR ") || strings.Contains(text, "NOT "):
		e.Hint = "write and, or and not in lower case"
	case singleEquals(text):
		e.Hint = "write == for ="
	case strings.Contains(padded, " like "):
		e.Hint = "write x contains 'a', x startsWith 'a', x endsWith 'a', or x matches '^a.*b$'"
	}
	return e
}

// tokens is a text's tokens with a blank between; the text itself where it has none.
func tokens(text string) string {
	list, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return text
	}
	var out []string
	for _, token := range list {
		switch token.Kind {
		case lexer.EOF:
		case lexer.String, lexer.Bytes:
			out = append(out, strconv.Quote(token.Value))
		default:
			out = append(out, token.Value)
		}
	}
	return strings.Join(out, " ")
}

// comment finds what the grammar passes over as a comment, outside of texts; -1: there is none.
func comment(text string) int {
	var quote rune
	var before rune
	escaped := false
	for i, r := range []rune(text) {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && r == '\\' && quote != '`':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case before == '/' && (r == '/' || r == '*'):
			return i - 1
		}
		before = r
		if quote != 0 {
			before = 0
		}
	}
	return -1
}

func singleEquals(text string) bool {
	for i := range len(text) {
		if text[i] == '=' && (i == 0 || !strings.ContainsRune("=!<>", rune(text[i-1]))) && (i+1 == len(text) || text[i+1] != '=') {
			return true
		}
	}
	return false
}

// The types of functions as the library wants them.
var (
	anyFunction  = new(func(...any) any)
	boolFunction = new(func(any) bool)
)

// operator is a function that stands for an operator.
type operator struct {
	name string
	call func(args ...any) (any, error)
	like any // a pointer to a function of its type
}

func call(node ast.Node, name string, args ...ast.Node) ast.Node {
	n := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
	n.SetLocation(node.Location())
	n.Callee.SetLocation(node.Location())
	return n
}
