package mappings

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Policy says what a run does about a change of a table's definition.
type Policy string

// The policies.
const (
	Evolve Policy = "evolve" // documents get the new shape; the table is copied again where that changes them
	Ignore Policy = "ignore" // go on without copying again; a column that was added stays out
	Park   Policy = "park"   // leave the mapping alone until it is resumed, and go on with all others
	Stop   Policy = "stop"   // end the run with an error
)

// What a mapping does about tables that come under one of its globs later.
const (
	NewBackfill = "backfill" // they are copied and followed
	NewIgnore   = "ignore"   // they are left out
)

// Policies are what a mapping says of changes of its tables. What it does not say is empty, and is for
// the run to decide. They make no document another, so that they are no part of a [Definition].
type Policies struct {
	Add       Policy // a column was added, where the mapping takes all columns
	Other     Policy // a column was dropped, renamed or retyped, or the key is another
	NewTables string
}

// policyWords are the policies, in the order in which messages name them.
var policyWords = []string{string(Evolve), string(Ignore), string(Park), string(Stop)}

// policyKeys are the keys of on_schema_change.
var policyKeys = []Key{
	{Name: "add", Form: FormWord, Words: policyWords, Example: "evolve", Default: "`evolve`", Doc: "A column was added, where the mapping takes all columns."},
	{Name: "other", Form: FormWord, Words: policyWords, Example: "park", Default: "`evolve` where nothing can be lost, otherwise `park`",
		Doc: "A column was dropped, renamed or retyped, or the key is another."},
}

// policies reads what a mapping says of changes of its tables.
func (l *loader) policies(m Mapping, said entries) Policies {
	var p Policies
	if change, ok := said.get("on_schema_change"); ok {
		p.Add, p.Other = l.onSchemaChange(change.value)
	}
	if tables, ok := said.get("new_tables"); ok {
		p.NewTables = l.word(tables, "new_tables", []string{NewBackfill, NewIgnore})
		if p.NewTables == NewIgnore && m.Name.Value == "" {
			l.problems.add(tables.key.At, "give the mapping a `name`: what it has taken is kept under it", "new_tables is ignore, and the mapping has no name")
		}
	}
	return p
}

func (l *loader) onSchemaChange(node ast.Node) (add, other Policy) {
	if what := describe(node); what != "a map" {
		l.problems.add(l.place(node), "write it as {add: evolve, other: park}", "on_schema_change is %s, not a map of `add` and `other`", what)
		return "", ""
	}
	each, _ := l.entries(node, "on_schema_change", keyNames(policyKeys))
	for _, one := range each {
		policy := Policy(l.word(one, "on_schema_change."+one.key.Value, policyWords))
		if one.key.Value == "add" {
			add = policy
		} else {
			other = policy
		}
	}
	return add, other
}

// word reads a value that is one of a few words; empty where it is none of them.
func (l *loader) word(said entry, what string, allowed []string) string {
	text, ok := l.text(said.value, what)
	if !ok {
		return ""
	}
	for _, word := range allowed {
		if text.Value == word {
			return word
		}
	}
	l.problems.add(text.At, didYouMean(text.Value, allowed), "%s %q: want one of %s", what, text.Value, strings.Join(allowed, ", "))
	return ""
}
