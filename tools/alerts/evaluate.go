package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// evaluate goes through the scrapes as Prometheus would: at each, every rule is evaluated, and one
// that was true for as long as it asks for fires.
func evaluate(groups *rulefmt.RuleGroups, scrapes []scrape) ([]fired, error) {
	series, err := parse(scrapes)
	if err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	found := []fired{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			pending := map[string]time.Time{} // since when it is true, by labels
			told := map[string]bool{}
			for _, s := range scrapes {
				vector, err := instant(engine, series, rule.Expr, s.At)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", rule.Alert, err)
				}
				still := map[string]time.Time{}
				for _, sample := range vector {
					key := sample.Metric.String()
					since, ok := pending[key]
					if !ok {
						since = s.At
					}
					still[key] = since
					if s.At.Sub(since) >= time.Duration(rule.For) && !told[key] {
						told[key] = true
						found = append(found, fired{rule.Alert, sample.Metric.DropReserved(func(n string) bool { return n == "__name__" }).Map(), s.At})
					}
				}
				pending = still
			}
		}
	}
	return found, nil
}

func instant(engine *promql.Engine, series storedSeries, expr string, at time.Time) (promql.Vector, error) {
	query, err := engine.NewInstantQuery(context.Background(), series, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	return query.Exec(context.Background()).Vector()
}
