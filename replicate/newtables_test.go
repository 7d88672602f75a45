package replicate_test

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

const (
	allTables   = "{name: all, from: 'shop.t*'}"
	knownTables = "{name: all, from: 'shop.t*', new_tables: ignore}"
)

// born makes a table with a row.
func (b *bench) born(name string) {
	b.t.Helper()
	b.do(func(tx *sourcetest.Tx) { tx.Create(table(name)).Insert(tableName(name), int64(1), "born") })
}

// documents counts those of tables.
func (b *bench) documents(names ...string) string {
	text := ""
	for _, name := range names {
		text += fmt.Sprintf("%s=%d ", name, len(b.target.IDs("shop."+name)))
	}
	return text
}

// TestNewTables: tables that are born under a glob, in a run or between two, are copied and followed, or left out, with one
// line that says so, and over starts, too.
func TestNewTables(t *testing.T) {
	for mapping, want := range map[string]string{allTables: "t0=1 t1=2 t2=2 ", knownTables: "t0=1 t1=0 t2=0 "} {
		b := newBench(t, table("t0"))
		b.mapped(mapping)
		b.fill("t0", 0, 1)
		b.round(func() { b.born("t1") })
		b.born("t2")
		b.round(func() { b.puts("t1", 2); b.puts("t2", 2) })
		b.round(func() {})
		if got := b.documents("t0", "t1", "t2"); got != want {
			t.Errorf("%s: %s, want %s", mapping, got, want)
		}
		if n := b.logged("table is left out"); mapping == knownTables && n != 5 { // each in each run that sees it
			t.Logf("the log:\n%s", b.log)
			t.Errorf("said %d times", n)
		}
		snap, _ := b.state()
		if got := fmt.Sprint(snap.LeftOut); mapping == knownTables && got != "[all/shop.t1 all/shop.t2]" || mapping == allTables && len(snap.LeftOut) > 0 {
			t.Errorf("%s: the state has left out %s", mapping, got)
		}
	}
}

// TestNewTables_Known: what the state does not know at all, a mapping that is new, takes all its tables; so does a fresh
// start. A table that is named is taken, and one that was left out is, once its mapping takes new ones.
func TestNewTables_Known(t *testing.T) {
	b := newBench(t, table("t0"), table("users"))
	b.mapped(usersMapping)
	b.round(func() { b.born("t1") })
	b.mapped(usersMapping, knownTables)
	b.round(func() { b.born("t2"); b.born("t3") })
	if got := b.documents("t1", "t2", "t3"); got != "t1=1 t2=0 t3=0 " {
		t.Fatal(got)
	}
	b.mapped(usersMapping, "{name: all, from: ['shop.t*', shop.t2], new_tables: ignore}")
	b.round(func() {})
	if got := b.documents("t1", "t2", "t3"); got != "t1=1 t2=1 t3=0 " {
		t.Error("named: ", got)
	}
	b.mapped(usersMapping, allTables)
	b.round(func() {})
	if got := b.documents("t1", "t2", "t3"); got != "t1=1 t2=1 t3=1 " {
		t.Error("taken: ", got)
	}
	if snap, _ := b.state(); len(snap.LeftOut) > 0 {
		t.Errorf("the state has left out %s", snap.LeftOut)
	}
	b.mapped(usersMapping, knownTables)
	b.round(func() { b.born("t4") })
	known := b.tweak
	b.tweak = func(o *replicate.Options) { known(o); o.Fresh = true }
	b.round(func() {})
	if got := b.documents("t3", "t4"); got != "t3=1 t4=1 " {
		t.Error("fresh: ", got)
	}
}

// TestNewTables_NotNew: a known table whose filled copy takes its place is not new; one that was dropped and is made again
// is, and so is one that got its name by being renamed.
func TestNewTables_NotNew(t *testing.T) {
	b := newBench(t, table("t0"), table("t1"))
	b.mapped(knownTables)
	b.fill("t0", 0, 5)
	b.round(func() {
		b.do(func(tx *sourcetest.Tx) {
			tx.Create(table("new_t0")).Insert(tableName("new_t0"), int64(7), "copied")
			tx.Rename(tableName("t0"), tableName("old_t0")).Rename(tableName("new_t0"), tableName("t0"))
		})
		b.puts("t0", 8)
	})
	b.equal("t0")
	b.round(func() {
		b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("t1")) })
		b.born("t1")
		b.do(func(tx *sourcetest.Tx) { tx.Rename(tableName("old_t0"), tableName("t9")) })
	})
	b.round(func() {})
	if got := b.documents("t1", "t9"); got != "t1=0 t9=0 " {
		t.Error(got)
	}
}
