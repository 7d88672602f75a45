package mappings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// pick is a field of the document: a column, or something computed.
type pick struct {
	column source.Column // zero where the field is none
	field  string        // its name in the document
	said   *Field        // nil: nothing
}

// picks chooses the fields of a table's documents, in order, and their names. What is wrong is added to the
// compiler's errors, or to missing.
func (c *compiler) picks(m Mapping, columns source.Columns, missing *missing) []pick {
	var picks []pick
	if m.Columns != nil {
		for _, name := range m.Columns {
			if column, ok := columns.Column(name.Value); ok {
				picks = append(picks, pick{column: column, field: column.Name})
			} else {
				missing.add(name, columns)
			}
		}
	} else {
		for _, column := range columns.Columns {
			excluded := func(name Text) bool { return name.Value == column.Name }
			if !slices.ContainsFunc(m.Exclude, excluded) {
				picks = append(picks, pick{column: column, field: column.Name})
			}
		}
		for _, name := range m.Exclude {
			if _, ok := columns.Column(name.Value); !ok {
				missing.add(name, columns)
			}
		}
	}
	picks = c.say(m, columns, picks, missing)
	c.dotted(m, columns, picks)
	if m.Mark.Value != "" {
		picks = append(picks, pick{field: m.Mark.Value})
	}
	c.duplicates(m, columns, picks, missing)
	return picks
}

// dotted looks at columns whose own names have dots, of which nobody has said that they nest.
func (c *compiler) dotted(m Mapping, columns source.Columns, picks []pick) {
	for _, p := range picks {
		if !strings.Contains(p.column.Name, ".") || p.field != p.column.Name || c.warnings.has(m.place()) {
			continue
		}
		c.warnings.add(m.place(), "say its name with `to` under fields, that one if it is meant",
			"column %q of %s: the dot in its name nests it in the document", p.column.Name, columns.Table)
	}
}

// say gives the picked columns what fields has for them, and adds the fields that are no columns.
func (c *compiler) say(m Mapping, columns source.Columns, picks []pick, missing *missing) []pick {
	for i := range m.Fields {
		field := &m.Fields[i]
		at := slices.IndexFunc(picks, func(p pick) bool { return p.column.Name == field.Column.Value })
		if at < 0 && field.computed() {
			if problem := badField(field.Column.Value); problem != "" && field.To.Value == "" {
				c.errors.add(field.Column.At, "", "field name %q: %s", field.Column.Value, problem)
			}
			at, picks = len(picks), append(picks, pick{field: field.Column.Value})
		}
		if at >= 0 {
			picks[at].said = field
			picks[at].field = cmp.Or(field.To.Value, picks[at].field)
			continue
		}
		if _, ok := columns.Column(field.Column.Value); !ok {
			missing.add(field.Column, columns)
		} else if !missing.said(field.Column) {
			c.errors.add(field.Column.At, "", "fields: column %q is not part of the document", field.Column.Value)
		}
	}
	return picks
}

// duplicates looks for two columns that would become one field, or one within the other.
func (c *compiler) duplicates(m Mapping, columns source.Columns, picks []pick, missing *missing) {
	fields := make([]targets.Field, len(picks))
	for i, p := range picks {
		fields[i].Name = p.field
	}
	if targets.CheckPaths(fields) == nil {
		return
	}
	for i, p := range picks {
		for _, other := range picks[:i] {
			within := nestedIn(other.field, p.field)
			if other.field != p.field && within == "" {
				continue
			}
			at := m.place()
			for _, one := range []pick{other, p} {
				if one.said != nil {
					at = one.said.Column.At
					if one.said.To.Value != "" {
						at = one.said.To.At
					}
				}
			}
			if p.column.Name == "" && p.said == nil {
				at = m.Mark.At
			}
			if missing.said(Text{p.field, at}) {
				continue
			}
			if within != "" {
				c.errors.add(at, "", "table %s: field %s, and a field is a value or an object", columns.Table, within)
				continue
			}
			c.errors.add(at, "", "table %s: %s and %s would both be field %q", columns.Table, other.origin(), p.origin(), p.field)
		}
	}
}

// origin names what a field is made of.
func (p pick) origin() string {
	switch {
	case p.said != nil && p.said.computed():
		return fmt.Sprintf("what is computed as %q", p.said.Column.Value)
	case p.column.Name == "":
		return "the mark of on_delete"
	}
	return fmt.Sprintf("column %q", p.column.Name)
}

// missing collects the columns that a mapping names and tables do not have. A glob may select a
// thousand tables: each name is reported once.
type missing struct {
	tables int // of the mapping
	names  []Text
	lacks  map[Text][]source.Table
	advice map[Text]string
	noted  map[Text]bool
}

func newMissing(list []selected) *missing {
	return &missing{tables: len(list), lacks: map[Text][]source.Table{}, advice: map[Text]string{}, noted: map[Text]bool{}}
}

func (m *missing) add(name Text, columns source.Columns) {
	if m.lacks[name] == nil {
		m.names = append(m.names, name)
		candidates := make([]string, len(columns.Columns))
		for i, column := range columns.Columns {
			candidates[i] = column.Name
		}
		m.advice[name] = didYouMean(name.Value, candidates)
	}
	m.lacks[name] = append(m.lacks[name], columns.Table)
}

// said reports whether another error about this word was added already, and notes it.
func (m *missing) said(name Text) bool {
	said := m.noted[name]
	m.noted[name] = true
	return said
}

func (m *missing) report(errors *problems) {
	for _, name := range m.names {
		tables := m.lacks[name]
		where := tables[0].String()
		if len(tables) > 1 {
			where += fmt.Sprintf(" and %d more of the %d tables", len(tables)-1, m.tables)
		} else if m.tables > 1 {
			where += fmt.Sprintf(", one of the %d tables", m.tables)
		}
		errors.add(name.At, m.advice[name], "no column %q in %s", name.Value, where)
	}
}
