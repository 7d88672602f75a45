package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// survey is what init finds at both ends and makes of it.
type survey struct {
	sourceWords, targetWords string // who they are, for people
	tables                   int
	rows                     int64
	drafts                   []*draft
	leftOut                  []leftOut
	wrong                    []string // with the target as a whole
}

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

// leftOut is a table without a mapping.
type leftOut struct {
	table  source.Table
	reason string
}

// short is the reason in the few words before what to do about it.
func (l leftOut) short() string {
	words, _, _ := strings.Cut(l.reason, ": ")
	return words
}

// renamed is a column that the target cannot have under its name.
type renamed struct{ column, field, why string }

// loss is what the target does not keep of a column.
type loss struct{ column, message, change string }

// lookAt makes a survey of the chosen tables and of the target, where it answers.
func lookAt(ctx context.Context, c *config, log *slog.Logger) (*survey, error) {
	chosen, err := c.selectTables()
	if err != nil {
		return nil, err
	}
	s := &survey{}
	described, err := s.source(ctx, c, chosen, log)
	if err != nil {
		return nil, err
	}
	names := newNames(chosen.rules, described)
	for _, columns := range described {
		s.rows += max(columns.Rows, 0)
		s.take(columns, chosen.rules, names)
	}
	if len(s.drafts) == 0 {
		return nil, s.nothing()
	}
	return s, s.target(ctx, c, chosen.rules, log)
}

// source describes the tables. Those that may not be seen are left out.
func (s *survey) source(ctx context.Context, c *config, chosen *selection, log *slog.Logger) (described []source.Columns, err error) {
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if s.sourceWords, err = src.Introduce(ctx); err != nil {
		return nil, err
	}
	patterns := chosen.tables
	if len(patterns) == 0 {
		patterns = []source.Pattern{c.allTables()}
	}
	tables, err := src.Tables(ctx, "", patterns)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		columns, err := src.Columns(ctx, "", table)
		switch {
		case errors.Is(err, source.ErrNoTable): // dropped since
		case errors.Is(err, source.ErrDenied):
			_, fix := messageOf(err)
			s.leftOut = append(s.leftOut, leftOut{table, "the account may not read it: " + fix})
		case err != nil:
			return nil, err
		default:
			described = append(described, columns)
		}
	}
	s.tables = len(described) + len(s.leftOut)
	return described, chosen.missing(ctx, src, described)
}

// nothing is why there is no mapping to write.
func (s *survey) nothing() error {
	if len(s.leftOut) == 0 {
		return &usageError{"there is no table to copy", "name a database with tables in --source, or tables with --tables, and see that the account may SELECT from them"}
	}
	var wrong []error
	for _, l := range s.leftOut {
		wrong = append(wrong, &usageError{"table " + l.table.String() + " cannot be copied: " + l.reason, ""})
	}
	return errors.Join(wrong...)
}

// take drafts the mapping of a table, or leaves it out with the reason.
func (s *survey) take(columns source.Columns, rules mappings.Rules, names *names) {
	d, reason := newDraft(columns, rules, names)
	if reason == "" {
		reason = d.compile(rules)
	}
	if reason != "" {
		s.leftOut = append(s.leftOut, leftOut{columns.Table, inOneLine(reason)})
		return
	}
	s.drafts = append(s.drafts, d)
}

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
func (d *draft) compile(rules mappings.Rules) string {
	compiled, err := mappings.Compile([]mappings.Mapping{d.mapping}, []source.Columns{d.columns}, rules)
	list := append(mappings.Errors(err), compiled.Warnings...)
	if len(list) > 0 {
		return list[0].Short()
	}
	if err != nil || len(compiled.Plans) != 1 {
		return fmt.Sprintf("no plan can be made of it (%v)", err)
	}
	d.dest = compiled.Plans[0].Destination()
	return ""
}

// target asks the target what it makes of the destinations. That it does not answer is no error: the file can be
// written without it.
func (s *survey) target(ctx context.Context, c *config, rules mappings.Rules, log *slog.Logger) error {
	findings, err := askTarget(ctx, c, s.dests(), log)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		message, _ := messageOf(flatten(err)[0])
		s.targetWords = "no answer, so what the tables become there is not said: " + inOneLine(message)
		return nil
	}
	for _, f := range findings {
		ofDraft := slices.ContainsFunc(s.drafts, func(d *draft) bool {
			return f.Subject == d.dest.Name || strings.HasPrefix(f.Subject, d.dest.Name+".")
		})
		switch {
		case f.Severity == targets.Fatal && !ofDraft:
			s.wrong = append(s.wrong, f.Subject+": "+withFix(f))
		case f.Subject == "server" && f.Severity == targets.Note && s.targetWords == "":
			s.targetWords = f.Message
		}
	}
	for _, d := range s.drafts {
		d.hear(findings, rules)
	}
	return nil
}

func (s *survey) dests() []*targets.Destination {
	dests := make([]*targets.Destination, len(s.drafts))
	for i, d := range s.drafts {
		dests[i] = d.dest
	}
	return dests
}

func askTarget(ctx context.Context, c *config, dests []*targets.Destination, log *slog.Logger) (findings []targets.Finding, err error) {
	dst, err := c.targetKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dst.Close(context.WithoutCancel(ctx))) }()
	return dst.Check(ctx, dests)
}

// hear keeps what the target finds of the draft's destination and its fields.
func (d *draft) hear(findings []targets.Finding, rules mappings.Rules) {
	for i, field := range d.dest.Fields {
		for _, f := range findings {
			if f.Subject == d.dest.Name+"."+field.Name {
				d.losses = append(d.losses, loss{d.taken()[i], inOneLine(f.Message), cmp.Or(inOneLine(f.Fix), changeOf(d.taken()[i], field, rules))})
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

// taken are the columns that are not excluded, in the order of the destination's fields.
func (d *draft) taken() []string {
	var list []string
	for _, column := range d.columns.Columns {
		if !slices.Contains(d.held, column.Name) {
			list = append(list, column.Name)
		}
	}
	return list
}

// changeOf is what would have a column kept otherwise, as a mapping says it.
func changeOf(column string, field targets.Field, rules mappings.Rules) string {
	var types []string
	for _, t := range rules.Types {
		if slices.Contains(t.Kinds, field.Kind) {
			types = append(types, t.Name)
		}
	}
	if len(types) == 0 {
		return ""
	}
	said := "type: " + types[0]
	if types[0] == "scaled_float" {
		said += fmt.Sprintf(", scale: %.0f", math.Pow10(field.Scale))
	}
	text := "fields: {" + quoted(column) + ": {" + said + "}}"
	if others := types[1:]; len(others) > 0 {
		text += ", or " + strings.Join(others, ", ")
	}
	return text
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
