package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// printGrants prints what the accounts of both sides need as statements, to be pasted into a client: what is missing as it
// is to be run, all else as comments. What keeps one side from being looked at does not hide the other.
func printGrants(ctx context.Context, c *config, chosen *selection, log *slog.Logger, w io.Writer) error {
	out := &lines{w: w}
	dests, sourceErr := sourceGrants(ctx, c, chosen, log, out)
	return errors.Join(sourceErr, targetGrants(ctx, c, dests, log, out), out.err)
}

// sourceGrants is the source's side; it returns where the tables would go.
func sourceGrants(ctx context.Context, c *config, chosen *selection, log *slog.Logger, out *lines) (dests []*targets.Destination, err error) {
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	patterns := c.looksAt(chosen)
	tables, err := src.Tables(ctx, "", patterns)
	if err != nil {
		return nil, err
	}
	if granter, ok := src.(source.Granter); ok {
		needs, err := granter.Grants(ctx, patterns, tables)
		if err != nil {
			return nil, err
		}
		out.grants("source "+shownURL(c.Source.URL), needs)
	}
	described, err := describe(ctx, src, patterns)
	if err != nil || len(described) == 0 { // tables that may not be read yet, which is what this is about
		return chosen.roughly(), nil //nolint:nilerr // see there
	}
	compiled, err := chosen.compile(ctx, described)
	if err != nil {
		return chosen.roughly(), nil //nolint:nilerr // what is wrong with mappings, check says
	}
	return writtenAt{plans: compiled.Plans}.destinations(), nil
}

// roughly are the destinations as far as mappings name them, without their fields: enough to say what a target's account needs.
func (s *selection) roughly() []*targets.Destination {
	var dests []*targets.Destination
	for _, name := range mappings.DestinationNames(s.mappings, s.tables, s.rules) {
		dests = append(dests, &targets.Destination{Name: name})
	}
	return dests
}

func targetGrants(ctx context.Context, c *config, dests []*targets.Destination, log *slog.Logger, out *lines) (err error) {
	dst, err := c.targetKind().open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close(context.WithoutCancel(ctx))) }()
	granter, ok := dst.(targets.Granter)
	if !ok {
		out.printf("-- target %s: its rights are not granted by statements; check names those that are missing\n", shownURL(c.Target.URL))
		return nil
	}
	needs, err := granter.Grants(ctx, dests)
	if err != nil {
		return err
	}
	out.grants("target "+shownURL(c.Target.URL), source.Grants(needs))
	return nil
}

func (l *lines) grants(side string, g source.Grants) {
	l.printf("-- %s, account %s. Nothing was run.\n", side, g.Account)
	l.printf("-- For an account that is not there yet: %s\n", g.Create)
	for _, statement := range g.Held {
		l.printf("-- it has: %s\n", statement)
	}
	for _, statement := range g.Excess {
		l.printf("-- not needed: %s\n", statement)
	}
	for _, statement := range g.Missing {
		l.printf("%s\n", statement)
	}
	l.printf("\n")
}
