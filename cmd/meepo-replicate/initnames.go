package main

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// names gives each mapping of a file a name and a destination of its own.
type names struct {
	rules        mappings.Rules
	qualified    bool // tables of several schemas: their mappings are named with it
	mappings     map[string]bool
	destinations map[string]bool
	wanted       map[string]bool // destinations that some table has without a mapping
}

func newNames(rules mappings.Rules, tables []source.Columns) *names {
	n := &names{rules: rules, mappings: map[string]bool{}, destinations: map[string]bool{}, wanted: map[string]bool{}}
	for _, columns := range tables {
		n.qualified = n.qualified || columns.Table.Schema != tables[0].Table.Schema
		n.wanted[n.usual(columns.Table)] = true
	}
	return n
}

// mapping is a name as the language allows it, made of the table's.
func (n *names) mapping(table source.Table) string {
	text := table.Name
	if n.qualified {
		text = table.String()
	}
	return free(replaced(text, notPlain),
		func(name string) bool { return len(name) <= 100 && !n.mappings[name] }, n.mappings)
}

// usual is the destination of a table without a mapping.
func (n *names) usual(table source.Table) string {
	if n.rules.Default != nil {
		return n.rules.Default(table)
	}
	return strings.ToLower(table.String())
}

// destination is the usual one, or the nearest name that the target can have and no table wants.
func (n *names) destination(table source.Table) string {
	usual := n.usual(table)
	fits := func(name string) bool {
		return !strings.ContainsAny(name, "{}") && !n.destinations[name] && (n.rules.Name == nil || n.rules.Name(name) == nil)
	}
	if fits(usual) {
		n.destinations[usual] = true
		return usual
	}
	name := usual
	if !n.destinations[usual] {
		name = strings.Trim(replaced(strings.ToLower(usual), notPlain), "_-+.")
	}
	return free(name, func(name string) bool { return fits(name) && !n.wanted[name] }, n.destinations)
}

// notPlain are the characters that one language or another takes for something else.
func notPlain(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r)
}

// fieldFor returns another name for a column that the target cannot have as a field, and why it cannot; no reason if it
// can. Where no other name is found, the compiler says so of the column's own.
func fieldFor(column string, rules mappings.Rules, taken map[string]bool) (field, why string) {
	refused := func(name string) error {
		if rules.Fields == nil {
			return nil
		}
		return rules.Fields([]targets.Field{{Name: name}})
	}
	err := refused(column)
	if err == nil && !strings.Contains(column, ".") {
		return column, ""
	}
	why = "a dot would make it a part of an object"
	if err != nil {
		why = err.Error()
	}
	text := strings.Trim(replaced(column, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`$.{}`, r)
	}), "_")
	fits := func(name string) bool { return name != "" && !taken[name] && refused(name) == nil }
	if text == "" || refused(text) != nil {
		text = "field_" + text
	}
	return free(text, fits, taken), why
}

// replaced puts an underscore in the place of characters.
func replaced(text string, bad func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return '_'
		}
		return r
	}, text)
}

// free returns the name, or the first with a number behind it that fits, and takes it. It is cut for the number, since a
// name that is too long never fits.
func free(name string, fits func(string) bool, taken map[string]bool) string {
	const tries = 1000
	found := name
	for i := 2; !fits(found) && i < tries; i++ {
		behind := fmt.Sprintf("_%d", i)
		found = cutTo(name, 60-len(behind)) + behind
	}
	taken[found] = true
	return found
}

// cutTo returns at most so many bytes of a text, in whole characters.
func cutTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
