package mappings

import "github.com/goccy/go-yaml/ast"

// Document is a YAML file of another kind that is read as mapping files are: strictly, with a place for everything
// that is wrong, and all of it at once. It holds no secrets: messages show its lines.
type Document struct{ l *loader }

// Entry is a key of a map and its value.
type Entry struct {
	Key   Text
	Value ast.Node
}

// ReadDocument reads a file that holds one YAML document. File is its name in messages. The root is nil where
// the file cannot be read; Err says why.
func ReadDocument(file string, data []byte) (*Document, ast.Node) {
	l := newLoader(file, data)
	l.open = true
	return &Document{l}, l.parse(data)
}

// Map returns the entries of a map, in their order, each key once and one of those that are known; any, if known is
// nil. "What" names the map in messages. What is wrong is kept for Err; false: the node is no map.
func (d *Document) Map(node ast.Node, what string, known []Key) ([]Entry, bool) {
	var names []string
	if known != nil {
		names = keyNames(known)
	}
	found, ok := d.l.entries(node, what, names)
	list := make([]Entry, len(found))
	for i, one := range found {
		list[i] = Entry{one.key, one.value}
	}
	for _, key := range known {
		if _, said := found.get(key.Name); ok && key.Needed && !said {
			d.Fail(d.l.place(node), "such as `"+key.Name+": "+key.Example+"`", "%s has no `%s`", what, key.Name)
		}
	}
	return list, ok
}

// Text returns a text that is not empty.
func (d *Document) Text(node ast.Node, what string) (Text, bool) { return d.l.text(node, what) }

// Texts returns one text or a list of them, each once.
func (d *Document) Texts(node ast.Node, what string) []Text {
	if _, ok := node.(*ast.SequenceNode); ok {
		return d.l.texts(node, what, "a text of "+what)
	}
	if text, ok := d.l.text(node, what); ok {
		return []Text{text}
	}
	return nil
}

// List returns the nodes of a list that is not empty.
func (d *Document) List(node ast.Node, what string) []ast.Node { return d.l.list(node, what) }

// Place is where a node stands.
func (d *Document) Place(node ast.Node) Place { return d.l.place(node) }

// Describe names what a node is, for "is ..., not ...".
func (d *Document) Describe(node ast.Node) string { return describe(node) }

// Fail adds something that is wrong.
func (d *Document) Fail(at Place, hint, format string, args ...any) {
	d.l.problems.add(at, hint, format, args...)
}

// FailWith adds an error that something else has given, with its advice.
func (d *Document) FailWith(at Place, what string, err error) {
	d.Fail(at, hintOf(err), "%s: %v", what, err)
}

// Err holds everything that is wrong, see [Errors].
func (d *Document) Err() error { return d.l.problems.err() }
