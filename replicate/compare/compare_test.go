package compare_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/compare"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a table with rows and a destination that is equal to it but for what a test changes.
type bench struct {
	t      *testing.T
	table  source.Columns
	plan   *mappings.Plan
	source *sourcetest.Memory
	target *targettest.Memory

	version int64

	mu       sync.Mutex
	findings []compare.Finding
}

func planOf(t *testing.T, mapping string, table source.Columns) *mappings.Plan {
	t.Helper()
	loaded, err := mappings.Parse("m.yaml", []byte("version: 1\nmappings:\n  - "+mapping), nil)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := mappings.Compile(loaded.Mappings, []source.Columns{table}, mappings.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Plans[0]
}

func newBench(t *testing.T, rows int) *bench {
	t.Helper()
	table := sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("v"))
	b := &bench{t: t, table: table, plan: planOf(t, `{from: shop.orders, to: orders, where: "v != 'draft'"}`, table), source: sourcetest.NewMemory(table), target: targettest.NewMemory(t)}
	if err := b.target.Prepare(t.Context(), []*targets.Destination{b.plan.Destination()}); err != nil {
		t.Fatal(err)
	}
	for id := range rows {
		b.put(id, fmt.Sprint("row ", id))
		b.store(id, fmt.Sprint("row ", id))
	}
	return b
}

func (b *bench) key(id int) source.Key {
	key, err := source.NewKey(int64(id))
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

func (b *bench) put(id int, v string) {
	b.t.Helper()
	if err := b.source.Begin().Put(b.table.Table, int64(id), v).Commit(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(id int) {
	b.t.Helper()
	if err := b.source.Begin().Delete(b.table.Table, b.key(id)).Commit(); err != nil {
		b.t.Fatal(err)
	}
}

// store writes a document as a run would, or somebody else; without a text it removes it.
func (b *bench) store(id int, v string) {
	b.t.Helper()
	b.version++
	row := source.Row{Key: b.key(id), Found: v != "", Values: []source.Value{int64(id), v}}
	ops, err := b.plan.Ops(nil, row, b.version)
	if err != nil {
		b.t.Fatal(err)
	}
	if failed := b.target.Land(ops); len(failed) > 0 {
		b.t.Fatal(failed)
	}
}

func (b *bench) options() compare.Options {
	return compare.Options{
		Source: b.source, Target: b.target, Plans: []*mappings.Plan{b.plan}, Chunk: 7,
		Rows: map[source.Table]int64{b.table.Table: 200_000}, // several ranges
		Found: func(f compare.Finding) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.findings = append(b.findings, f)
		},
	}
}

func (b *bench) run(o compare.Options) compare.Report {
	b.t.Helper()
	result, err := compare.Run(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return result.Reports[b.plan.ID()]
}

// expect compares what was found, as "key kind fields".
func (b *bench) expect(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := []string{}
	for _, f := range b.findings {
		text := f.KeyText + " " + string(f.Kind)
		for _, d := range f.Differences {
			text += fmt.Sprintf(" %s %s->%s", d.Field, d.Have, d.Want)
		}
		if f.HasRow {
			text += " excluded"
		}
		got = append(got, strings.TrimSpace(text+" "+f.Reason))
		if f.At == "" {
			b.t.Errorf("%s: holds nowhere", text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// spoil makes one document of each kind wrong.
func (b *bench) spoil() []string {
	b.store(3, "")         // missing
	b.store(5, "changed")  // different
	b.store(1000, "ghost") // orphan
	b.put(8, "draft")      // its document should have gone
	b.put(9, "draft")
	b.store(9, "")
	b.target.Reject("orders", "11", "the target says no")
	return []string{"3 missing", `5 different v "changed"->"row 5"`, "1000 orphan", "8 orphan excluded", "11 rejected the target says no"}
}

func TestRun_FindsAll(t *testing.T) {
	b := newBench(t, 100)
	want := b.spoil()
	if err := b.source.Begin().Commit(); err != nil {
		t.Fatal(err)
	}
	before := b.target.Counts().Stored
	report := b.run(b.options())
	b.expect(want...)
	if diff := cmp.Diff(compare.Report{Rows: 100, Left: 1, Equal: 95, Missing: 1, Different: 1, Orphans: 1, Excluded: 1, Rejected: 1,
		Documents: 99, Fields: map[string]int64{"v": 1}, Whole: true}, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if after := b.target.Counts().Stored; after != before {
		t.Errorf("%d documents were written", after-before)
	}
}

// A run that follows brings the target up to date after the first look: only what stays wrong is a finding.
func TestRun_WhatIsUnderWayIsNoFinding(t *testing.T) {
	b := newBench(t, 100)
	want := b.spoil()
	b.put(20, "new") // the run has not got to these
	b.put(500, "inserted")
	b.remove(21)
	options := b.options()
	var caughtUp sync.Once
	options.Passed = func(context.Context, source.Position) error {
		caughtUp.Do(func() {
			b.store(20, "new")
			b.store(500, "inserted")
			b.store(21, "")
		})
		return nil
	}
	report := b.run(options)
	b.expect(want...)
	if report.Equal != 95 || report.Rows != 100 {
		t.Errorf("%+v", report)
	}
}

// A key that changes at every look is neither right nor wrong, and holds up nothing.
func TestRun_NeverAtRest(t *testing.T) {
	b := newBench(t, 10)
	b.store(4, "old")
	options := b.options()
	n := 0
	options.Passed = func(context.Context, source.Position) error {
		n++
		b.put(4, fmt.Sprint("version ", n))
		return nil
	}
	report := b.run(options)
	b.expect("4 unsettled")
	if report.Unsettled != 1 || report.Wrong() != 0 {
		t.Errorf("%+v", report)
	}
}

// One look after the target has passed is not enough: a row that goes back to what it was shows a document of between.
func TestRun_ThereAndBack(t *testing.T) {
	b := newBench(t, 10)
	b.put(4, "A")
	b.store(4, "B") // the row was B for a moment, and is A again; the run is about to write A
	options := b.options()
	n := 0
	options.Passed = func(context.Context, source.Position) error {
		if n++; n == 2 {
			b.store(4, "A")
		}
		return nil
	}
	b.run(options)
	b.expect()
}

func TestRun_GoesOnWhereItWas(t *testing.T) {
	b := newBench(t, 200)
	want := b.spoil()
	options := b.options()
	options.Parallel = 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var saved compare.Progress
	options.Save = func(p compare.Progress) error { saved = p; return nil }
	looks := 0
	b.target.BeforeCompare = func(context.Context, []targets.Op) error {
		if looks++; looks == 15 {
			cancel()
		}
		return nil
	}
	if _, err := compare.Run(ctx, options); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	rows := saved.Plans[b.plan.ID()].Report.Rows
	if rows == 0 || rows >= 200 {
		t.Fatalf("%d rows were looked at before it was cut off", rows)
	}
	before := b.target.Counts().Compared
	options.Resume = &saved
	report := b.run(options)
	if again := b.target.Counts().Compared - before; again > 200-int(rows)+20 {
		t.Errorf("%d documents were looked at again", again-(200-int(rows)))
	}
	b.findings = slices.CompactFunc(b.findings, func(x, y compare.Finding) bool { return x.Key == y.Key })
	b.expect(want...)
	if report.Rows != 200 || report.Equal != 195 || report.Missing != 1 || report.Orphans != 1 || !report.Whole {
		t.Errorf("%+v", report)
	}

	other := saved
	other.Plans = map[mappings.PlanID]*compare.PlanProgress{b.plan.ID(): {Fingerprint: "of another mapping"}}
	options.Resume = &other
	if report := b.run(options); report.Rows != 200 {
		t.Errorf("progress of another mapping was taken: %+v", report)
	}
}

// A listing that has to begin anew finds the same orphan again.
func TestRun_ListingBeginsAnew(t *testing.T) {
	b := newBench(t, 20)
	b.store(1000, "ghost")
	lost := false
	b.target.BeforeScan = func(_ context.Context, _ string, after targets.Cursor) error {
		if after != "" && !lost { // the ghost was on the first page
			lost = true
			return fmt.Errorf("scan: %w", targets.ErrCursor)
		}
		return nil
	}
	report := b.run(b.options())
	b.expect("1000 orphan")
	if report.Orphans != 1 || report.Documents != 21 || !lost {
		t.Errorf("%+v, cursor lost: %v", report, lost)
	}
}

func TestRun_Parts(t *testing.T) {
	b := newBench(t, 100)
	b.spoil()
	options := b.options()
	options.Keys = []mappings.DocKey{{Plan: b.plan.ID(), Key: b.key(3)}, {Plan: b.plan.ID(), Key: b.key(1000)}, {Plan: b.plan.ID(), Key: b.key(77)}, {Plan: b.plan.ID(), Key: b.key(4711)}}
	report := b.run(options)
	b.expect("3 missing", "1000 orphan")
	if report.Rows != 2 || report.Equal != 1 || report.Whole {
		t.Errorf("by keys: %+v", report)
	}

	options = b.options()
	options.Share, options.Rows = 0.1, map[source.Table]int64{b.table.Table: 100}
	if report := b.run(options); report.Rows == 0 || report.Rows > 60 || report.Whole {
		t.Errorf("a share: %+v", report)
	}

	b.findings = nil
	options = b.options()
	options.RowsOnly = true
	if report := b.run(options); report.Documents != 0 || report.Orphans != 0 || !report.Whole {
		t.Errorf("rows only: %+v", report)
	}
}

func TestRun_DestinationNotThere(t *testing.T) {
	b := newBench(t, 20)
	b.target = targettest.NewMemory(t)
	report := b.run(b.options())
	if report.Missing != 20 || report.Documents != 0 || !report.Whole {
		t.Errorf("%+v", report)
	}
}

// TestRun_Spread: rows and orphans are looked for in all destinations that there are.
func TestRun_Spread(t *testing.T) {
	table := sourcetest.Table("shop.orders", 2, sourcetest.Text("region"), sourcetest.Int("id"), sourcetest.Text("v"))
	b := &bench{t: t, table: table, source: sourcetest.NewMemory(table), target: targettest.NewMemory(t)}
	b.plan = planOf(t, `{from: shop.orders, to: "orders_{region}"}`, table)
	put := func(region string, id int, row, doc bool) {
		key, err := source.NewKey(region, int64(id))
		if err != nil {
			t.Fatal(err)
		}
		if row {
			if err := b.source.Begin().Put(table.Table, region, int64(id), "v").Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if !doc {
			return
		}
		ops, err := b.plan.Ops(nil, source.Row{Key: key, Found: true, Values: []source.Value{region, int64(id), "v"}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.target.Prepare(t.Context(), []*targets.Destination{ops[0].Dest}); err != nil {
			t.Fatal(err)
		}
		if failed := b.target.Land(ops); len(failed) > 0 {
			t.Fatal(failed)
		}
	}
	put("eu", 1, true, true)
	put("eu", 2, true, false)
	put("us", 1, false, true)
	put("jp", 1, true, false)
	report := b.run(b.options())
	b.expect("eu,2 missing", "us,1 orphan", "jp,1 missing")
	if report.Rows != 3 || report.Documents != 2 || !report.Whole {
		t.Errorf("%+v", report)
	}
}
