package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

// testHead: rows read behind the head's fence, plus the events after its position, are all.
func testHead(t *testing.T, s *suite) {
	table := s.create(t, "item", Numbered)
	_, created := s.settle(t)
	selection := s.selection(t, created, table)
	s.insert(t, table, Numbered, numbers(1, 5)...)
	position, fence, err := s.Source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]source.Key, 5)
	for i := range keys {
		keys[i] = Key(i + 1)
	}
	rows, err := s.Source.ReadRows(t.Context(), fence, selection, keys)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, row := range rows {
		if row.Found {
			have["write item "+row.Key.Text()] = true
		}
	}
	s.insert(t, table, Numbered, numbers(6, 7)...)
	for _, words := range s.events(s.follow(t, position, s.mark(t), s.all())) {
		have[words] = true
	}
	for n := 1; n <= 7; n++ {
		if !have["write item "+strconv.Itoa(n)] {
			t.Errorf("row %d is neither behind the head's fence nor after its position", n)
		}
	}
}

// testOrder: events come in the order in which they were made; a changed key is a delete and an insert.
func testOrder(t *testing.T, s *suite) {
	item, pair := s.create(t, "item", Numbered), s.create(t, "pair", Paired)
	from, _ := s.settle(t)
	s.insert(t, item, Numbered, numbers(1, 3)...)
	s.change(t,
		Change{Action: source.Insert, Table: pair, Shape: Paired, Key: []source.Value{int64(1), "x"}},
		Change{Action: source.Update, Table: item, Key: []source.Value{int64(2)}, Data: "b", N: 7},
		Change{Action: source.Update, Table: item, Key: []source.Value{int64(2)}, Data: "c", N: 8},
		Change{Action: source.Delete, Table: item, Key: []source.Value{int64(1)}})
	s.change(t, Change{Action: source.Update, Table: item, Key: []source.Value{int64(3)}, NewKey: []source.Value{int64(30)}})
	s.change(t, Change{
		Action: source.Update, Table: pair, Shape: Paired,
		Key: []source.Value{int64(1), "x"}, NewKey: []source.Value{int64(1), "y"},
	})
	s.change(t, Change{Action: source.Update, Table: pair, Shape: Paired, Key: []source.Value{int64(1), "y"}, Data: "d", N: 9})
	want := []string{
		"write item 1", "write item 2", "write item 3",
		"write pair 1,x", "update item 2", "update item 2", "delete item 1",
		"delete item 3", "write item 30",
		"delete pair 1,x", "write pair 1,y", "update pair 1,y",
	}
	got := s.events(s.follow(t, from, s.mark(t), s.all()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// testTableChanges: what happens to a table as a whole stands in order among the row events. No
// table that has row events here is gone or has other columns when the log is read: a log without
// the columns' names cannot be read then.
func testTableChanges(t *testing.T, s *suite) {
	item, hollow := s.create(t, "item", Numbered), s.create(t, "hollow", Numbered)
	from, _ := s.settle(t)
	other := source.Table{Schema: s.Schema, Name: "other"}
	s.insert(t, item, Numbered, numbers(1, 2)...)
	s.change(t, Change{Action: source.Truncate, Table: item})
	s.insert(t, item, Numbered, numbers(2, 2)...)
	s.change(t, Change{Action: source.Rename, Table: item, To: other})
	s.insert(t, other, Numbered, numbers(3, 3)...)
	s.create(t, "item", Numbered)
	s.insert(t, item, Numbered, numbers(4, 4)...)
	s.change(t, Change{Action: source.Alter, Table: hollow})
	s.change(t, Change{Action: source.Delete, Table: other, Key: []source.Value{int64(2)}})
	s.change(t, Change{Action: source.Drop, Table: hollow})
	want := []string{
		"write item 1", "write item 2", "truncate item", "write item 2", "rename item other",
		"write other 3", "create item", "write item 4", "alter hollow", "delete other 2", "drop hollow",
	}
	got := s.events(s.follow(t, from, s.mark(t), s.all()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// testPositions: a position stands between transactions, and the log opened there has exactly the rest.
func testPositions(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	from, _ := s.settle(t)
	var boundaries = map[int]bool{0: true}
	total := int64(0)
	for size := int64(1); size <= 6; size++ {
		s.insert(t, item, Numbered, numbers(total+1, total+size)...)
		total += size
		boundaries[int(total)] = true
	}
	mark := s.mark(t)
	batches := s.follow(t, from, mark, s.all())
	all := s.events(batches)
	if len(all) != int(total) {
		t.Fatalf("%d events, want %d: %v", len(all), total, all)
	}
	seen := map[source.Position]bool{}
	for i, batch := range batches {
		before := len(s.events(batches[:i+1]))
		if batch.Position == "" || seen[batch.Position] {
			continue
		}
		seen[batch.Position] = true
		if !boundaries[before] {
			t.Errorf("position %q after %d events is inside a transaction", batch.Position, before)
		}
		s.reached(t, from, batch.Position, true)
		if before == len(all) {
			continue
		}
		s.reached(t, batch.Position, batches[len(batches)-1].Position, false)
		rest := s.events(s.follow(t, batch.Position, mark, s.all()))
		if diff := cmp.Diff(all[before:], rest); diff != "" {
			t.Errorf("from %q: %s", batch.Position, diff)
		}
	}
}

// reached checks that want is, or is not yet, reached by who has taken in have; each reaches itself.
func (s *suite) reached(t testing.TB, earlier, later source.Position, same bool) {
	t.Helper()
	for _, pair := range []struct {
		have, want source.Position
		reached    bool
	}{{later, earlier, true}, {later, later, true}, {earlier, later, false}} {
		if same && !pair.reached {
			continue // the two may be one
		}
		got, err := s.Source.Reached(t.Context(), pair.have, pair.want)
		if err != nil || got != pair.reached {
			t.Errorf("at %q, %q is reached: %v, %v; want %v", pair.have, pair.want, got, err, pair.reached)
		}
	}
}

// testLarge: a large transaction has all its events, once, and no position before its end.
func testLarge(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	from, _ := s.settle(t)
	s.insert(t, item, Numbered, numbers(1, int64(s.large))...)
	s.insert(t, item, Numbered, numbers(int64(s.large)+1, int64(s.large)+1)...)
	batches := s.follow(t, from, s.mark(t), s.all())
	count := 0
	for _, batch := range batches {
		for _, words := range s.events([]source.Batch{batch}) {
			count++
			if want := fmt.Sprintf("write item %d", count); words != want {
				t.Fatalf("event %d is %q, want %q", count, words, want)
			}
		}
		if batch.Position != "" && count > 0 && count < s.large {
			t.Errorf("position %q after %d of %d events", batch.Position, count, s.large)
		}
	}
	if count != s.large+1 {
		t.Errorf("%d events, want %d", count, s.large+1)
	}
}

// testFences: while somebody writes, a read behind the fence of a batch sees what its events, and
// all earlier ones, are about.
func testFences(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	const keys, writes = 5, 200
	s.insert(t, item, Numbered, numbers(0, keys-1)...)
	from, fence := s.settle(t)
	selection := s.selection(t, fence, item)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- s.readBehind(ctx, from, selection, keys, writes) }()
	for i := range int64(writes) {
		s.change(t, Change{
			Action: source.Update, Table: item, Key: []source.Value{i % keys}, Data: "update " + strconv.FormatInt(i, 10), N: 1000 + i,
		})
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// readBehind follows the writes of testFences; the i-th event is of the write that set n to 1000+i.
func (s *suite) readBehind(ctx context.Context, from source.Position, selection source.Selection, keys, writes int64) (err error) {
	stream, err := s.Source.Open(ctx, from, s.all())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close(context.WithoutCancel(ctx))) }()
	newest := make([]int64, keys) // of each key, the n that has to be visible
	asked := make([]source.Key, keys)
	for i := range asked {
		asked[i] = Key(i)
	}
	place := len(selection.Columns) - 1 // of n
	for count := int64(0); count < writes; {
		batch, err := stream.Next(ctx)
		if err != nil {
			return fmt.Errorf("after %d events: %w", count, err)
		}
		for range batch.Events {
			newest[count%keys] = 1000 + count
			count++
		}
		rows, err := s.Source.ReadRows(ctx, batch.Fence, selection, asked)
		if err != nil {
			return fmt.Errorf("behind %q: %w", batch.Fence, err)
		}
		for i, row := range rows {
			n, _ := row.Values[place].(int64)
			if n < newest[i] {
				return fmt.Errorf("behind %q, after %d events: row %d has n = %d, want %d or newer", batch.Fence, count, i, n, newest[i])
			}
		}
	}
	return nil
}
