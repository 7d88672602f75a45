package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// Target is what the suite needs of a target.
type Target interface {
	targets.Writer
	targets.Scanner
	targets.Reader
	targets.Comparer
	targets.Preparer
}

// Options says how to run the suite with one target.
type Options struct {
	// Open returns a target on a server that is up. The suite closes it.
	Open func(t *testing.T) Target
	// Prefix begins the names of the destinations that the suite makes; it belongs to this run.
	Prefix string
	// Show renders a value as the target's stored document shows it, see [Show], which is the
	// default.
	Show func(field targets.Field, value any) any
	// Poison changes an op so that the target rejects its document and no other. The default gives
	// the op's second value, an 8 bit integer, the value 1000.
	Poison func(op *targets.Op)
	// MaxID is the length of the longest id in bytes; 0 is 512.
	MaxID int
	// MaxRequest is a number of ops that the target has to split into several requests; 0 is 5000.
	MaxRequest int
	// Unversioned: the target keeps no versions, and has other means against writes that land late.
	Unversioned bool
	// ForgetsDeleted: the target keeps the version of a document as long as there is one.
	ForgetsDeleted bool
	// Flat: documents have no objects, and a field's name with a dot is refused.
	Flat bool
	// Types are those that a mapping may ask for and the server has.
	Types []targets.FieldType
	// Samples are values for types that do not take every text, by "type of Kind".
	Samples map[string]any
	// EmptyID: a document can have the empty id.
	EmptyID bool
}

// Run runs the conformance suite. Every target passes all of it.
func Run(t *testing.T, options Options) {
	t.Helper()
	if options.Show == nil {
		options.Show = Show
	}
	if options.Poison == nil {
		options.Poison = func(op *targets.Op) { op.Doc[1] = int64(1000) }
	}
	if options.MaxID == 0 {
		options.MaxID = MaxID
	}
	if options.MaxRequest == 0 {
		options.MaxRequest = 5000
	}
	s := &suite{Options: options}
	for _, c := range cases {
		if s.Unversioned && strings.HasPrefix(c.name, "Versions_") || s.ForgetsDeleted && strings.HasPrefix(c.name, "Versions_KeptAfter") ||
			s.Flat && c.name == "Nested_WrittenAndMarked" || len(s.Types) == 0 && c.name == "Kinds_AskedTypes" {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(s, t) })
	}
}

// cases are the parts of the suite.
var cases = []struct {
	name string
	run  func(*suite, *testing.T)
}{
	{"Write_UpsertOverwriteDelete", (*suite).upsertOverwriteDelete},
	{"Write_SameOpsAgain", (*suite).sameOpsAgain},
	{"Write_OnePoisonOfHundred", (*suite).onePoisonOfHundred},
	{"Write_ConcurrentDocuments", (*suite).concurrentDocuments},
	{"Write_ManyOpsAreSplit", (*suite).manyOpsAreSplit},
	{"Write_LargeDocuments", (*suite).largeDocuments},
	{"Write_SeveralDestinations", (*suite).severalDestinations},
	{"Write_UnpreparedIsLost", (*suite).unpreparedIsLost},
	{"Write_CancelledContext", (*suite).cancelledContext},
	{"Deleted_Marked", (*suite).marked},
	{"Deleted_ManyMarked", (*suite).manyMarked},
	{"Deleted_UnpreparedIsLost", (*suite).markUnprepared},
	{"Versions_LowerIsConflict", (*suite).lowerVersionIsConflict},
	{"Versions_LowerMarkIsConflict", (*suite).lowerMarkIsConflict},
	{"Versions_KeptAfterDelete", (*suite).versionsKeptAfterDelete},
	{"Versions_KeptAfterMarkOfNone", (*suite).markOfNone},
	{"IDs_Odd", (*suite).oddIDs},
	{"IDs_TooLongOrEmpty", (*suite).refusedIDs},
	{"IDs_OfEveryKind", (*suite).typedIDs},
	{"Scan_Pages", (*suite).scanPages},
	{"Scan_LimitOne", (*suite).scanLimitOne},
	{"Scan_Empty", (*suite).scanEmpty},
	{"Scan_ForeignCursor", (*suite).scanForeignCursor},
	{"Read_InOrderWithMissing", (*suite).readInOrder},
	{"Compare_WhatWritingChanges", (*suite).compare},
	{"Compare_Marks", (*suite).compareMarks},
	{"Compare_NothingThere", (*suite).compareNothing},
	{"Compare_EveryKind", (*suite).compareKinds},
	{"Compare_Many", (*suite).compareMany},
	{"Nested_WrittenAndMarked", (*suite).nested},
	{"Nested_Prepare", (*suite).prepareNested},
	{"Prepare_TwiceAndWithMoreFields", (*suite).prepareTwice},
	{"Prepare_OtherTypeIsMismatch", (*suite).prepareMismatch},
	{"Prepare_AllOrNone", (*suite).prepareAllOrNone},
	{"Kinds_ExtremesAndNull", (*suite).kinds},
	{"Kinds_AskedTypes", (*suite).asked},
	{"Empty_NoneIsEmpty", (*suite).noneIsEmpty},
	{"List_ByPrefix", (*suite).list},
	{"Identify_KnownAgain", (*suite).identity},
	{"Marks_PerState", (*suite).marks},
	{"Close_Twice", (*suite).closeTwice},
}

type suite struct {
	Options
	dests int
}

// plain are the fields of most cases: a text, a small integer that poison does not fit into.
var plain = []targets.Field{
	{Name: "name", Kind: targets.KindText, Native: "varchar(100)", Length: 100, Nullable: true},
	{Name: "size", Kind: targets.KindInt, Native: "tinyint", Bits: 8, Nullable: true},
}

var plainKey = []targets.Field{{Name: "id", Kind: targets.KindText, Native: "varchar(2000)", Length: 2000, Key: true}}

// open opens a target for one case and prepares a new destination with the fields.
func (s *suite) open(t *testing.T, fields []targets.Field) (Target, *targets.Destination) {
	t.Helper()
	target := s.Options.Open(t)
	t.Cleanup(func() {
		if err := target.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	dest := s.destination(fields)
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatalf("prepare %s: %v", dest.Name, err)
	}
	return target, dest
}

// version is what a target shows of a version that was written.
func (s *suite) version(written int64) int64 {
	if s.Unversioned {
		return 0
	}
	return written
}

func (s *suite) destination(fields []targets.Field) *targets.Destination {
	s.dests++
	return &targets.Destination{Name: fmt.Sprintf("%ssuite-%d", s.Prefix, s.dests), Fields: fields, Key: plainKey}
}

func upsert(dest *targets.Destination, id targets.ID, version int64, doc ...any) targets.Op {
	return targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Doc: doc, Version: version}
}

func remove(dest *targets.Destination, id targets.ID, version int64) targets.Op {
	return targets.Op{Verb: targets.Delete, Dest: dest, ID: id, Version: version}
}

// write writes ops of which all must be durable.
func write(t *testing.T, target Target, ops ...targets.Op) {
	t.Helper()
	if err := target.Write(t.Context(), ops); err != nil {
		t.Fatalf("write of %d ops: %s", len(ops), describe(err))
	}
}

// failures writes ops and returns which of them failed, by index.
func failures(t *testing.T, target Target, ops ...targets.Op) map[int]targets.ItemError {
	t.Helper()
	err := target.Write(t.Context(), ops)
	var partial *targets.PartialError
	if err != nil && !errors.As(err, &partial) {
		t.Fatalf("write of %d ops: %v", len(ops), err)
	}
	failed := map[int]targets.ItemError{}
	if partial == nil {
		return failed
	}
	if len(partial.Items) == 0 {
		t.Error("a PartialError without items")
	}
	for _, item := range partial.Items {
		if _, twice := failed[item.Index]; twice || item.Index < 0 || item.Index >= len(ops) {
			t.Errorf("item index %d of %d ops: twice or out of range", item.Index, len(ops))
		}
		if item.Reason == "" {
			t.Errorf("item %d has no reason", item.Index)
		}
		failed[item.Index] = item
	}
	return failed
}

func describe(err error) string {
	var partial *targets.PartialError
	if !errors.As(err, &partial) {
		return err.Error()
	}
	text := fmt.Sprintf("%d items failed", len(partial.Items))
	for _, item := range partial.Items[:min(5, len(partial.Items))] {
		text += fmt.Sprintf("; op %d: class %d: %s", item.Index, item.Class, item.Reason)
	}
	return text
}

// expect reads ids back and compares them with wanted documents; one that is nil must not be there.
func (s *suite) expect(t *testing.T, target Target, dest *targets.Destination, want map[targets.ID][]any) {
	t.Helper()
	ids := make([]targets.ID, 0, len(want))
	for id := range want {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	docs, err := target.ReadDocs(t.Context(), dest.Name, ids)
	if err != nil {
		t.Fatalf("read %d documents: %v", len(ids), err)
	}
	if len(docs) != len(ids) {
		t.Fatalf("read %d documents of %d", len(docs), len(ids))
	}
	for i, doc := range docs {
		switch values := want[ids[i]]; {
		case doc.ID != ids[i]:
			t.Errorf("document %d is %q, want %q", i, doc.ID, ids[i])
		case doc.Found != (values != nil):
			t.Errorf("document %q: found is %v", doc.ID, doc.Found)
		case doc.Found:
			s.expectBody(t, dest, doc, values)
		}
	}
}

// expectIDs scans a destination and compares.
func expectIDs(t *testing.T, target Target, dest *targets.Destination, want []targets.ID) {
	t.Helper()
	got := scanAll(t, target, dest, 1000)
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the scan of %s has %d ids, want %d; the first: %q, %q", dest.Name, len(got), len(want),
			got[:min(5, len(got))], want[:min(5, len(want))])
	}
}

// scanAll returns all ids in byte order and fails on one that comes twice.
func scanAll(t *testing.T, target Target, dest *targets.Destination, limit int) []targets.ID {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	var all []targets.ID
	var cursor targets.Cursor
	for {
		ids, next, err := target.ScanIDs(t.Context(), dest.Name, cursor, limit)
		if err != nil {
			t.Fatalf("scan %s: %v", dest.Name, err)
		}
		if len(ids) > limit {
			t.Errorf("a page of %d ids, limit %d", len(ids), limit)
		}
		all = append(all, ids...)
		if next == "" {
			break
		}
		if cursor = next; time.Now().After(deadline) {
			t.Fatalf("scan %s: no end after %d ids", dest.Name, len(all))
		}
	}
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("scan %s: an id comes twice", dest.Name)
	}
	return all
}
