package main

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// draft is the mapping of one table, to be written.
type draft struct {
	columns source.Columns
	mapping mappings.Mapping
	dest    *targets.Destination
	held    []string // columns that look like secrets
	renamed []renamed
	losses  []loss
	doubts  []string // what the target says of the destination as a whole
}

// renamed is a column that the target cannot have under its name.
type renamed struct{ column, field, why string }

// loss is what the target does not keep of a column.
type loss struct{ column, message, change string }

// newDraft decides what a mapping says of a table. A reason says why there is none.
func newDraft(columns source.Columns, rules mappings.Rules, names *names) (*draft, string) {
	table := columns.Table
	switch {
	case columns.Refused != "":
		return nil, columns.Refused
	case strings.Contains(table.Schema, "."):
		return nil, "its schema's name has a dot, which a mapping cannot say"
	}
	d := &draft{columns: columns}
	for _, column := range columns.KeyColumns() {
		if looksSecret(column) {
			return nil, "its key column " + column.Name + " looks like a secret, and the documents' ids would show it: write a mapping for it if that is meant"
		}
	}
	d.mapping = mappings.Mapping{
		Name: mappings.Text{Value: names.mapping(table)},
		From: []mappings.From{{Pattern: patternOf(table)}},
		To:   mappings.Text{Value: names.destination(table)},
	}
	taken := map[string]bool{}
	for _, column := range columns.Columns {
		taken[column.Name] = true
	}
	for _, column := range columns.Columns {
		if looksSecret(column) {
			d.held = append(d.held, column.Name)
			d.mapping.Exclude = append(d.mapping.Exclude, mappings.Text{Value: column.Name})
			continue
		}
		if field, why := fieldFor(column.Name, rules, taken); why != "" {
			d.renamed = append(d.renamed, renamed{column.Name, field, inOneLine(why)})
			d.mapping.Fields = append(d.mapping.Fields, mappings.Field{Column: mappings.Text{Value: column.Name}, To: mappings.Text{Value: field}})
		}
	}
	return d, ""
}

// compile sees to it that the language takes the mapping, and returns the reason if not.
func (d *draft) compile(rules mappings.Rules) (reason string) {
	d.dest, reason = planOf(d.mapping, d.columns, rules)
	return reason
}

// planOf is where a mapping's documents would go, or the reason why the language does not take it.
func planOf(m mappings.Mapping, columns source.Columns, rules mappings.Rules) (*targets.Destination, string) {
	compiled, err := mappings.Compile([]mappings.Mapping{m}, []source.Columns{columns}, rules)
	if list := append(mappings.Errors(err), compiled.Warnings...); len(list) > 0 {
		return nil, list[0].Short()
	}
	if err != nil || len(compiled.Plans) != 1 {
		return nil, fmt.Sprintf("no plan can be made of it (%v)", err)
	}
	return compiled.Plans[0].Destination(), ""
}

// hear keeps what the target finds of the draft's destination and its fields.
func (d *draft) hear(findings []targets.Finding, rules mappings.Rules) {
	for i, field := range d.dest.Fields {
		for _, f := range findings {
			if f.Subject == d.dest.Name+"."+field.Name {
				d.losses = append(d.losses, loss{d.copied()[i], inOneLine(f.Message), cmp.Or(inOneLine(f.Fix), d.change(d.copied()[i], field, rules))})
			}
		}
	}
	for _, f := range findings {
		if f.Subject == d.dest.Name && f.Severity >= targets.Warning {
			d.doubts = append(d.doubts, withFix(f))
		}
	}
}

// withFix is a finding in one line.
func withFix(f targets.Finding) string {
	if f.Fix == "" {
		return inOneLine(f.Message)
	}
	return inOneLine(f.Message + ": " + f.Fix)
}

// copied are the columns that are not excluded, in the order of the destination's fields.
func (d *draft) copied() []string {
	var list []string
	for _, column := range d.columns.Columns {
		if !slices.Contains(d.held, column.Name) {
			list = append(list, column.Name)
		}
	}
	return list
}

// instead are the types that make up for what a target does not keep of a kind by default, the best first, whichever
// target or the language itself has them.
var instead = map[targets.Kind][]string{
	targets.KindDecimal:   {"scaled_float", "double", "text"},
	targets.KindUint:      {"unsigned_long", "double", "text"},
	targets.KindDate:      {"keyword", "text"},
	targets.KindDateTime:  {"keyword", "text"},
	targets.KindTimestamp: {"keyword", "text"},
	targets.KindJSON:      {"flattened", "nested", "json", "text"},
	targets.KindGeometry:  {"geo_shape", "geo_point", "text"},
	targets.KindBinary:    {"keyword", "hex"},
	targets.KindVector:    {"dense_vector", "text"},
}

// change is what would have a column kept otherwise, as a mapping says it; empty: nothing. It is only what the language
// takes of this column.
func (d *draft) change(column string, field targets.Field, rules mappings.Rules) string {
	var ways []string
	if d.takes(mappings.Field{Column: mappings.Text{Value: column}, ZeroDate: mappings.Text{Value: "error"}}, rules) {
		ways = append(ways, "zero_date: error")
	}
	for _, name := range instead[field.Kind] {
		scale := scaleOf(name, field)
		if !d.takes(mappings.Field{Column: mappings.Text{Value: column}, Type: mappings.Text{Value: name}, Scale: scale}, rules) {
			continue
		}
		way := "type: " + name
		if scale > 0 {
			way += fmt.Sprintf(", scale: %d", scale)
		}
		ways = append(ways, way)
	}
	if len(ways) == 0 {
		return ""
	}
	text := "fields: {" + quoted(column) + ": {" + ways[0] + "}}"
	for _, way := range ways[1:] {
		text += ", or {" + way + "}"
	}
	return text
}

// scaleOf is the factor that a type wants of a field: all digits of a decimal are whole then.
func scaleOf(name string, field targets.Field) int {
	if name != "scaled_float" {
		return 0
	}
	return int(math.Pow10(min(field.Scale, 9)))
}

// takes reports whether the language takes what is said of one more column.
func (d *draft) takes(said mappings.Field, rules mappings.Rules) bool {
	m := d.mapping
	m.Fields = slices.Clone(m.Fields)
	at := slices.IndexFunc(m.Fields, func(f mappings.Field) bool { return f.Column.Value == said.Column.Value })
	if at < 0 {
		m.Fields = append(m.Fields, said)
	} else {
		said.To = m.Fields[at].To
		m.Fields[at] = said
	}
	_, reason := planOf(m, d.columns, rules)
	return reason == ""
}

// glob are the characters that a pattern takes for more than themselves.
var glob = regexp.MustCompile(`[*?\[\\]`)

// patternOf selects one table, whatever its name.
func patternOf(table source.Table) source.Pattern {
	escape := func(name string) string { return glob.ReplaceAllString(name, `\$0`) }
	return source.Pattern{Schema: escape(table.Schema), Name: escape(table.Name)}
}

// inOneLine keeps a comment in its line.
func inOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
