package replicatetest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/replicatetest"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

var (
	doc  = mappings.DocKey{Plan: "shop.orders", Key: must(source.NewKey(int64(7)))}
	docs = []mappings.DocKey{doc}
	dest = &targets.Destination{Name: "orders"}
)

func must(key source.Key, err error) source.Key {
	if err != nil {
		panic(err)
	}
	return key
}

func ops(version int64) []targets.Op {
	return []targets.Op{{Verb: targets.Upsert, Dest: dest, ID: "7", Version: version}}
}

func at(position string) state.Change {
	return state.Change{Checkpoint: &state.Checkpoint{Position: position}}
}

// changed takes in a batch with a change of the document, up to a position.
func changed(o *replicate.Observer, number string) {
	o.BatchReceivedFunc(source.Batch{Events: []source.Event{{}}, Position: source.Position("p" + number), Fence: source.Fence("f" + number)})
	o.DirtyFunc(docs)
}

func flown(o *replicate.Observer, fence string) {
	o.TakenFunc(docs, source.Fence(fence))
	o.SettledFunc(docs)
}

// TestValidator lets each promise be kept, and be broken in each way that the validator knows.
func TestValidator(t *testing.T) {
	for _, c := range []struct {
		name string
		told func(*replicate.Observer)
		want string // what is said; empty: nothing
	}{
		{"a run as it should be", func(o *replicate.Observer) {
			o.SavingFunc(at("p0"))
			o.StateSavedFunc(at("p0"))
			o.TakenFunc(docs, "f0") // of a chunk
			changed(o, "1")
			o.WritingFunc(ops(5))
			o.OpsWrittenFunc(ops(5), errors.New("no answer"))
			o.WritingFunc(ops(5))
			o.OpsWrittenFunc(ops(5), nil)
			o.SettledFunc(docs)
			changed(o, "2")
			flown(o, "f2")
			o.BatchReceivedFunc(source.Batch{Position: "p3", Fence: "f3"})
			changed(o, "4")
			o.SavingFunc(at("p3"))
			o.StateSavedFunc(at("p3"))
			o.AckedFunc("p3")
			o.StateSavedFunc(state.Change{Mark: 1})
		}, ""},
		{"a key in flight twice", func(o *replicate.Observer) {
			o.TakenFunc(docs, "f0")
			o.TakenFunc(docs, "f0")
		}, "in flight twice"},
		{"a flight that never began", func(o *replicate.Observer) { o.SettledFunc(docs) }, "was not in flight"},
		{"two writes of one document", func(o *replicate.Observer) {
			o.WritingFunc(ops(5))
			o.WritingFunc(ops(6))
		}, "written twice at a time"},
		{"a version that goes back", func(o *replicate.Observer) {
			o.WritingFunc(ops(6))
			o.OpsWrittenFunc(ops(6), nil)
			o.WritingFunc(ops(5))
		}, "version 5 after 6"},
		{"a position past a key that waits", func(o *replicate.Observer) {
			changed(o, "1")
			o.SavingFunc(at("p1"))
		}, "such as 7 of shop.orders"},
		{"a position past a key in flight", func(o *replicate.Observer) {
			changed(o, "1")
			o.TakenFunc(docs, "f1")
			o.SavingFunc(at("p1"))
		}, "not read behind that batch and settled"},
		{"a read behind an older fence", func(o *replicate.Observer) {
			changed(o, "1")
			changed(o, "2")
			flown(o, "f1")
			o.SavingFunc(at("p2"))
		}, "not read behind that batch and settled"},
		{"a read without a fence", func(o *replicate.Observer) {
			changed(o, "1")
			flown(o, "")
			o.SavingFunc(at("p1"))
		}, "not read behind that batch and settled"},
		{"a position past a write that was refused for its version", func(o *replicate.Observer) {
			changed(o, "1")
			o.TakenFunc(docs, "f1")
			o.ConflictFunc(doc, 9, 5)
			o.SettledFunc(docs)
			o.SavingFunc(at("p1"))
		}, "not read behind that batch and settled"},
		{"the middle of a transaction that is passed over", func(o *replicate.Observer) {
			o.BatchReceivedFunc(source.Batch{Events: []source.Event{{}}, Fence: "f1"})
			o.DirtyFunc(docs)
			o.BatchReceivedFunc(source.Batch{Position: "p2", Fence: "f2"})
			o.SavingFunc(at("p2"))
		}, "not read behind that batch and settled"},
		{"a position that goes back", func(o *replicate.Observer) {
			changed(o, "1")
			flown(o, "f1")
			changed(o, "2")
			flown(o, "f2")
			o.SavingFunc(at("p2"))
			o.StateSavedFunc(at("p2"))
			o.SavingFunc(at("p1"))
		}, "did not give it after p2"},
		{"an acknowledged position that is not saved", func(o *replicate.Observer) {
			changed(o, "1")
			flown(o, "f1")
			o.SavingFunc(at("p1"))
			o.AckedFunc("p1")
		}, "p1 is acknowledged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			c.told(replicate.Observe(replicatetest.NewValidator(func(s string) { said = append(said, s) }).Observer()))
			if c.want == "" && len(said) > 0 {
				t.Errorf("said %q", said)
			}
			if c.want != "" && !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("said %q, want %q in it", said, c.want)
			}
		})
	}
}
