package mappings

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// hide takes the keys of masks out of the lines that messages show, however they are written; what stands behind
// them stays in its column. Variables are no secrets.
func (l *loader) hide(root ast.Node) {
	if root == nil || l.open {
		return
	}
	ast.Walk(keyHider{l}, root)
}

type keyHider struct{ l *loader }

// Visit implements ast.Visitor.
func (h keyHider) Visit(node ast.Node) ast.Visitor {
	pair, ok := node.(*ast.MappingValueNode)
	if !ok {
		return h
	}
	if key, ok := pair.Key.(*ast.StringNode); !ok || key.Value != "key" {
		return h
	}
	switch value := pair.Value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, nil:
		return h
	case *ast.LiteralNode:
		h.stars(value.Value.GetToken().Position.Line, value.Value.GetToken().Origin)
	default:
		if tok := value.GetToken(); tok != nil && tok.Position != nil {
			h.stars(tok.Position.Line, tok.Origin)
		}
	}
	return nil
}

// stars replaces a value, as it is written from a line on.
func (h keyHider) stars(line int, written string) {
	for _, part := range strings.Split(written, "\n") {
		part = strings.TrimSpace(part)
		if part == "" || variable.MatchString(part) {
			continue
		}
		for at := max(0, line-2); at < len(h.l.lines) && at < line+20; at++ {
			h.l.lines[at] = strings.ReplaceAll(h.l.lines[at], part, strings.Repeat("*", len([]rune(part))))
		}
	}
}

var variable = regexp.MustCompile(`^["']?\$\{[A-Za-z_][A-Za-z_0-9]*\}["']?$`)

// maskKey finds the keys of masks in a line of what is no YAML, where there is nothing else to go by.
var maskKey = regexp.MustCompile(`(\bkey["']?\s*:\s*)("[^"]*"|'[^']*'|[^\s"',{}][^,}]*)`)

// withoutKeys hides secrets in a line of a file that cannot be read.
func withoutKeys(line string) string {
	return maskKey.ReplaceAllStringFunc(line, func(found string) string {
		parts := maskKey.FindStringSubmatch(found)
		if variable.MatchString(parts[2]) {
			return found
		}
		return parts[1] + strings.Repeat("*", len([]rune(parts[2])))
	})
}
