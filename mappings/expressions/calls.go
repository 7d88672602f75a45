package expressions

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// member translates $env["name"], which is a column, and the way into a JSON value.
func (t *translator) member(node *ast.Node, n *ast.MemberNode) Type {
	if env, ok := n.Node.(*ast.IdentifierNode); ok && env.Value == "$env" {
		if name, ok := n.Property.(*ast.StringNode); ok {
			ast.Patch(node, &ast.IdentifierNode{Value: name.Value})
			return t.name(node, (*node).(*ast.IdentifierNode))
		}
		return t.fail(n, "", `write $env["column"]`)
	}
	got := t.node(&n.Node)
	property := t.node(&n.Property)
	if got != List && !got.open() {
		return t.fail(n, "", "%s has no members", got)
	}
	if property != Text && property != Int && !property.open() {
		return t.fail(n, "", "a member is named by a text or a whole number, not by %s", property)
	}
	ast.Patch(node, call(n, "#get", n.Node, n.Property))
	return Any
}

func (t *translator) slice(node *ast.Node, n *ast.SliceNode) Type {
	got := t.node(&n.Node)
	if got != Text && got != List && !got.open() {
		return t.fail(n, "", "%s has no parts", got)
	}
	bound := func(side *ast.Node) ast.Node {
		if *side == nil {
			return &ast.NilNode{}
		}
		if of := t.node(side); of != Int && !of.open() {
			t.fail(*side, "", "a part is bounded by whole numbers, not by %s", of)
		}
		return *side
	}
	from, to := bound(&n.From), bound(&n.To)
	ast.Patch(node, call(n, "#slice", n.Node, from, to))
	return got
}

// function translates a call.
func (t *translator) function(node *ast.Node, name string, args []ast.Node) Type {
	n := *node
	if asks, ok := predicates[name]; ok {
		return t.predicate(n, name, args, asks)
	}
	f, ok := functions[name]
	if !ok {
		if why, ok := refused[name]; ok {
			return t.fail(n, "", "%s is not part of the language: %s", name, why)
		}
		known := slices.Sorted(maps.Keys(functions))
		return t.fail(n, "known are "+strings.Join(append(known, slices.Sorted(maps.Keys(predicates))...), ", "), "no function %s", name)
	}
	if len(args) < f.least || len(args) > f.most {
		return t.fail(n, "", "%s is written %s", name, f.form)
	}
	got := make([]Type, len(args))
	for i := range args {
		got[i] = t.node(&args[i])
	}
	if problem := f.takes(got); problem != "" {
		return t.fail(n, "", "%s: %s", name, problem)
	}
	ast.Patch(node, call(n, "#"+name, args...))
	return f.gives(got)
}

// predicate translates filter, map and the like, which the library runs itself.
func (t *translator) predicate(n ast.Node, name string, args []ast.Node, asks predicate) Type {
	if len(args) != 2 {
		return t.fail(n, "", "%s is written %s(list, {# …})", name, name)
	}
	if got := t.node(&args[0]); got != List && !got.open() {
		return t.fail(n, "", "%s wants a list, not %s", name, got)
	}
	args[0] = call(args[0], "#list", args[0], &ast.IdentifierNode{Value: stepsLeft})
	body, ok := args[1].(*ast.PredicateNode)
	if !ok {
		return t.fail(n, "", "%s is written %s(list, {# …})", name, name)
	}
	got := t.node(&body.Node)
	if asks.condition {
		if got != Bool && !got.open() {
			return t.fail(n, "", "%s asks for a truth value, not %s", name, got)
		}
		body.Node = call(body.Node, "#true", body.Node)
	}
	return asks.gives
}
