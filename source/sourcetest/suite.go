package sourcetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// Subject is a source under test and its database.
type Subject struct {
	Source Source
	// Schema is empty, and nobody else changes it. Its name needs no quotes in SQL.
	Schema string
	// Apply makes the changes, all in one transaction. Where one of them is of a table (Create,
	// Truncate, ...), it is alone. It fails the test where it cannot.
	Apply func(t testing.TB, changes []Change)
	// KeepOld has the log hold the former values of a table's rows. Nil: it holds them anyhow.
	KeepOld func(t testing.TB, table source.Table)
	// Prepare and End are for RunPrepared. Prepare makes the changes, which are of rows, as a transaction
	// in two phases and ends its session; End commits it by its name, or rolls it back.
	Prepare func(t testing.TB, name string, changes []Change)
	End     func(t testing.TB, name string, commit bool)
}

// Options say what to test.
type Options struct {
	// Open returns a subject of its own for each case, and closes it with t.Cleanup.
	Open func(t *testing.T) Subject
	// Large is the number of rows in the large transaction. 0: 5,000.
	Large int
}

// Run tests that a source keeps the contracts of package source. A driver whose database speaks SQL
// needs no more than this:
//
//	sourcetest.Run(t, sourcetest.Options{Open: func(t *testing.T) sourcetest.Subject {
//		db, src := ... // a database of its own, and the source under test
//		return sourcetest.Subject{Source: src, Schema: name, Apply: func(t testing.TB, changes []sourcetest.Change) {
//			tx, err := db.BeginTx(t.Context(), nil)
//			... // fail the test on err, here and below
//			for _, change := range changes {
//				_, err := tx.ExecContext(t.Context(), change.SQL())
//			}
//			err = tx.Commit()
//		}}
//	}})
func Run(t *testing.T, options Options) {
	if options.Large == 0 {
		options.Large = 5000
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"HeadMissesNothing", testHead},
		{"EventsInOrder", testOrder},
		{"TableChangesInOrder", testTableChanges},
		{"PositionsAtCommits", testPositions},
		{"LargeTransaction", testLarge},
		{"FencesIncludeEarlier", testFences},
		{"SubscribedTablesOnly", testSubscription},
		{"SubscribedColumns", testSubscribedColumns},
		{"StreamLife", testStreamLife},
		{"Verify", testVerify},
		{"ReadRowsByKey", testReadRows},
		{"ReadRowsByteEqual", testByteEqual},
		{"ScanCoversAll", testScan},
		{"Catalog", testCatalog},
		{"NoTable", testNoTable},
		{"Stale", testStale},
		{"Clock", testClock},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, begin(t, options)) })
	}
}

func begin(t *testing.T, options Options) *suite {
	s := &suite{Subject: options.Open(t), large: options.Large}
	s.marker = source.Table{Schema: s.Schema, Name: "marker"}
	s.change(t, Change{Action: source.Create, Table: s.marker})
	return s
}

// patience bounds what a case waits for; a source that works never comes near it.
const patience = time.Minute

// suite is one case's subject with what the cases share.
type suite struct {
	Subject
	large  int
	marker source.Table // its inserts say in the stream how far we are
	marks  int64
}

func (s *suite) change(t testing.TB, changes ...Change) {
	t.Helper()
	s.Apply(t, changes)
}

// create makes a table in the subject's schema.
func (s *suite) create(t testing.TB, name string, shape Shape) source.Table {
	t.Helper()
	table := source.Table{Schema: s.Schema, Name: name}
	s.change(t, Change{Action: source.Create, Table: table, Shape: shape})
	return table
}

// insert makes one transaction of rows; n counts from 1.
func (s *suite) insert(t testing.TB, table source.Table, shape Shape, keys ...[]source.Value) {
	t.Helper()
	changes := make([]Change, len(keys))
	for i, key := range keys {
		changes[i] = Change{Action: source.Insert, Table: table, Shape: shape, Key: key, Data: "new", N: int64(i + 1)}
	}
	s.change(t, changes...)
}

// all subscribes to everything in the subject's schema.
func (s *suite) all() []source.Subscription {
	return []source.Subscription{{Tables: source.Pattern{Schema: s.Schema, Name: "*"}}}
}

// head returns the head's position.
func (s *suite) head(t testing.TB) source.Position {
	t.Helper()
	position, _, err := s.Source.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// settle returns the position after all changes made so far, and a fence that includes them. The
// head will not do: a change that has returned may be invisible to it yet.
func (s *suite) settle(t testing.TB) (source.Position, source.Fence) {
	t.Helper()
	from := s.head(t)
	batches := s.follow(t, from, s.mark(t), s.all())
	last := batches[len(batches)-1]
	return last.Position, last.Fence
}

// mark puts a new mark into the log.
func (s *suite) mark(t testing.TB) source.Key {
	t.Helper()
	s.marks++
	s.insert(t, s.marker, Numbered, []source.Value{s.marks})
	return Key(s.marks)
}

// follow reads the log up to a mark, and on to the next position.
func (s *suite) follow(t testing.TB, from source.Position, mark source.Key, subscriptions []source.Subscription) []source.Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := s.Source.Open(ctx, from, subscriptions)
	if err != nil {
		t.Fatalf("open at %q: %v", from, err)
	}
	defer closeStream(t, stream)
	var batches []source.Batch
	marked := false
	for {
		batch, err := stream.Next(ctx)
		if err != nil {
			t.Fatalf("from %q, after %d batches: %v", from, len(batches), err)
		}
		if len(batch.Events) > 0 && batch.Fence == "" {
			t.Errorf("batch with %d events has no fence", len(batch.Events))
		}
		batches = append(batches, batch)
		marked = marked || slices.ContainsFunc(batch.Events, func(e source.Event) bool {
			return e.Table == s.marker && e.Key == mark
		})
		if marked && batch.Position != "" {
			return batches
		}
	}
}

// events returns the events of batches in words, without those of marks.
func (s *suite) events(batches []source.Batch) []string {
	var words []string
	for _, batch := range batches {
		for _, e := range batch.Events {
			if e.Table != s.marker {
				words = append(words, inWords(e))
			}
		}
	}
	return words
}

func inWords(e source.Event) string {
	switch {
	case e.Action.OfRow():
		return e.Action.String() + " " + e.Table.Name + " " + e.Key.Text()
	case e.Action == source.Rename:
		return "rename " + e.Table.Name + " " + e.To.Name
	}
	return e.Action.String() + " " + e.Table.Name
}

// selection asks for all columns of a table.
func (s *suite) selection(t testing.TB, fence source.Fence, table source.Table) source.Selection {
	t.Helper()
	columns, err := s.Source.Columns(t.Context(), fence, table)
	if err != nil {
		t.Fatal(err)
	}
	return Select(columns)
}

func closeStream(t testing.TB, stream source.Stream) {
	t.Helper()
	if err := stream.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close stream: %v", err)
	}
}

// numbers are the keys from..to of a numbered table.
func numbers(from, to int64) [][]source.Value {
	var keys [][]source.Value
	for n := from; n <= to; n++ {
		keys = append(keys, []source.Value{n})
	}
	return keys
}
