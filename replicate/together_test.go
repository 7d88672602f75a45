package replicate_test

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

const (
	partsMapping = "{name: parts, from: 'shop.part_*', to: parts, id: '{table}:{id}'}"
	sidesMapping = "{name: sides, from: 'shop.side*', to: sides}"
)

// numbered is a table whose v is no text.
func numbered(name string) source.Columns {
	return sourcetest.Table("shop."+name, 1, sourcetest.Int("id"), sourcetest.Int("v"))
}

// sharing copies two shards into one destination.
func sharing(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, table("users"), table("part_1"), table("part_2"), table("side"))
	b.mapped(partsMapping, sidesMapping, usersMapping)
	for _, name := range []string{"part_1", "part_2", "side"} {
		b.fill(name, 0, 1)
	}
	b.round(func() {})
	return b
}

func (b *bench) idsOf(dest string) string {
	var ids []string
	for _, id := range b.target.IDs(dest) {
		ids = append(ids, string(id))
	}
	return strings.Join(ids, " ")
}

func (b *bench) wantTogether(parts, sides string, parked ...string) {
	b.t.Helper()
	if got := b.idsOf("parts"); got != parts {
		b.t.Errorf("parts %s, want %s", got, parts)
	}
	if got := b.idsOf("sides"); got != sides {
		b.t.Errorf("sides %s, want %s", got, sides)
	}
	var got []string
	for _, p := range b.parked() {
		got = append(got, p.Plan)
	}
	if strings.Join(got, " ") != strings.Join(parked, " ") {
		b.t.Errorf("parked %s, want %s", got, parked)
	}
}

// TestTogether_Later: a table that comes later under a glob, and that cannot share its destination with those that are
// there, is left out, in the run and in the next one; all others go on. When it can, it is copied.
func TestTogether_Later(t *testing.T) {
	for name, running := range map[string]bool{"in the run": true, "between two": false} {
		t.Run(name, func(t *testing.T) {
			b := sharing(t)
			come := func() {
				b.do(func(tx *sourcetest.Tx) {
					tx.Create(numbered("part_0")).Insert(tableName("part_0"), int64(1), int64(5))
					tx.Create(table("side_backup")).Insert(tableName("side_backup"), int64(7), "old")
				})
				b.puts("part_1", 3)
				b.puts("side", 3)
			}
			if running {
				b.round(come)
			} else {
				come()
			}
			b.round(func() { b.puts("part_2", 4) })
			b.wantTogether("part_1:0 part_1:3 part_2:0 part_2:4", "0 3")
			b.round(func() {
				b.do(func(tx *sourcetest.Tx) { tx.Put(tableName("part_0"), int64(1), "five").Alter(table("part_0")) })
			})
			b.wantTogether("part_0:1 part_1:0 part_1:3 part_2:0 part_2:4", "0 3")
		})
	}
}

// TestTogether_Altered: a shard that is followed and changes so that it does not go with the others is parked, by itself,
// in the run and in the next one. What was left out because of a table joins once that is gone.
func TestTogether_Altered(t *testing.T) {
	for name, running := range map[string]bool{"in the run": true, "between two": false} {
		t.Run(name, func(t *testing.T) {
			b := sharing(t)
			alter := func() {
				b.do(func(tx *sourcetest.Tx) { tx.Alter(numbered("part_1")) })
				b.puts("part_2", 3)
			}
			if running {
				b.round(alter)
			} else {
				alter()
			}
			b.round(func() { b.puts("part_2", 4); b.puts("users", 1) })
			b.wantTogether("part_1:0 part_2:0 part_2:3 part_2:4", "0", "parts/shop.part_1")
			if reason := b.parked()[0].Reason; !strings.Contains(reason, `destination "parts": field "v" would be`) {
				t.Error(reason)
			}
			b.round(func() {
				b.do(func(tx *sourcetest.Tx) { tx.Alter(table("part_1")) })
				b.ask(state.Request{Verb: state.ResumePlan, Plan: "parts/shop.part_1"})
				b.await("resumed", func() bool { return len(b.parked()) == 0 })
				b.puts("part_1", 5)
			})
			b.wantTogether("part_1:0 part_1:5 part_2:0 part_2:3 part_2:4", "0")
		})
	}
}

// TestTogether_Gone: a table that was left out because of another one is copied when that is gone.
func TestTogether_Gone(t *testing.T) {
	b := sharing(t)
	b.round(func() {
		b.do(func(tx *sourcetest.Tx) { tx.Create(table("side_new")).Insert(tableName("side_new"), int64(7), "new") })
		b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("side")) })
		b.await("it is copied", func() bool { return strings.Contains(b.idsOf("sides"), "7") })
		b.puts("side_new", 8)
	})
	b.wantTogether("part_1:0 part_2:0", "7 8")
}

// TestTogether_GoneShard: the documents of a shard that was renamed or dropped, in a run or between two, are kept among those
// of the others, and it is said which they are.
func TestTogether_GoneShard(t *testing.T) {
	for name, running := range map[string]bool{"in the run": true, "between two": false} {
		t.Run(name, func(t *testing.T) {
			b := sharing(t)
			change := func() {
				b.do(func(tx *sourcetest.Tx) { tx.Rename(tableName("part_1"), tableName("part_9")).Drop(tableName("side")) })
			}
			if running {
				b.round(change)
			} else {
				change()
				b.round(func() {})
			}
			b.wantTogether("part_1:0 part_2:0 part_9:0", "0")
			if b.logged(`fix="remove the documents whose ids are part_1:{id}"`) != 1 || b.logged("table is gone, its documents are kept\" table=shop.side") != 1 {
				t.Errorf("the log:\n%s", b.log)
			}
		})
	}
}

// TestTogether_First: at the first start nobody has had his way, and a conflict is an error.
func TestTogether_First(t *testing.T) {
	b := newBench(t, table("side"), table("side_backup"))
	b.mapped(sidesMapping)
	if err := b.start().finished(); err == nil || !strings.Contains(err.Error(), "their rows may have the same ids") {
		t.Error(err)
	}
}
