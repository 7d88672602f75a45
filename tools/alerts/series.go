package main

import (
	"context"
	"fmt"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// storedSeries are all samples of all scrapes, by the text of their labels.
type storedSeries map[string]*oneSeries

type oneSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// parse takes the scrapes apart. Only counters and gauges are kept: no rule asks for others.
func parse(scrapes []scrape) (storedSeries, error) {
	all := storedSeries{}
	for _, s := range scrapes {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(s.Text))
		if err != nil {
			return nil, fmt.Errorf("scrape at %s: %w", s.At, err)
		}
		for name, family := range families {
			for _, m := range family.GetMetric() {
				switch family.GetType() {
				case dto.MetricType_COUNTER:
					all.add(name, m, s.At.UnixMilli(), m.GetCounter().GetValue())
				case dto.MetricType_GAUGE:
					all.add(name, m, s.At.UnixMilli(), m.GetGauge().GetValue())
				}
			}
		}
	}
	return all, nil
}

// point is one value.
type point struct {
	at    int64
	value float64
}

// T is the time in milliseconds.
func (p point) T() int64 { return p.at }

// ST is the start of a counter, which the text format does not tell.
func (point) ST() int64 { return 0 }

// F is the value.
func (p point) F() float64 { return p.value }

// H is nil: this is no histogram.
func (point) H() *histogram.Histogram { return nil }

// FH is nil, too.
func (point) FH() *histogram.FloatHistogram { return nil }

// Type says that this is a plain number.
func (point) Type() chunkenc.ValueType { return chunkenc.ValFloat }

// Copy returns the same: nothing in it can change.
func (p point) Copy() chunks.Sample { return p }

func (s storedSeries) add(name string, m *dto.Metric, at int64, value float64) {
	b := labels.NewScratchBuilder(len(m.GetLabel()) + 1)
	b.Add(labels.MetricName, name)
	for _, l := range m.GetLabel() {
		b.Add(l.GetName(), l.GetValue())
	}
	b.Sort()
	set := b.Labels()
	one := s[set.String()]
	if one == nil {
		one = &oneSeries{labels: set}
		s[set.String()] = one
	}
	one.samples = append(one.samples, point{at, value})
}

// Querier implements storage.Queryable.
func (s storedSeries) Querier(_, _ int64) (storage.Querier, error) { return querier{s}, nil }

// querier finds series.
type querier struct{ series storedSeries }

// Select returns the series that match.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
next:
	for _, one := range q.series {
		for _, m := range matchers {
			if !m.Matches(one.labels.Get(m.Name)) {
				continue next
			}
		}
		found = append(found, storage.NewListSeries(one.labels, one.samples))
	}
	return &seriesSet{rest: found}
}

// LabelValues is not asked for by any evaluation.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames is not asked for by any evaluation.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close has nothing to do.
func (querier) Close() error { return nil }

// seriesSet goes through a list.
type seriesSet struct {
	now  storage.Series
	rest []storage.Series
}

// Next goes on to the next series.
func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.now, s.rest = s.rest[0], s.rest[1:]
	return true
}

// At returns the series.
func (s *seriesSet) At() storage.Series { return s.now }

// Err is nil: a list does not fail.
func (*seriesSet) Err() error { return nil }

// Warnings are none.
func (*seriesSet) Warnings() annotations.Annotations { return nil }
