package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// mapped has the bench compile mappings, the lines of a file's list.
func (b *bench) mapped(lines ...string) {
	b.t.Helper()
	text := "version: 1\nmappings:\n"
	for _, line := range lines {
		text += "  - " + line + "\n"
	}
	file, err := mappings.Parse("m.yaml", []byte(text), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.tweak = func(o *replicate.Options) {
		quick(o)
		o.Compile = func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			there := slices.DeleteFunc(slices.Clone(file.Mappings), func(m mappings.Mapping) bool {
				table, named := m.From[0].Literal() // a table that is gone is no mistake in its mapping
				return named && !slices.ContainsFunc(tables, func(c source.Columns) bool { return c.Table == table })
			})
			return mappings.Compile(there, tables, mappings.Rules{})
		}
	}
}

// fields shows the fields of some documents, of a destination, in one line.
func (b *bench) fields(dest string, ids ...int) string {
	var all []string
	for _, id := range ids {
		fields, _, there := b.target.Doc(dest, targetID(id))
		if !there {
			all = append(all, fmt.Sprintf("%d none", id))
			continue
		}
		text := fmt.Sprint(id)
		for _, name := range []string{"v", "w"} {
			if value, has := fields[name]; has {
				text += fmt.Sprintf(" %s=%v", name, value)
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// alteration is a change of a table's definition, with the documents of its rows 1, which was there before, and 2, which
// came after: once copied again, and once left alone.
type alteration struct {
	to             source.Columns
	gap            bool           // the log says that rows were converted, so that nothing can go on without a copy
	values         []source.Value // of row 2
	copied, ignore string
	says           string
}

func alterations() map[string]alteration {
	id, v, w := sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Text("w")
	short := sourcetest.Text("v")
	short.Type.Native, short.Type.Length = "varchar(3)", 3
	return map[string]alteration{
		"add": {sourcetest.Table("shop.orders", 1, id, v, w), false, []source.Value{int64(2), "b", "new"}, "1 v=a w=<nil>, 2 v=b w=new", "1 v=a, 2 v=b",
			"column w varchar(255) was added"},
		"drop":   {sourcetest.Table("shop.orders", 1, id), false, []source.Value{int64(2)}, "1, 2", "1 v=a, 2", "column v varchar(255) was dropped"},
		"rename": {sourcetest.Table("shop.orders", 1, id, w), false, []source.Value{int64(2), "b"}, "1 w=<nil>, 2 w=b", "1 v=a, 2 w=b", "column v was dropped and w added in its place"},
		"retype": {sourcetest.Table("shop.orders", 1, id, short), true, []source.Value{int64(2), "b"}, "1 v=a, 2 v=b", "1 v=a, 2 v=b", "column v was varchar(255), is now varchar(3)"},
	}
}

// change makes the alteration in the table.
func (a alteration) change(tx *sourcetest.Tx) {
	if a.gap {
		tx.Gap(a.to.Table)
	}
	tx.Alter(a.to)
}

// inRunAndBetween does something under a run, or while none is on, and returns the run that is on afterwards.
func (b *bench) inRunAndBetween(running bool, r *run, what func()) *run {
	b.t.Helper()
	if running {
		what()
		return r
	}
	if err := r.end(); err != nil {
		b.t.Fatal(err)
	}
	what()
	return b.start()
}

// TestSchemaChange: each policy has the outcome that it promises for each change, made under a run or while none is on, and
// after one more start.
func TestSchemaChange(t *testing.T) {
	for name, alter := range alterations() {
		for _, policy := range []mappings.Policy{"", mappings.Evolve, mappings.Ignore, mappings.Park, mappings.Stop} {
			for _, running := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, running %t", name, policy, running), func(t *testing.T) {
					t.Parallel()
					testSchemaChange(t, name, alter, policy, running)
				})
			}
		}
	}
}

func testSchemaChange(t *testing.T, name string, alter alteration, policy mappings.Policy, running bool) {
	b := newBench(t, table("orders"), table("users"))
	said := ""
	if policy != "" {
		said = fmt.Sprintf(", on_schema_change: {add: %[1]s, other: %[1]s}", policy)
	}
	b.mapped("{name: o, from: shop.orders, to: orders"+said+"}", "{name: u, from: shop.users, to: users}")
	b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(1), "a") })
	if running {
		b.source.Lag() // otherwise the start sees the change before the log tells of it
	}
	r := b.start()
	r.settle()
	b.source.ResetRecord()
	r = b.inRunAndBetween(running, r, func() {
		b.do(alter.change)
		b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), alter.values...) })
	})
	if policy == "" {
		policy = mappings.Park
		if name == "add" {
			policy = mappings.Evolve
		}
	}
	switch policy {
	case mappings.Stop:
		b.wantStopped(r, alter)
		return
	case mappings.Park:
		b.wantParked(r, alter)
	default:
		r.settle()
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
	want := alter.copied
	if policy == mappings.Ignore {
		want = alter.ignore
	}
	for range 2 { // over a start, too
		if got := b.fields("orders", 1, 2); got != want {
			t.Errorf("documents %s, want %s", got, want)
		}
		b.round(func() { b.puts("users", 1) })
	}
	if scanned := len(b.source.Scans()) > 0; scanned != (policy != mappings.Ignore || alter.gap) {
		t.Errorf("copied again: %t", scanned)
	}
	if policy == mappings.Ignore { // until it is copied again
		b.ask(state.Request{Verb: state.BackfillPlan, Plan: "o/shop.orders", At: time.Now()})
		b.round(func() {})
		if got := b.fields("orders", 1, 2); got != alter.copied {
			t.Errorf("copied again: documents %s, want %s", got, alter.copied)
		}
	}
}

// wantParked sees the mapping parked and the other going on, and resumes it.
func (b *bench) wantParked(r *run, alter alteration) {
	b.t.Helper()
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	b.puts("users", 9)
	r.settle()
	if got := b.fields("users", 9); got != "9 v=put9" {
		b.t.Errorf("the other mapping: %s", got)
	}
	parked := b.parked()[0]
	if !strings.Contains(parked.Reason, alter.says) || !strings.HasPrefix(parked.Advice, "meepo-replicate resume o/shop.orders ") {
		b.t.Errorf("parked: %+v", parked)
	}
	if got := b.fields("orders", 1, 2); got != "1 v=a, 2 none" {
		b.t.Errorf("documents of a parked mapping: %s", got)
	}
	b.ask(state.Request{Verb: state.ResumePlan, Plan: parked.Plan, At: time.Now()})
	b.await("resumed", func() bool { return len(b.parked()) == 0 })
	r.settle()
	if err := r.end(); err != nil {
		b.t.Fatal(err)
	}
}

// wantStopped sees the run end, and each later one until the mapping is resumed.
func (b *bench) wantStopped(r *run, alter alteration) {
	b.t.Helper()
	for range 2 {
		err := r.finished()
		if !errors.Is(err, replicate.ErrChanged) || !strings.Contains(err.Error(), alter.says) || !strings.Contains(err.Error(), "mapping o") {
			b.t.Fatalf("the run ended with %v", err)
		}
		if hint := strings.Join(replicate.Hints(err), ""); !strings.Contains(hint, "meepo-replicate resume o/shop.orders") {
			b.t.Errorf("what to do: %q", hint)
		}
		r = b.start()
	}
	r.crash()
	b.ask(state.Request{Verb: state.ResumePlan, Plan: "o/shop.orders", At: time.Now()})
	b.round(func() {})
	if got := b.fields("orders", 1, 2); got != alter.copied {
		b.t.Errorf("resumed: documents %s, want %s", got, alter.copied)
	}
}

// TestSchemaChange_ReaderAhead: a reader that meets the new definition before the log tells of it changes nothing about
// what a policy promises.
func TestSchemaChange_ReaderAhead(t *testing.T) {
	for _, name := range []string{"drop", "rename"} { // of which a reader fails
		alter := alterations()[name]
		for _, policy := range []mappings.Policy{mappings.Evolve, mappings.Ignore, mappings.Park} {
			t.Run(fmt.Sprintf("%s, %s", name, policy), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, table("orders"), table("users"))
				b.mapped(fmt.Sprintf("{name: o, from: shop.orders, to: orders, on_schema_change: {add: %[1]s, other: %[1]s}}", policy), "{name: u, from: shop.users, to: users}")
				b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(1), "a") })
				r := b.start()
				r.settle()
				gate, free := b.gated()
				defer free()
				b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(2), "early") })
				b.do(alter.change)
				b.source.ResetRecord()
				gate <- struct{}{} // the insert only
				b.await("the reader to see it", func() bool {
					return b.logged("its mapping goes on") > 0 || len(r.engine.Status().Parked) > 0
				})
				free()
				b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("orders"), alter.values...) })
				if policy == mappings.Park {
					b.wantParkedAnd(r)
				}
				r.settle()
				if err := r.end(); err != nil {
					t.Fatal(err)
				}
				want := alter.copied
				if policy == mappings.Ignore {
					want = alter.ignore
				}
				if got := b.fields("orders", 1, 2); got != want {
					t.Errorf("documents %s, want %s", got, want)
				}
				if scanned := len(b.source.Scans()) > 0; scanned != (policy != mappings.Ignore) {
					t.Errorf("copied again: %t", scanned)
				}
			})
		}
	}
}

// wantParkedAnd resumes the one mapping that is parked.
func (b *bench) wantParkedAnd(r *run) {
	b.t.Helper()
	b.await("parked", func() bool { return len(b.parked()) == 1 })
	r.settle()
	b.ask(state.Request{Verb: state.ResumePlan, Plan: b.parked()[0].Plan, At: time.Now()})
	b.await("resumed", func() bool { return len(b.parked()) == 0 })
}

// TestSchemaChange_Fallback: what a mapping does not say is for the option, and a table without a mapping is, too.
func TestSchemaChange_Fallback(t *testing.T) {
	for fallback, want := range map[string]string{"ignore": "1 v=a, 2", "evolve": "1, 2"} {
		b := newBench(t, table("orders"))
		b.tweak = func(o *replicate.Options) { quick(o); o.OnSchemaChange = fallback }
		b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(1), "a") })
		b.round(func() {
			b.do(func(tx *sourcetest.Tx) { tx.Alter(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"))) })
			b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(2)) })
		})
		if got := b.fields("shop.orders", 1, 2); got != want {
			t.Errorf("%s: documents %s, want %s", fallback, got, want)
		}
	}
}

// TestSchemaChange_OfNoConcern: a column that a mapping does not take may come and go under any policy, and one of its
// own may become wider.
func TestSchemaChange_OfNoConcern(t *testing.T) {
	wide := sourcetest.Text("v")
	wide.Type.Native, wide.Type.Length = "varchar(300)", 300
	b := newBench(t, withColumn("orders", "w"))
	b.mapped("{name: o, from: shop.orders, to: orders, columns: [id, v], on_schema_change: {add: stop, other: evolve}}")
	b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(1), "a", "w") })
	b.round(func() {
		b.do(func(tx *sourcetest.Tx) { tx.Alter(table("orders")) })
		b.do(func(tx *sourcetest.Tx) { tx.Alter(withColumn("orders", "x")) })
	})
	b.source.ResetRecord()
	b.round(func() {
		b.do(func(tx *sourcetest.Tx) {
			tx.Alter(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), wide, sourcetest.Text("x")))
		})
	})
	if scans := b.source.Scans(); len(scans) > 0 || len(b.parked()) > 0 {
		t.Errorf("%d scans, parked %v", len(scans), b.parked())
	}
}

// TestSchemaChange_SwappedIn: a tool's copy that takes the table's place, without a column, is a change of the table like
// any other. A table that was dropped and made again is another one, of which nothing is lost that was not lost before.
func TestSchemaChange_SwappedIn(t *testing.T) {
	slim := func(name string) source.Columns { return sourcetest.Table("shop."+name, 1, sourcetest.Int("id")) }
	b := newBench(t, table("orders"), table("users"))
	b.mapped("{name: o, from: shop.orders, to: orders}", "{name: u, from: shop.users, to: users}")
	b.fill("orders", 0, 3)
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) {
		tx.Create(slim("_orders_new")).Insert(tableName("_orders_new"), int64(1))
		tx.Rename(tableName("orders"), tableName("_orders_old")).Rename(tableName("_orders_new"), tableName("orders"))
	})
	b.wantParkedAnd(r)
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("orders")); ids != "[1]" {
		t.Errorf("resumed: documents %s", ids)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("orders")).Insert(tableName("orders"), int64(5), "again") })
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	b.do(func(tx *sourcetest.Tx) { tx.Create(slim("orders")).Insert(tableName("orders"), int64(6)) })
	r.settle()
	if ids := fmt.Sprint(b.target.IDs("orders")); ids != "[6]" || len(b.parked()) > 0 {
		t.Errorf("made again: documents %s, parked %v", ids, b.parked())
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
}

// TestSchemaChange_LeftOutStaysOut: a column that was left out does not come in when another one is dropped before it, so that
// it stands in that one's place; nor after a restart.
func TestSchemaChange_LeftOutStaysOut(t *testing.T) {
	for _, running := range []bool{true, false} {
		id, v, u, w := sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Text("u"), sourcetest.Text("w")
		b := newBench(t, sourcetest.Table("shop.orders", 1, id, v, u))
		b.mapped("{name: orders, from: shop.orders, to: orders, on_schema_change: {add: ignore, other: ignore}}")
		b.do(func(tx *sourcetest.Tx) { tx.Insert(tableName("orders"), int64(1), "a", "x") })
		r := b.start()
		r.settle()
		b.do(func(tx *sourcetest.Tx) { tx.Alter(sourcetest.Table("shop.orders", 1, id, v, u, w)) })
		b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("orders"), int64(1), "a", "x", "secret") })
		r.settle()
		r = b.inRunAndBetween(running, r, func() {
			b.do(func(tx *sourcetest.Tx) { tx.Alter(sourcetest.Table("shop.orders", 1, id, v, w)) })
			b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("orders"), int64(1), "b", "secret") })
		})
		r.settle()
		if got := b.fields("orders", 1); got != "1 v=b" {
			t.Errorf("running %t: documents %s, want the new column in none", running, got)
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
}
