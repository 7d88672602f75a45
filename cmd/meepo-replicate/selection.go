package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// selection says which tables are copied, and how. --tables (or --all-tables) says which, mappings
// say how: a table without one is copied as it is. Without tables, the mappings' own tables are
// meant.
type selection struct {
	tables   []source.Pattern // what to list and to follow; none: nothing was selected
	asked    []mappings.From  // --tables, with where it was said; none if it was not
	mappings []mappings.Mapping
	rules    mappings.Rules
	warnings []string
}

// selectTables reads tables and mappings of the configuration.
func (c *config) selectTables() (*selection, error) {
	s, all := &selection{rules: c.targetKind().rules(c)}, c.parsed
	var err error
	if s.asked, err = c.askedTables(); err != nil {
		return nil, err
	}
	if len(s.asked) == 0 {
		s.mappings, s.tables = all, mappings.Patterns(all)
		return s, nil
	}
	for _, from := range s.asked {
		s.tables = append(s.tables, from.Pattern)
	}
	for _, m := range all {
		s.restrict(m)
	}
	return s, nil
}

// askedTables reads --tables and --all-tables.
func (c *config) askedTables() ([]mappings.From, error) {
	if c.AllTables {
		return []mappings.From{{Pattern: c.allTables(), At: c.origins["all_tables"].mappingPlace()}}, nil
	}
	var list []mappings.From
	var wrong []error
	said, _ := c.sourceKind().inURL(c.Source.URL)
	for _, text := range c.Tables {
		pattern, err := source.ParsePattern(text, said.schema)
		if err != nil {
			wrong = append(wrong, c.origins["tables"].problem("%v", err))
		}
		list = append(list, mappings.From{Pattern: pattern, At: c.origins["tables"].mappingPlace()})
	}
	return list, errors.Join(wrong...)
}

// allTables is every table of what the source's URL names.
func (c *config) allTables() source.Pattern {
	said, _ := c.sourceKind().inURL(c.Source.URL)
	return said.all
}

// looksAt is what a selection has to be looked at for: every table of what the source's URL names, if nothing was selected.
func (c *config) looksAt(chosen *selection) []source.Pattern {
	if len(chosen.tables) == 0 {
		return []source.Pattern{c.allTables()}
	}
	return chosen.tables
}

// mappingPlace is the origin as messages about mappings show it; nowhere unless it is in the file.
func (o origin) mappingPlace() mappings.Place {
	if o.at == nil {
		return mappings.Place{}
	}
	return mappings.Place{File: o.at.text.path, Line: o.at.line, Column: o.at.column, Text: o.at.text.lines[o.at.line-1]}
}

// restrict keeps of a mapping what is about the asked tables.
func (s *selection) restrict(m mappings.Mapping) {
	var kept []mappings.From
	for _, from := range m.From {
		table, literal := from.Literal()
		if !literal || matches(s.tables, table) {
			kept = append(kept, from)
			continue
		}
		s.warnings = append(s.warnings, fmt.Sprintf("mapping %s: %s is not copied, as tables leaves it out", m.Name.Value, table))
	}
	if len(kept) > 0 {
		m.From = kept
		s.mappings = append(s.mappings, m)
	}
}

// compile makes the plans for the tables that the source has at this moment.
func (s *selection) compile(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
	list := s.mappings
	if len(s.asked) > 0 { // those that no mapping is about are copied as they are
		list = append(list[:len(list):len(list)], mappings.Mapping{From: s.asked, Except: mappings.Patterns(s.mappings)})
	}
	if list = present(list, tables); len(list) == 0 {
		// Compile would take no mappings for all tables.
		return mappings.Compiled{}, nil
	}
	return mappings.Compile(list, tables, s.rules)
}

// present leaves out the tables that mappings name and that are not there: at the start missing has
// refused them, and one that is dropped later stops no other.
func present(list []mappings.Mapping, tables []source.Columns) []mappings.Mapping {
	var kept []mappings.Mapping
	for _, m := range list {
		var from []mappings.From
		for _, f := range m.From {
			_, literal := f.Literal()
			if !literal || slices.ContainsFunc(tables, func(c source.Columns) bool { return f.Match(c.Table) }) {
				from = append(from, f)
			}
		}
		if len(from) > 0 {
			m.From = from
			kept = append(kept, m)
		}
	}
	return kept
}

// missing finds the tables that were named and that are not there.
func (s *selection) missing(ctx context.Context, src sourceDriver, described []source.Columns) error {
	named := s.asked
	for _, m := range s.mappings {
		named = append(named[:len(named):len(named)], m.From...)
	}
	var wrong []error
	for _, from := range named {
		table, literal := from.Literal()
		if !literal || slices.ContainsFunc(described, func(c source.Columns) bool { return from.Match(c.Table) }) {
			continue
		}
		if other := noTable(ctx, src, table, from.At); other != nil {
			wrong = append(wrong, other)
			continue
		}
		// Only now, since it asks for every table of the database.
		others, err := src.Tables(ctx, "", []source.Pattern{{Schema: table.Schema, Name: "*"}})
		if err != nil {
			return err
		}
		names := make([]string, len(others))
		for i, t := range others {
			names[i] = t.String()
		}
		hint := "check the name, upper and lower case included, and that the account may SELECT from the table"
		if near := nearest(table.String(), names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		wrong = append(wrong, &mappings.Error{Place: from.At, Message: fmt.Sprintf("no such table: %s", table), Hint: hint})
	}
	return errors.Join(wrong...)
}

// noTable says what a name stands for that is none of a table, where the source knows.
func noTable(ctx context.Context, src sourceDriver, table source.Table, at mappings.Place) error {
	_, err := src.Columns(ctx, "", table)
	var known *source.HintError
	if !errors.Is(err, source.ErrNoTable) || !errors.As(err, &known) {
		return nil
	}
	return &mappings.Error{Place: at, Message: fmt.Sprintf("%s: %v", table, known.Err), Hint: known.Advice}
}

func matches(patterns []source.Pattern, table source.Table) bool {
	for _, p := range patterns {
		if p.Match(table) {
			return true
		}
	}
	return false
}

// describe asks the catalog for all tables of the patterns.
func describe(ctx context.Context, src sourceDriver, patterns []source.Pattern) ([]source.Columns, error) {
	tables, err := src.Tables(ctx, "", patterns)
	if err != nil {
		return nil, err
	}
	list := make([]source.Columns, 0, len(tables))
	for _, table := range tables {
		columns, err := src.Columns(ctx, "", table)
		if err != nil {
			return nil, err
		}
		list = append(list, columns)
	}
	return list, nil
}
