package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// fileValues is what a configuration file says.
type fileValues struct {
	values   map[string]given // by the setting's key
	mappings []inlineMapping
}

// inlineMapping is one mapping that stands in the configuration file itself.
type inlineMapping struct {
	File string
	Node ast.Node
}

// fileParser walks a configuration file and collects everything that is wrong with it.
type fileParser struct {
	text   *configText
	lookup func(string) (string, bool)
	out    fileValues
	wrong  []error
}

// parseFile reads the file's settings. It returns those that are right beside the error.
func parseFile(text *configText, lookup func(string) (string, bool)) (*fileValues, error) {
	p := &fileParser{text: text, lookup: lookup, out: fileValues{values: map[string]given{}}}
	file, err := parser.ParseBytes([]byte(text.raw), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, text.syntaxProblem(err)
	}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			p.fail(doc.Body, "a configuration is one YAML document, this is another")
		default:
			p.section("", doc.Body)
		}
	}
	return &p.out, errors.Join(p.wrong...)
}

func (p *fileParser) fail(node ast.Node, format string, args ...any) {
	p.wrong = append(p.wrong, &problem{Text: fmt.Sprintf(format, args...), At: p.text.at(node)})
}

// section reads the mapping at prefix: "" is the whole file, "source.tls." a part of it.
func (p *fileParser) section(prefix string, node ast.Node) {
	pairs, ok := pairsOf(node)
	if !ok {
		if prefix == "" {
			p.fail(node, "a configuration is a mapping of keys to values")
		} else {
			p.fail(node, "%s takes a mapping of %s", strings.TrimSuffix(prefix, "."), strings.Join(keysOf(prefix), ", "))
		}
		return
	}
	first := map[string]int{}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		if line, twice := first[key]; twice {
			p.fail(pair.Key, "key %q is here a second time, the first is in line %d", key, line)
			continue
		}
		first[key] = pair.Key.GetToken().Position.Line
		if s, ok := settingByKey(prefix + key); ok {
			p.setting(s, pair.Value)
			continue
		}
		if sub := prefix + key + "."; len(keysOf(sub)) > 0 {
			if _, null := pair.Value.(*ast.NullNode); !null {
				p.section(sub, pair.Value)
			}
			continue
		}
		if prefix == "" && key == "version" {
			p.version(pair.Value)
			continue
		}
		p.unknown(prefix, pair)
	}
}

func (p *fileParser) unknown(prefix string, pair *ast.MappingValueNode) {
	key := pair.Key.GetToken().Value
	known := keysOf(prefix)
	if prefix == "" {
		known = append(known, "version")
	}
	in := ""
	if prefix != "" {
		in = " in " + strings.TrimSuffix(prefix, ".")
	}
	wrong := &problem{Text: fmt.Sprintf("unknown key %q%s", key, in), At: p.text.at(pair.Key), Advice: "known are " + strings.Join(known, ", ")}
	if near := nearest(strings.ToLower(key), known); near != "" {
		wrong.Text += fmt.Sprintf(": did you mean %q?", near)
		wrong.Advice = ""
	}
	// Its value may be a password under a misspelt name.
	wrong.At.hideAfter = true
	p.wrong = append(p.wrong, wrong)
}

func (p *fileParser) version(node ast.Node) {
	if text, ok := p.scalar(node); !ok || text != "1" {
		p.fail(node, "version is not 1: this release reads version 1 only")
	}
}

// setting reads the value of one setting.
func (p *fileParser) setting(s *setting, node ast.Node) {
	if _, null := node.(*ast.NullNode); null {
		return
	}
	if s.key == "mappings" {
		p.mappingsSetting(s, node)
		return
	}
	items := []ast.Node{node}
	if seq, ok := node.(*ast.SequenceNode); ok && s.list() {
		items = seq.Values
	}
	var texts []string
	for _, item := range items {
		text, ok := p.scalar(item)
		if !ok {
			if isCollection(item) {
				p.fail(item, "%s takes %s", s.key, s.wants())
			}
			continue
		}
		texts = append(texts, p.located(s, text))
	}
	if len(texts) > 0 || s.list() {
		p.out.values[s.key] = given{texts, p.origin(s, node)}
	}
}

// located takes a path from the file's folder.
func (p *fileParser) located(s *setting, text string) string {
	if s.path {
		return inFolderOf(p.text.path, text)
	}
	return text
}

func (p *fileParser) origin(s *setting, node ast.Node) origin {
	return origin{layer: fromFile, name: s.key, at: p.text.at(node)}
}

// mappingsSetting reads a list in which texts are files and the rest are mappings themselves.
func (p *fileParser) mappingsSetting(s *setting, node ast.Node) {
	items := []ast.Node{node}
	if seq, ok := node.(*ast.SequenceNode); ok {
		items = seq.Values
	}
	var files []string
	for _, item := range items {
		if isCollection(item) {
			expandAll(p, item)
			p.out.mappings = append(p.out.mappings, inlineMapping{File: p.text.path, Node: item})
			continue
		}
		if text, ok := p.scalar(item); ok {
			files = append(files, p.located(s, text))
		}
	}
	p.out.values[s.key] = given{files, p.origin(s, node)}
}

// scalar returns a scalar's text, with its variables put in. It reports what is wrong itself,
// except that the node is a collection, where the caller knows better what it should be.
func (p *fileParser) scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return p.expand(n, n.Value)
	case *ast.LiteralNode:
		return p.expand(n, n.Value.Value)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		p.fail(node, "anchors, aliases and tags are not supported here: write the value itself")
		return "", false
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "", false
	}
	return node.GetToken().Value, true
}

// expand puts variables into a text: ${NAME} is the variable, $$ is a dollar.
func (p *fileParser) expand(node ast.Node, text string) (string, bool) {
	out, wrong := expandVariables(text, p.lookup)
	for _, w := range wrong {
		at := p.text.at(node)
		if tk := node.GetToken(); tk.Type == token.StringType || tk.Type == token.DoubleQuoteType || tk.Type == token.SingleQuoteType {
			at.column += len([]rune(text[:w.offset]))
			if tk.Type != token.StringType {
				at.column++
			}
		}
		p.wrong = append(p.wrong, &problem{Text: w.text, Advice: w.advice, At: at})
	}
	return out, len(wrong) == 0
}

// expandAll puts variables into all values of a mapping that is read elsewhere.
func expandAll(p *fileParser, node ast.Node) {
	switch n := node.(type) {
	case *ast.StringNode:
		if text, ok := p.expand(n, n.Value); ok {
			n.Value = text
		}
	case *ast.LiteralNode:
		if text, ok := p.expand(n, n.Value.Value); ok {
			n.Value.Value = text
		}
	case *ast.SequenceNode:
		for _, item := range n.Values {
			expandAll(p, item)
		}
	default:
		if pairs, ok := pairsOf(node); ok {
			for _, pair := range pairs {
				expandAll(p, pair.Value)
			}
		}
	}
}

// syntaxProblem turns the YAML library's error into one of ours.
func (t *configText) syntaxProblem(err error) error {
	var bad *yaml.SyntaxError
	if errors.As(err, &bad) && bad.GetToken() != nil {
		pos := bad.GetToken().Position
		wrong := &problem{Text: "not valid YAML: " + bad.GetMessage(), At: &place{text: t, line: pos.Line, column: pos.Column}}
		if pos.Line <= len(t.lines) && strings.Contains(t.lines[pos.Line-1], "${") {
			wrong.Advice = `put quotes around values with ${…} in them: "${NAME}"`
		}
		return wrong
	}
	return &problem{Text: "not valid YAML: " + err.Error(), At: &place{text: t, line: 1, column: 1}}
}

func pairsOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func isCollection(node ast.Node) bool {
	_, pairs := pairsOf(node)
	_, seq := node.(*ast.SequenceNode)
	return pairs || seq
}

func settingByKey(key string) (*setting, bool) {
	for i := range settings {
		if s := &settings[i]; s.key != "" && s.key == key {
			return s, true
		}
	}
	return nil, false
}

// keysOf lists the keys that may stand directly under prefix, in the table's order.
func keysOf(prefix string) []string {
	var keys []string
	for i := range settings {
		rest, ok := strings.CutPrefix(settings[i].key, prefix)
		if !ok || rest == "" {
			continue
		}
		key, _, _ := strings.Cut(rest, ".")
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	return keys
}

// wants names the form of value that a setting takes in the file.
func (s *setting) wants() string {
	switch s.into(&config{}).(type) {
	case *bool:
		return "true or false"
	case *float64, *uint32:
		return "a number"
	case *time.Duration:
		return "a time, as 10s"
	case *[]string:
		return "a list of texts"
	}
	return "a text"
}
