package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// sides are a source and a target, open, with what the configuration makes of the one in the other.
type sides struct {
	source sourceDriver
	target targetDriver
	plans  []*mappings.Plan
	rows   map[source.Table]int64 // the catalog's estimates; negative: unknown
}

// openSides opens both sides and compiles the mappings, of the named ones or of all. Whoever calls it closes ends.
func (c *config) openSides(ctx context.Context, names []string, log *slog.Logger, ends *ends) (*sides, error) {
	chosen, err := c.selectTables()
	if err != nil {
		return nil, err
	}
	if len(chosen.tables) == 0 {
		return nil, &usageError{"nothing says which tables are meant", "add --all-tables, or --tables with a list such as shop.orders,shop.customers"}
	}
	s := &sides{rows: map[source.Table]int64{}}
	src, sourceErr := c.sourceKind().open(ctx, c, log)
	if sourceErr == nil {
		s.source = src
		ends.add(func(context.Context) error { return src.Close() })
	}
	dst, targetErr := startTarget(ctx, c, log, ends)
	if err := errors.Join(sourceErr, targetErr); err != nil {
		return nil, err
	}
	s.target = dst
	plans, described, err := chosen.plansOf(ctx, src, names, log)
	if err != nil {
		return nil, err
	}
	s.plans = plans
	for _, table := range described {
		s.rows[table.Table] = table.Rows
	}
	return s, nil
}

// planCalled returns the one plan that a name stands for.
func (s *sides) planCalled(name string) (*mappings.Plan, error) {
	plans, err := plansCalled(s.plans, []string{name})
	if err != nil {
		return nil, err
	}
	if len(plans) > 1 {
		var tables []string
		for _, plan := range plans {
			tables = append(tables, plan.Table().String())
		}
		return nil, &usageError{fmt.Sprintf("%q stands for %d tables", name, len(plans)), "name one of them: " + joinSome(tables)}
	}
	return plans[0], nil
}

// joinSome lists the first few of many.
func joinSome(texts []string) string {
	const some = 5
	out := ""
	for i, text := range texts {
		if i == some {
			return fmt.Sprintf("%s and %d more", out, len(texts)-some)
		}
		if i > 0 {
			out += ", "
		}
		out += text
	}
	return out
}
