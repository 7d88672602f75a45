package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// flow is one table under one mapping, as compiled now. A changed definition makes a new flow.
type flow struct {
	plan  *mappings.Plan
	table source.Table
	rows  *rowSize
	total int64 // the catalog's estimate of rows; negative: unknown
}

func (f *flow) record() state.Plan {
	return state.Plan{
		Plan: string(f.plan.ID()), Source: f.table.String(),
		Destination: f.plan.Destination().Name, Fingerprint: f.plan.Fingerprint(),
	}
}

// CompileFunc makes plans of the tables that the catalog describes. It is called at the start and
// whenever a table has changed. Warnings are shown to the user once.
type CompileFunc func(ctx context.Context, tables []source.Columns) (plans []*mappings.Plan, warnings []string, err error)

// plans holds the flows that are in force.
type plans struct {
	catalog  source.Catalog
	patterns []source.Pattern
	compile  CompileFunc
	prepare  targets.Preparer // nil: the target needs none
	health   *outage
	target   *outage
	log      *slog.Logger
	fence    func() source.Fence

	reloading sync.Mutex               // one reload at a time; held over I/O
	ahead     map[source.Table][]*flow // lost before the log said so; guarded by reloading

	mu      sync.Mutex
	tables  map[source.Table]source.Columns
	flows   map[mappings.PlanID]*flow
	byTable map[source.Table][]*flow
	warned  map[string]bool
}

// get returns the flow of a plan, or nil where there is none any more.
func (p *plans) get(id mappings.PlanID) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flows[id]
}

// of returns the flows that read a table.
func (p *plans) of(t source.Table) []*flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byTable[t]
}

// all returns every flow, sorted by plan.
func (p *plans) all() []*flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.flows), func(a, b *flow) int {
		return strings.Compare(string(a.plan.ID()), string(b.plan.ID()))
	})
}

// load describes all selected tables and compiles them. Errors are the caller's to show: nothing
// is tried again, because at the start somebody is watching.
func (p *plans) load(ctx context.Context) error {
	names, err := p.catalog.Tables(ctx, p.fence(), p.patterns)
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	tables := make(map[source.Table]source.Columns, len(names))
	for _, name := range names {
		columns, err := p.catalog.Columns(ctx, p.fence(), name)
		if errors.Is(err, source.ErrNoTable) { // dropped since it was listed
			continue
		}
		if err != nil {
			return fmt.Errorf("describe %s: %w", name, err)
		}
		tables[name] = columns
	}
	flows, err := p.compiled(ctx, tables)
	if err != nil {
		return err
	}
	if p.prepare != nil {
		if err := p.prepare.Prepare(ctx, destinations(flows)); err != nil {
			return fmt.Errorf("prepare target: %w", err)
		}
	}
	p.put(tables, flows)
	return nil
}

// reload describes one table anew and compiles all. Lost connections are waited out. A table that
// is gone, or no longer selected, loses its flows.
func (p *plans) reload(ctx context.Context, t source.Table) error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	return p.describe(ctx, t)
}

// refresh is reload for whoever met a table that is not what its flow says. A table without flows
// stays out: one that is new under the name is taken up when the log says so, with all that it needs.
func (p *plans) refresh(ctx context.Context, t source.Table) error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	had := p.of(t)
	if len(had) == 0 {
		return nil
	}
	err := p.describe(ctx, t)
	if err == nil && len(p.of(t)) == 0 {
		p.ahead[t] = had
	}
	return err
}

// describe does the work of reload.
func (p *plans) describe(ctx context.Context, t source.Table) error {
	var columns source.Columns
	err := p.health.retry(ctx, func() (err error) {
		columns, err = p.catalog.Columns(ctx, p.fence(), t)
		return err
	})
	if errors.Is(err, source.ErrNoTable) {
		return p.replace(ctx, t, nil)
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", t, err)
	}
	return p.replace(ctx, t, &columns)
}

// remove takes a table out and returns the flows that it had, or has lost already because a reader
// was ahead of the log.
func (p *plans) remove(ctx context.Context, t source.Table) ([]*flow, error) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	had := p.of(t)
	if len(had) == 0 {
		had = p.ahead[t]
		delete(p.ahead, t)
		return had, nil
	}
	return had, p.replace(ctx, t, nil)
}

func (p *plans) replace(ctx context.Context, t source.Table, columns *source.Columns) error {
	p.mu.Lock()
	tables := maps.Clone(p.tables)
	p.mu.Unlock()
	delete(tables, t)
	if columns != nil && p.selected(t) {
		tables[t] = *columns
	}
	flows, err := p.compiled(ctx, tables)
	if err != nil {
		return fmt.Errorf("after a change of %s: %w", t, err)
	}
	if p.prepare != nil && len(flows) > 0 {
		err := p.target.retry(ctx, func() error { return p.prepare.Prepare(ctx, destinations(flows)) })
		if err != nil {
			return fmt.Errorf("prepare target after a change of %s: %w", t, err)
		}
	}
	p.put(tables, flows)
	return nil
}

func (p *plans) selected(t source.Table) bool {
	for _, pattern := range p.patterns {
		if pattern.Match(t) {
			return true
		}
	}
	return false
}

func (p *plans) compiled(ctx context.Context, tables map[source.Table]source.Columns) ([]*flow, error) {
	list := slices.SortedFunc(maps.Values(tables), func(a, b source.Columns) int {
		return strings.Compare(a.Table.String(), b.Table.String())
	})
	compiled, warnings, err := p.compile(ctx, list)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range warnings {
		if !p.warned[w] {
			p.warned[w] = true
			p.log.Warn(w)
		}
	}
	flows := make([]*flow, len(compiled))
	for i, plan := range compiled {
		flows[i] = &flow{plan: plan, table: plan.Table(), rows: &rowSize{}, total: tables[plan.Table()].Rows}
		if old := p.flows[plan.ID()]; old != nil {
			flows[i].rows = old.rows
			if old.plan.Fingerprint() == plan.Fingerprint() {
				flows[i] = old
			}
		}
	}
	return flows, nil
}

func (p *plans) put(tables map[source.Table]source.Columns, flows []*flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tables = tables
	p.flows = make(map[mappings.PlanID]*flow, len(flows))
	p.byTable = map[source.Table][]*flow{}
	for _, f := range flows {
		p.flows[f.plan.ID()] = f
		p.byTable[f.table] = append(p.byTable[f.table], f)
	}
}

func destinations(flows []*flow) []*targets.Destination {
	dests := make([]*targets.Destination, len(flows))
	for i, f := range flows {
		dests[i] = f.plan.Destination()
	}
	return dests
}
