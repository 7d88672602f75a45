package mappings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// picks chooses the columns of a table that go into the document, in its order, and their names
// there. What is wrong is added to the compiler's errors, or to missing.
func (c *compiler) picks(m Mapping, columns source.Columns, missing *missing) []pick {
	var picks []pick
	if m.Columns != nil {
		for _, name := range m.Columns {
			if column, ok := columns.Column(name.Value); ok {
				picks = append(picks, pick{column, column.Name})
			} else {
				missing.add(name, columns)
			}
		}
	} else {
		for _, column := range columns.Columns {
			excluded := func(name Text) bool { return name.Value == column.Name }
			if !slices.ContainsFunc(m.Exclude, excluded) {
				picks = append(picks, pick{column, column.Name})
			}
		}
		for _, name := range m.Exclude {
			if _, ok := columns.Column(name.Value); !ok {
				missing.add(name, columns)
			}
		}
	}
	c.rename(m, columns, picks, missing)
	c.duplicates(m, columns, picks, missing)
	return picks
}

// rename gives the picked columns the names that fields has for them.
func (c *compiler) rename(m Mapping, columns source.Columns, picks []pick, missing *missing) {
	for _, field := range m.Fields {
		at := slices.IndexFunc(picks, func(p pick) bool { return p.column.Name == field.Column.Value })
		if at >= 0 {
			if field.To.Value != "" {
				picks[at].field = field.To.Value
			}
			continue
		}
		if _, ok := columns.Column(field.Column.Value); !ok {
			missing.add(field.Column, columns)
		} else if !missing.said(field.Column) {
			c.errors.add(field.Column.At, "", "fields: column %q is not part of the document", field.Column.Value)
		}
	}
}

// duplicates looks for two columns that would become one field.
func (c *compiler) duplicates(m Mapping, columns source.Columns, picks []pick, missing *missing) {
	first := map[string]string{} // the column by its field's name
	for _, p := range picks {
		other, ok := first[p.field]
		if !ok {
			first[p.field] = p.column.Name
			continue
		}
		at := m.Name.At
		for _, field := range m.Fields {
			if field.To.Value == p.field {
				at = field.To.At
			}
		}
		if missing.said(Text{p.field, at}) {
			continue
		}
		c.errors.add(at, "", "table %s: columns %q and %q would both be field %q", columns.Table, other, p.column.Name, p.field)
	}
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

// badField says what is wrong with a field's name.
func badField(name string) string {
	switch {
	case strings.Contains(name, "."):
		return "a dot is reserved for nested documents, which are not there yet"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "it must not hold control characters"
	}
	return ""
}
