package main

import (
	"context"
	"errors"
	"log/slog"
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
	patterns := c.looksAt(chosen)
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
