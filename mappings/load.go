package mappings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// File is a mapping file that has been read.
type File struct {
	Mappings []Mapping
}

// maxSize and maxDepth bound a file: the YAML parser's memory grows with the square of how deep
// lists and maps are nested, and the language needs four levels.
const (
	maxSize  = 512 << 10
	maxDepth = 40
)

// Parse reads a mapping file: "version: 1" and a list "mappings". File is its name in messages.
// The error holds everything that is wrong, see [Errors].
//
// Expand puts variables into a text, and says what is wrong with one; nil leaves texts as they are.
func Parse(file string, data []byte, expand func(text string) (string, error)) (*File, error) {
	l := newLoader(file, data)
	l.expand = expand
	root := l.parse(data)
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	l.hide(root)
	parsed := &File{}
	entries, ok := l.entries(root, "the file", keyNames(FileKeys()))
	if !ok {
		return nil, l.problems.err()
	}
	if version, ok := entries.get("version"); ok {
		l.version(version.value)
	} else {
		l.problems.add(l.place(root), "begin with a line `version: 1`", "there is no version")
	}
	if list, ok := entries.get("mappings"); ok {
		parsed.Mappings = l.mappings(list.value)
	} else {
		l.problems.add(l.place(root), "", "there is no list `mappings`")
	}
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return parsed, nil
}

// ParseNode reads a list of mappings that stands in a larger document, such as a configuration
// file that has put variables into its texts. Node is the list in the document that goccy's parser has made of data, and data is the
// whole of it, so that places are the document's. Let the parser allow duplicate keys: they are
// reported here, with all other errors.
func ParseNode(file string, data []byte, node ast.Node) ([]Mapping, error) {
	l := newLoader(file, data)
	l.hide(node)
	list := l.mappings(node)
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return list, nil
}

// loader turns nodes into mappings and collects what is wrong with them.
type loader struct {
	file     string
	lines    []string
	problems problems
	expand   func(string) (string, error) // nil: texts are as they should be
	open     bool                         // no key in the file is a secret
}

func newLoader(file string, data []byte) *loader {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(data), "\uFFFD"), "\r\n", "\n")
	return &loader{file: file, lines: strings.Split(text, "\n")}
}

// parse returns the document's root, or nil after adding what is wrong.
func (l *loader) parse(data []byte) ast.Node {
	if len(data) > maxSize {
		l.problems.add(Place{}, "", "%s is larger than %d bytes", l.file, maxSize)
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if deep := tooDeep(tokens); deep != nil {
		l.problems.add(l.placeOf(deep), "", "lists and maps are nested too deeply")
		return nil
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		l.syntax(err)
		return nil
	}
	var roots []ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			roots = append(roots, doc.Body)
		}
	}
	switch len(roots) {
	case 1:
		return roots[0]
	case 0:
		l.problems.add(l.at(1, 1), "begin with a line `version: 1`", "the file is empty")
	default:
		l.problems.add(l.place(roots[1]), "", "a second document: a file holds one")
	}
	return nil
}

// tooDeep returns the token at which lists and maps are nested too deeply, nil if there is none.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, block, line := 0, 0, 0 // block: list entries that begin in one line
	for _, tok := range tokens {
		switch tok.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			if tok.Position.Line != line {
				block, line = 0, tok.Position.Line
			}
			block++
		}
		if flow > maxDepth || block > maxDepth || tok.Position.IndentLevel > maxDepth {
			return tok
		}
	}
	return nil
}

func (l *loader) syntax(err error) {
	if !l.open {
		for i, line := range l.lines {
			l.lines[i] = withoutKeys(line)
		}
	}
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		l.problems.add(l.placeOf(located.GetToken()), "", "not valid YAML: %s", located.GetMessage())
		return
	}
	l.problems.add(l.at(1, 1), "", "not valid YAML: %v", err)
}

func (l *loader) version(node ast.Node) {
	if number, ok := node.(*ast.IntegerNode); ok && fmt.Sprint(number.Value) == "1" {
		return
	}
	l.problems.add(l.place(node), "", "this version of the language is not known: want 1")
}

// place returns where a node begins. A map in block style has its first colon for a token.
func (l *loader) place(node ast.Node) Place {
	switch n := node.(type) {
	case nil:
		return l.at(1, 1)
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return l.place(n.Values[0])
		}
	case *ast.MappingValueNode:
		return l.place(n.Key)
	}
	return l.placeOf(node.GetToken())
}

func (l *loader) placeOf(tok *token.Token) Place {
	if tok == nil || tok.Position == nil {
		return l.at(1, 1)
	}
	return l.at(tok.Position.Line, tok.Position.Column)
}

func (l *loader) at(line, column int) Place {
	place := Place{File: l.file, Line: line, Column: column}
	if line >= 1 && line <= len(l.lines) {
		place.Text = l.lines[line-1]
	}
	return place
}

// entry is one key of a map and its value.
type entry struct {
	key   Text
	value ast.Node
}

type entries []entry

func (e entries) get(key string) (entry, bool) {
	for _, one := range e {
		if one.key.Value == key {
			return one, true
		}
	}
	return entry{}, false
}

// reserved are keys that later versions of the language will have.
var reserved = []string{"nest", "join"}

// entries returns a map's entries, each key once. Keys that are not known are left out, unless
// any key will do (known is nil). What is wrong is added to the problems; "what" names the map.
// It returns false if the node is no map.
func (l *loader) entries(node ast.Node, what string, known []string) (entries, bool) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		l.problems.add(l.place(node), "", "%s is %s, not a map of keys and values", what, describe(node))
		return nil, false
	}
	var list entries
	for _, value := range values {
		key, ok := l.written(value.Key, "a key")
		if !ok {
			continue
		}
		if first, ok := list.get(key.Value); ok {
			l.problems.add(key.At, "", "key %q stands here a second time, the first is in line %d", key.Value, first.key.At.Line)
			continue
		}
		if known != nil && !l.known(key, what, known) {
			continue
		}
		list = append(list, entry{key, value.Value})
	}
	return list, true
}

func (l *loader) known(key Text, what string, known []string) bool {
	for _, name := range known {
		if key.Value == name {
			return true
		}
	}
	for _, name := range reserved {
		if key.Value == name && known[0] == "name" {
			l.problems.add(key.At, "", "%q is reserved for joined tables, which are not there yet", key.Value)
			return false
		}
	}
	advice := didYouMean(key.Value, known)
	if advice == "" {
		advice = "known are " + strings.Join(known, ", ")
	}
	l.problems.add(key.At, advice, "%s has an unknown key %q", what, key.Value)
	return false
}

// text returns a node's text, with its variables put in.
func (l *loader) text(node ast.Node, what string) (Text, bool) {
	text, ok := l.written(node, what)
	if !ok {
		return text, false
	}
	return l.expanded(text)
}

// written returns a node's text. Numbers, truth values and null are not taken for texts, since what
// was written is not always what they print: 1.10, 0x10, ~.
func (l *loader) written(node ast.Node, what string) (Text, bool) {
	text, ok := node.(*ast.StringNode)
	switch {
	case !ok && isScalar(node):
		l.problems.add(l.place(node), "put it in quotes if it is one", "%s is %s, not a text", what, describe(node))
		return Text{}, false
	case !ok:
		l.problems.add(l.place(node), "", "%s is %s, not a text", what, describe(node))
		return Text{}, false
	case text.Value == "":
		l.problems.add(l.place(node), "", "%s is empty", what)
		return Text{}, false
	}
	return Text{Value: text.Value, At: l.wide(node, text.Value)}, true
}

// wide is the place of a text with its width, where it stands in one line.
func (l *loader) wide(node ast.Node, value string) Place {
	at := l.place(node)
	at.Width = (Text{value, at}).inside(0, len([]rune(value))).Width
	return at
}

// expanded puts variables into a text.
func (l *loader) expanded(text Text) (Text, bool) {
	if l.expand == nil {
		return text, true
	}
	value, err := l.expand(text.Value)
	if err != nil {
		l.problems.add(text.At, hintOf(err), "%v", err)
		return text, false
	}
	return Text{value, text.At}, true
}

// list returns the nodes of a list.
func (l *loader) list(node ast.Node, what string) []ast.Node {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		l.problems.add(l.place(node), "", "%s is %s, not a list", what, describe(node))
		return nil
	}
	if len(list.Values) == 0 {
		l.problems.add(l.place(node), "", "%s is an empty list", what)
	}
	return list.Values
}

// texts returns the texts of a list, each once.
func (l *loader) texts(node ast.Node, what, one string) []Text {
	var list []Text
	seen := map[string]bool{}
	for _, item := range l.list(node, what) {
		text, ok := l.text(item, one)
		if !ok {
			continue
		}
		if seen[text.Value] {
			l.problems.add(text.At, "", "%s names %q a second time", what, text.Value)
			continue
		}
		seen[text.Value] = true
		list = append(list, text)
	}
	return list
}

func isScalar(node ast.Node) bool {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return true
	}
	return false
}

// describe names what a node is, for "is ..., not ...".
func describe(node ast.Node) string {
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return "the text " + strconv.Quote(n.Value)
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.BoolNode:
		return "a truth value"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "something else"
}
