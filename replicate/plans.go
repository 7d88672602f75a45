package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
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
	plan     *mappings.Plan
	table    source.Table
	rows     *source.RowSize
	total    int64   // the catalog's estimate of rows; negative: unknown
	identity string  // of what stands behind the destination; empty: the target cannot tell
	places   *places // nil: the plan has one destination
}

func (f *flow) record() state.Plan {
	identity := f.identity
	if f.places != nil {
		identity = f.places.identity()
	}
	return state.Plan{
		Plan: string(f.plan.ID()), Source: f.table.String(), Identity: identity,
		Destination: f.plan.Destination().Name, Fingerprint: f.plan.Fingerprint(), Definition: f.plan.Definition().Text(),
	}
}

// same reports whether two flows read and write alike, fields' sizes included, and leave out the same.
func (f *flow) same(other *flow) bool {
	return slices.Equal(f.plan.Definition().LeftOut, other.plan.Definition().LeftOut) && f.plan.Fingerprint() == other.plan.Fingerprint() &&
		reflect.DeepEqual(f.plan.Selection(), other.plan.Selection()) &&
		reflect.DeepEqual(f.plan.Destination(), other.plan.Destination())
}

// CompileFunc makes plans of the tables that the catalog describes. It is called at the start and
// whenever a table has changed. Warnings are shown to the user once.
type CompileFunc func(ctx context.Context, tables []source.Columns) (mappings.Compiled, error)

// unmapped is why nothing is made of a table, or less than before.
type unmapped struct {
	cause error
	said  bool // in a warning
}

// plans holds the flows that are in force.
type plans struct {
	catalog  source.Catalog
	enlister source.Enlister // nil: the source's log holds all tables
	patterns []source.Pattern
	compile  CompileFunc
	prepare  targets.Preparer   // nil: the target needs none
	identify targets.Identifier // nil: the target cannot tell
	list     targets.Lister     // nil: the target cannot tell
	health   *outage
	target   *outage
	log      *slog.Logger
	fence    func() source.Fence
	faulty   func(f *flow, cause error) error   // parks the flow's plan, or returns the cause to end the run
	lost     func(mappings.PlanID)              // told of plans that go out of force and are not parked, before they do
	ahead    func(*flow)                        // told of a flow that is in force before the log has said why
	admits   func(context.Context, *flow) error // says why a flow cannot be copied into its destination
	joined   func(*flow)                        // told of flows that a change of another table has brought into force
	out      func(mappings.PlanID)              // told of plans of new tables that are left out
	fallback string                             // what to do about changed tables where their mapping says nothing

	reloading sync.Mutex               // one reload at a time; held over I/O
	early     map[source.Table][]*flow // lost before the log said so; guarded by reloading

	mu      sync.Mutex
	tables  map[source.Table]source.Columns
	flows   map[mappings.PlanID]*flow
	byTable map[source.Table][]*flow
	warned  map[string]bool
	parked  map[mappings.PlanID]state.Parked
	// behind is what stood behind the destination when a plan was taken up, in this run or earlier.
	behind map[mappings.PlanID]string
	// accepted is what plans were made of when they were last put in force, in this run or earlier.
	accepted map[mappings.PlanID]mappings.Definition
	leftOut  map[mappings.PlanID]bool
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

// describeAll asks the catalog for all selected tables, and for those that were followed before, by
// name: a table that may not be seen is not listed, and is not gone either. Those are returned, too.
func (p *plans) describeAll(ctx context.Context, followed ...string) (map[source.Table]source.Columns, map[source.Table]unmapped, error) {
	names, err := p.catalog.Tables(ctx, p.fence(), p.patterns)
	if err != nil {
		return nil, nil, fmt.Errorf("list tables: %w", err)
	}
	for _, text := range followed {
		schema, name, _ := strings.Cut(text, ".")
		if t := (source.Table{Schema: schema, Name: name}); !slices.Contains(names, t) && p.selected(t) {
			names = append(names, t)
		}
	}
	tables, denied := make(map[source.Table]source.Columns, len(names)), map[source.Table]unmapped{}
	for _, name := range names {
		columns, err := p.catalog.Columns(ctx, p.fence(), name)
		switch {
		case errors.Is(err, source.ErrNoTable): // dropped since it was listed, or followed
		case errors.Is(err, source.ErrDenied) && slices.Contains(followed, name.String()):
			denied[name] = unmapped{cause: err}
		case errors.Is(err, source.ErrDenied):
			p.sayDenied(name, err)
		case err != nil:
			return nil, nil, fmt.Errorf("describe %s: %w", name, err)
		default:
			tables[name] = columns
		}
	}
	if err := p.enlist(ctx, tables, followed); err != nil {
		return nil, nil, err
	}
	return tables, denied, nil
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
	now := p.of(t)
	if err == nil && len(now) == 0 {
		p.early[t] = had
	}
	for _, f := range now {
		if !slices.Contains(had, f) {
			p.ahead(f)
		}
	}
	return err
}

// describe does the work of reload.
func (p *plans) describe(ctx context.Context, t source.Table) error {
	columns, err := p.describeOne(ctx, t)
	switch {
	case errors.Is(err, source.ErrNoTable):
		return p.replace(ctx, t, nil)
	case errors.Is(err, source.ErrDenied):
		return p.denied(ctx, t, err)
	case err != nil:
		return fmt.Errorf("describe %s: %w", t, err)
	}
	return p.replace(ctx, t, &columns)
}

// denied parks the plans of a table that may not be seen any more; without plans it is left out.
func (p *plans) denied(ctx context.Context, t source.Table, why error) error {
	had := p.of(t)
	if len(had) == 0 && !p.hasParked(t) && p.selected(t) {
		p.sayDenied(t, why)
	}
	for _, f := range had {
		if err := p.faulty(f, why); err != nil {
			return err
		}
	}
	return p.replace(ctx, t, nil)
}

func (p *plans) sayDenied(t source.Table, why error) {
	p.log.Error("table may not be read, it is left out", "table", t.String(), "error", why, "fix", strings.Join(Hints(why), "; "))
}

// remove takes a table out and returns the flows that it had, or has lost already because a reader
// was ahead of the log.
func (p *plans) remove(ctx context.Context, t source.Table) ([]*flow, error) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	had := p.of(t)
	if len(had) == 0 {
		had = p.early[t]
		delete(p.early, t)
		return had, nil
	}
	return had, p.replace(ctx, t, nil)
}

// replace compiles with a table as it is now. A table that cannot be compiled, or that does not fit
// its destination any more, is a fault of its own plans.
func (p *plans) replace(ctx context.Context, t source.Table, columns *source.Columns) error {
	p.mu.Lock()
	before := p.tables
	p.mu.Unlock()
	tables := maps.Clone(before)
	delete(tables, t)
	if columns != nil && p.selected(t) {
		tables[t] = *columns
	}
	made, unmapped, err := p.compiled(ctx, tables)
	if err != nil {
		return fmt.Errorf("after a change of %s: %w", t, err)
	}
	flows := slices.DeleteFunc(p.notParked(made), func(f *flow) bool { return p.leavesOut(f, before) })
	for table, why := range unmapped {
		had := p.of(table)
		if len(had) == 0 && table == t && !why.said && !p.hasParked(table) {
			p.log.Error("table cannot be mapped, it is left out", "table", table.String(), "error", why.cause, "fix", strings.Join(Hints(why.cause), "; "))
		}
		for _, f := range had {
			if has(flows, f.plan.ID()) {
				continue
			}
			if err := p.faulty(f, why.cause); err != nil {
				return err
			}
		}
	}
	fit, err := p.fitChanged(ctx, flows)
	if err != nil {
		return fmt.Errorf("after a change of %s: %w", t, err)
	}
	had := p.all()
	p.put(tables, fit)
	for _, f := range fit { // what kept a table out may be gone with another one
		if f.table != t && !has(had, f.plan.ID()) && p.get(f.plan.ID()) == f {
			p.joined(f)
		}
	}
	return nil
}

// described returns the tables that were there when last looked at, with or without flows.
func (p *plans) described() []source.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.tables))
}

func (p *plans) selected(t source.Table) bool {
	for _, pattern := range p.patterns {
		if pattern.Match(t) {
			return true
		}
	}
	return false
}

// has reports whether a plan is among flows.
func has(flows []*flow, id mappings.PlanID) bool {
	return slices.ContainsFunc(flows, func(f *flow) bool { return f.plan.ID() == id })
}

func sorted(tables map[source.Table]source.Columns) []source.Columns {
	return slices.SortedFunc(maps.Values(tables), func(a, b source.Columns) int {
		return strings.Compare(a.Table.String(), b.Table.String())
	})
}

// flowsOf makes flows of plans; one that is in force and has not changed stays what it is.
func (p *plans) flowsOf(compiled mappings.Compiled, tables map[source.Table]source.Columns) []*flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range compiled.Warnings {
		if text := w.Short(); !p.warned[text] {
			p.warned[text] = true
			p.log.Warn(text)
		}
	}
	var flows []*flow
	for _, plan := range compiled.Plans {
		f := &flow{plan: plan, table: plan.Table(), rows: &source.RowSize{}, total: tables[plan.Table()].Rows}
		if plan.Spread() {
			f.places = newPlaces(plan.Destination().Name, p.behind[plan.ID()])
		}
		if old := p.flows[plan.ID()]; old != nil {
			f.rows, f.identity = old.rows, old.identity
			if f.places != nil && old.places != nil && plan.Destination().Name == old.plan.Destination().Name {
				f.places = old.places
			}
			if old.same(f) {
				f = old
			}
		}
		flows = append(flows, f)
	}
	return flows
}

// notParked returns the flows whose plans are not parked.
func (p *plans) notParked(flows []*flow) []*flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(flows), func(f *flow) bool { return p.isParked(f.plan.ID()) })
}

func (p *plans) put(tables map[source.Table]source.Columns, flows []*flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swap(tables, flows)
}

// swap does the work of put. The mutex is held.
func (p *plans) swap(tables map[source.Table]source.Columns, flows []*flow) {
	before := p.flows
	p.tables = tables
	p.flows = make(map[mappings.PlanID]*flow, len(flows))
	p.byTable = map[source.Table][]*flow{}
	for _, f := range flows {
		if p.isParked(f.plan.ID()) { // meanwhile
			continue
		}
		p.flows[f.plan.ID()] = f
		if before[f.plan.ID()] != f {
			p.accepted[f.plan.ID()] = f.plan.Definition()
		}
		p.byTable[f.table] = append(p.byTable[f.table], f)
	}
	for id := range before {
		if p.flows[id] == nil && !p.isParked(id) {
			p.lost(id)
		}
	}
}

// isParked looks a plan up among the parked ones. The mutex is held.
func (p *plans) isParked(id mappings.PlanID) bool {
	_, is := p.parked[id]
	return is
}
