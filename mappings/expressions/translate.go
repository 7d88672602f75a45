package expressions

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/shopspring/decimal"

	"github.com/meepo-replicate/meepo/source"
)

// translator goes through a tree, says what cannot work, and puts calls in place of operators.
type translator struct {
	text    []rune
	columns map[string]source.Column
	used    []source.Column
	let     map[string]Type // variables in scope
	labels  int             // variables made up
	unequal []string        // nullable columns that != or not in compares
	asked   []string        // columns of which NULL is thought of
	wrong   problems
}

func newTranslator(text string, columns []source.Column) *translator {
	t := &translator{text: []rune(text), columns: map[string]source.Column{}, let: map[string]Type{}}
	for _, column := range columns {
		t.columns[column.Name] = column
	}
	return t
}

func (t *translator) fail(node ast.Node, hint, format string, args ...any) Type {
	at := node.Location()
	t.wrong = append(t.wrong, &Error{From: at.From, To: max(at.To, at.From+1), Message: fmt.Sprintf(format, args...), Hint: hint})
	return Any
}

// node translates a tree in place and returns its type.
func (t *translator) node(node *ast.Node) Type {
	switch n := (*node).(type) {
	case *ast.NilNode:
		return Null
	case *ast.BoolNode:
		return Bool
	case *ast.IntegerNode:
		return Int
	case *ast.FloatNode:
		ast.Patch(node, &ast.ConstantNode{Value: t.exactly(n)})
		return Decimal
	case *ast.StringNode:
		return Text
	case *ast.IdentifierNode:
		return t.name(node, n)
	case *ast.PointerNode:
		if n.Name == "" {
			return Any
		}
		return t.fail(n, "", "#%s is not part of the language", n.Name)
	case *ast.UnaryNode:
		return t.unary(node, n)
	case *ast.BinaryNode:
		return t.binary(node, n)
	case *ast.ConditionalNode:
		return t.conditional(n)
	case *ast.ChainNode:
		out := t.node(&n.Node)
		*node = n.Node
		return out
	case *ast.MemberNode:
		return t.member(node, n)
	case *ast.SliceNode:
		return t.slice(node, n)
	case *ast.ArrayNode:
		for i := range n.Nodes {
			t.node(&n.Nodes[i])
		}
		return List
	case *ast.BuiltinNode:
		return t.function(node, n.Name, n.Arguments)
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok {
			return t.function(node, name.Value, n.Arguments)
		}
	}
	return t.fail(*node, "", "%s is not part of the language", constructs[fmt.Sprintf("%T", *node)])
}

var constructs = map[string]string{
	"*ast.VariableDeclaratorNode": "let", "*ast.SequenceNode": "a sequence with ;", "*ast.MapNode": "a map",
	"*ast.CallNode": "a call of a value", "*ast.BytesNode": "a text of bytes", "*ast.PredicateNode": "a predicate here",
}

// exactly is the number that is written: the tree holds it rounded to a float64.
func (t *translator) exactly(n *ast.FloatNode) decimal.Decimal {
	if at := n.Location(); at.From >= 0 && at.To <= len(t.text) && at.From < at.To {
		d, err := decimal.NewFromString(strings.ReplaceAll(string(t.text[at.From:at.To]), "_", ""))
		if err == nil && d.InexactFloat64() == n.Value && d.Exponent() < farExponent && d.Exponent() > -farExponent {
			return d
		}
	}
	return decimal.NewFromFloat(n.Value)
}

// name translates a name: a column.
func (t *translator) name(node *ast.Node, n *ast.IdentifierNode) Type {
	column, ok := t.columns[n.Value]
	switch {
	case ok:
		if !slices.ContainsFunc(t.used, func(c source.Column) bool { return c.Name == column.Name }) {
			t.used = append(t.used, column)
		}
		return typeOf[column.Type.Kind]
	case n.Value == "null" || n.Value == "NULL":
		ast.Patch(node, &ast.NilNode{})
		return Null
	}
	at := n.Location()
	t.wrong = append(t.wrong, &Error{From: at.From, To: max(at.To, at.From+1), Message: fmt.Sprintf("unknown column %q", n.Value), Name: n.Value})
	return Any
}

func (t *translator) unary(node *ast.Node, n *ast.UnaryNode) Type {
	if n.Operator == "not" || n.Operator == "!" { // what NULL makes of what is inside is not true either
		ast.Walk(&n.Node, columnNotice{t})
	}
	got := t.node(&n.Node)
	switch n.Operator {
	case "not", "!":
		if got != Bool && !got.open() {
			return t.fail(n, "", "not wants a truth value, not %s", got)
		}
		ast.Patch(node, call(n, "#not", n.Node))
		return Bool
	case "-", "+":
		if !got.isNumber() && !got.open() {
			return t.fail(n, "", "%s wants a number, not %s", n.Operator, got)
		}
		if n.Operator == "-" {
			ast.Patch(node, call(n, "#-", &ast.IntegerNode{}, n.Node))
		} else {
			*node = n.Node
		}
		return got
	}
	return t.fail(n, "", "the operator %s is not part of the language", n.Operator)
}

func (t *translator) binary(node *ast.Node, n *ast.BinaryNode) Type {
	a, b := t.node(&n.Left), t.node(&n.Right)
	switch n.Operator {
	case "and", "&&", "or", "||":
		return t.logic(node, n, a, b)
	case "==", "!=", "<", "<=", ">", ">=":
		return t.comparison(node, n, a, b)
	case "+", "-", "*", "/", "%", "**", "^":
		return t.arithmetic(node, n, a, b)
	case "in":
		return t.in(node, n, a, b)
	case "contains", "startsWith", "endsWith", "matches":
		for _, got := range []Type{a, b} {
			if got != Text && !got.open() {
				return t.fail(n, "", "%s wants texts, not %s", n.Operator, got)
			}
		}
		if pattern, ok := n.Right.(*ast.StringNode); ok && n.Operator == "matches" {
			compiled, err := regexp.Compile(pattern.Value)
			if err != nil {
				return t.fail(n.Right, "", "not a regular expression: %v", err)
			}
			n.Right = &ast.ConstantNode{Value: compiled}
		}
		ast.Patch(node, call(n, "#"+n.Operator, n.Left, n.Right))
		return Bool
	case "??":
		t.notice(n.Left, false, true)
		out, ok := common(a, b)
		if !ok {
			return t.fail(n, "", "%s ?? %s: both sides have to be of one kind", a, b)
		}
		return out
	}
	return t.fail(n, "", "the operator %s is not part of the language", n.Operator)
}

// logic keeps the right side from being computed where the left one decides.
func (t *translator) logic(node *ast.Node, n *ast.BinaryNode, a, b Type) Type {
	name, decided := "#and", "#false"
	if n.Operator == "or" || n.Operator == "||" {
		name, decided = "#or", "#true"
	}
	for i, got := range []Type{a, b} {
		if got != Bool && !got.open() {
			return t.fail([]ast.Node{n.Left, n.Right}[i], "compare it with something", "%s wants truth values, not %s", n.Operator, got)
		}
	}
	t.labels++
	left := func() ast.Node { return &ast.IdentifierNode{Value: fmt.Sprintf("#%d", t.labels)} }
	ast.Patch(node, &ast.VariableDeclaratorNode{Name: fmt.Sprintf("#%d", t.labels), Value: n.Left, Expr: &ast.ConditionalNode{
		Ternary: true, Cond: call(n, decided, left()), Exp1: &ast.BoolNode{Value: name == "#or"}, Exp2: call(n, name, left(), n.Right),
	}})
	return Bool
}

func (t *translator) comparison(node *ast.Node, n *ast.BinaryNode, a, b Type) Type {
	name := "#" + n.Operator
	for _, side := range []ast.Node{n.Left, n.Right} {
		t.notice(side, n.Operator == "!=", a == Null || b == Null)
	}
	switch {
	case n.Operator == "==" && (a == Null || b == Null):
		name = "#none"
	case n.Operator == "!=" && (a == Null || b == Null):
		name = "#some"
	case a == Null || b == Null:
		return t.fail(n, "", "a comparison with nil by %s is never true", n.Operator)
	case !t.fitting(n, a, b):
		return Bool
	case a.isMoment() || b.isMoment():
		name += "@"
	}
	ast.Patch(node, call(n, name, n.Left, n.Right))
	return Bool
}

// columnNotice notices all columns of a part.
type columnNotice struct{ t *translator }

// Visit implements ast.Visitor.
func (c columnNotice) Visit(node *ast.Node) { c.t.notice(*node, true, false) }

// notice remembers what a comparison says of a column's NULL: it is asked for, or passed over where unequal ones are
// looked for.
func (t *translator) notice(side ast.Node, unequal, asks bool) {
	name, ok := side.(*ast.IdentifierNode)
	switch column := t.columns[nameOf(name)]; {
	case !ok || column.Name == "":
	case asks:
		t.asked = append(t.asked, column.Name)
	case unequal && column.Nullable:
		t.unequal = append(t.unequal, column.Name)
	}
}

// isLiteral reports whether a node is a text in the expression that could be a number.
func isLiteral(node ast.Node, of Type) bool {
	text, ok := node.(*ast.StringNode)
	if !ok || of != Text {
		return false
	}
	_, err := decimal.NewFromString(text.Value)
	return err == nil
}

func nameOf(n *ast.IdentifierNode) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// fitting says what is wrong with comparing two types.
func (t *translator) fitting(n *ast.BinaryNode, a, b Type) bool {
	moment, text, other := a, b, n.Right
	if b.isMoment() {
		moment, text, other = b, a, n.Left
	}
	if moment.isMoment() && text == Text {
		literal, ok := other.(*ast.StringNode)
		if ok && !isMoment(literal.Value) {
			t.fail(other, "write it as '2026-02-28' or '2026-02-28T12:30:00'", "%q is no date or time", literal.Value)
		}
		return !ok || isMoment(literal.Value)
	}
	if comparable(a, b) {
		return true
	}
	hint := ""
	if a == Bool && b == Int || a == Int && b == Bool {
		hint = "compare the number with 0 or 1"
	} else if a == Text && b.isNumber() || b == Text && a.isNumber() {
		hint = "put the number in quotes, or make one of the text by decimal(…)"
		if isLiteral(n.Left, a) || isLiteral(n.Right, b) {
			hint = "leave the quotes out"
		}
	}
	t.fail(n, hint, "%s cannot be compared with %s", a, b)
	return false
}

func (t *translator) arithmetic(node *ast.Node, n *ast.BinaryNode, a, b Type) Type {
	plus := n.Operator == "+"
	if plus && (a == Text || b == Text) {
		if a != Text && !a.open() || b != Text && !b.open() {
			return t.fail(n, "make a text of the other by string(…)", "%s and %s cannot be joined", a, b)
		}
		ast.Patch(node, call(n, "#+", n.Left, n.Right))
		return Text
	}
	for _, got := range []Type{a, b} {
		if !got.isNumber() && !got.open() {
			return t.fail(n, "", "%s wants numbers, not %s", n.Operator, got)
		}
	}
	out, _ := common(a, b)
	switch {
	case n.Operator == "/" && out == Int:
		out = Decimal
	case n.Operator == "**" || n.Operator == "^":
		out = Float
	}
	ast.Patch(node, call(n, "#"+n.Operator, n.Left, n.Right))
	return out
}

func (t *translator) in(node *ast.Node, n *ast.BinaryNode, a, b Type) Type {
	name := "#in"
	if list, ok := n.Right.(*ast.ArrayNode); ok {
		for i := range list.Nodes {
			member := list.Nodes[i]
			compare := &ast.BinaryNode{Operator: "==", Left: n.Left, Right: member}
			compare.SetLocation(member.Location())
			if !t.fitting(compare, a, t.literal(member)) {
				return Bool
			}
		}
	} else if b != List && !b.open() {
		return t.fail(n, "write a list: x in ['a', 'b']", "in wants a list, not %s", b)
	}
	if a.isMoment() {
		name += "@"
	}
	ast.Patch(node, call(n, name, n.Left, n.Right))
	return Bool
}

// literal is the type of a member of a list that was translated already.
func (t *translator) literal(node ast.Node) Type {
	switch n := node.(type) {
	case *ast.StringNode:
		return Text
	case *ast.IntegerNode:
		return Int
	case *ast.BoolNode:
		return Bool
	case *ast.ConstantNode:
		return Decimal
	case *ast.IdentifierNode:
		if column, ok := t.columns[n.Value]; ok {
			return typeOf[column.Type.Kind]
		}
	}
	return Any
}

func (t *translator) conditional(n *ast.ConditionalNode) Type {
	cond := t.node(&n.Cond)
	a, b := t.node(&n.Exp1), t.node(&n.Exp2)
	if cond != Bool && !cond.open() {
		return t.fail(n.Cond, "compare it with something", "? wants a truth value before it, not %s", cond)
	}
	n.Cond = call(n.Cond, "#true", n.Cond)
	out, ok := common(a, b)
	if !ok {
		return t.fail(n, "", "the values behind ? and : are %s and %s: they have to be of one kind", a, b)
	}
	return out
}
