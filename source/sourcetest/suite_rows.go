package sourcetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

// testReadRows: one answer per key, in the order of keys; what is not there is absent.
func testReadRows(t *testing.T, s *suite) {
	item, pair := s.create(t, "item", Numbered), s.create(t, "pair", Paired)
	s.insert(t, item, Numbered, []source.Value{int64(-5)}, []source.Value{int64(0)}, []source.Value{int64(7)})
	s.insert(t, pair, Paired, []source.Value{int64(1), "x"}, []source.Value{int64(1), "y"}, []source.Value{int64(2), "x"})
	_, fence := s.settle(t)
	got := s.read(t, fence, item, Key(7), Key(1), Key(-5), Key(0))
	want := []source.Row{
		{Key: Key(7), Found: true, Values: []source.Value{int64(7), "new", int64(3)}},
		{Key: Key(1)},
		{Key: Key(-5), Found: true, Values: []source.Value{int64(-5), "new", int64(1)}},
		{Key: Key(0), Found: true, Values: []source.Value{int64(0), "new", int64(2)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = s.read(t, fence, pair, Key(2, "x"), Key(2, "y"), Key(1, "y"))
	want = []source.Row{
		{Key: Key(2, "x"), Found: true, Values: []source.Value{int64(2), "x", "new", int64(3)}},
		{Key: Key(2, "y")},
		{Key: Key(1, "y"), Found: true, Values: []source.Value{int64(1), "y", "new", int64(2)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rows := s.read(t, fence, item); len(rows) != 0 {
		t.Errorf("no keys give %v", rows)
	}
}

func (s *suite) read(t testing.TB, fence source.Fence, table source.Table, keys ...source.Key) []source.Row {
	t.Helper()
	rows, err := s.Source.ReadRows(t.Context(), fence, s.selection(t, fence, table), keys)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// testByteEqual: a row answers only the key that is its own, byte for byte, whatever the collation
// takes for equal. Asked together with other keys, too.
func testByteEqual(t *testing.T, s *suite) {
	word := s.create(t, "word", Worded)
	s.insert(t, word, Worded, []source.Value{"A"}, []source.Value{"o'clock"}, []source.Value{"straße"}, []source.Value{"1"})
	_, fence := s.settle(t)
	found := map[string]bool{"A": true, "o'clock": true, "straße": true, "1": true}
	words := []string{"a", "A", "A ", "Ä", "o'clock", "O'CLOCK", "straße", "strasse", "1", "1.0", "01", ""}
	keys := make([]source.Key, len(words))
	for i, w := range words {
		keys[i] = Key(w)
		rows := s.read(t, fence, word, keys[i])
		if rows[0].Found != found[w] {
			t.Errorf("%q is found: %v", w, rows[0].Found)
		}
	}
	for i, row := range s.read(t, fence, word, keys...) {
		if row.Key != keys[i] || row.Found != found[words[i]] {
			t.Errorf("among others, %q is found: %v, as %s", words[i], row.Found, row.Key.Text())
		}
	}
}

// testScan: the ranges hold each row once, page by page, however they are cut.
func testScan(t *testing.T, s *suite) {
	tables := map[Shape]source.Table{}
	tables[Numbered] = s.create(t, "item", Numbered)
	tables[Worded] = s.create(t, "word", Worded)
	tables[Paired] = s.create(t, "pair", Paired)
	keys := map[Shape][][]source.Value{Numbered: numbers(-3, 3)}
	for _, w := range []string{"", "A", "b", "C c", "d|", "ö", "日本", "1", "10", "9"} {
		keys[Worded] = append(keys[Worded], []source.Value{w})
		keys[Paired] = append(keys[Paired], []source.Value{int64(len(w)), w}, []source.Value{int64(-1), w})
	}
	for shape, table := range tables {
		s.insert(t, table, shape, keys[shape]...)
	}
	empty := s.create(t, "hollow", Paired)
	_, fence := s.settle(t)
	for shape, table := range tables {
		want := map[source.Key]bool{}
		for _, key := range keys[shape] {
			want[Key(key...)] = true
		}
		for _, n := range []int{1, 3, 100} {
			for _, limit := range []int{1, 2, 1000} {
				t.Run(fmt.Sprintf("%s/ranges%d/limit%d", table.Name, n, limit), func(t *testing.T) {
					s.scanAll(t, fence, table, n, limit, want)
				})
			}
		}
	}
	s.scanAll(t, fence, empty, 3, 1, map[source.Key]bool{})
}

// scanAll scans a table by n ranges and compares its keys with want, its rows with ReadRows.
func (s *suite) scanAll(t *testing.T, fence source.Fence, table source.Table, n, limit int, want map[source.Key]bool) {
	t.Helper()
	selection := s.selection(t, fence, table)
	ranges, err := s.Source.Split(t.Context(), fence, selection, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(ranges) < 1 || len(ranges) > n || len(want) == 0 && len(ranges) > 1 {
		t.Fatalf("%d ranges of %d rows, asked for %d", len(ranges), len(want), n)
	}
	got := map[source.Key]bool{}
	var scanned []source.Row
	for _, r := range ranges {
		for pages := 0; r != ""; pages++ {
			if pages > len(want)+1 {
				t.Fatalf("range %q has no end", r)
			}
			rows, rest, err := s.Source.ScanRows(t.Context(), fence, selection, r, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) > limit {
				t.Errorf("%d rows, asked for %d", len(rows), limit)
			}
			for _, row := range rows {
				if got[row.Key] {
					t.Errorf("row %s comes twice", row.Key.Text())
				}
				got[row.Key] = true
			}
			scanned, r = append(scanned, rows...), rest
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("keys: %s", diff)
	}
	asked := make([]source.Key, len(scanned))
	for i, row := range scanned {
		asked[i] = row.Key
	}
	if len(asked) > 0 {
		if diff := cmp.Diff(s.read(t, fence, table, asked...), scanned); diff != "" {
			t.Errorf("read by key and scanned: %s", diff)
		}
	}
}

// testCatalog: tables are listed by pattern, sorted; columns have their key, order and kinds.
func testCatalog(t *testing.T, s *suite) {
	pair := s.create(t, "pair", Paired)
	item := s.create(t, "item", Numbered)
	_, fence := s.settle(t)
	tables, err := s.Source.Tables(t.Context(), fence, []source.Pattern{{Schema: s.Schema, Name: "*"}, source.Pattern(item)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]source.Table{item, s.marker, pair}, tables); diff != "" {
		t.Error(diff)
	}
	columns, err := s.Source.Columns(t.Context(), fence, pair)
	if err != nil {
		t.Fatal(err)
	}
	if columns.Table != pair || columns.Refused != "" {
		t.Errorf("table %s, refused: %s", columns.Table, columns.Refused)
	}
	if diff := cmp.Diff([]int{0, 1}, columns.Key); diff != "" {
		t.Errorf("key: %s", diff)
	}
	type column struct {
		name     string
		ordinal  int
		kind     source.Kind
		nullable bool
	}
	want := []column{
		{"a", 1, source.KindInt, false}, {"b", 2, source.KindText, false},
		{"data", 3, source.KindText, true}, {"n", 4, source.KindInt, true},
	}
	if len(columns.Columns) != len(want) {
		t.Fatalf("columns %v", columns.Columns)
	}
	for i, c := range columns.Columns {
		if got := (column{c.Name, c.Ordinal, c.Type.Kind, c.Nullable}); got != want[i] {
			t.Errorf("column %d is %v, want %v", i, got, want[i])
		}
	}
}

// testNoTable: a table that does not exist is said to be just that.
func testNoTable(t *testing.T, s *suite) {
	nothing := source.Table{Schema: s.Schema, Name: "nothing"}
	_, fence := s.settle(t)
	if _, err := s.Source.Columns(t.Context(), fence, nothing); !errors.Is(err, source.ErrNoTable) {
		t.Errorf("columns: %v", err)
	}
	tables, err := s.Source.Tables(t.Context(), fence, []source.Pattern{source.Pattern(nothing)})
	if err != nil || len(tables) > 0 {
		t.Errorf("tables: %v, %v", tables, err)
	}
}

// testStale: who reads with an old selection is told to compile again.
func testStale(t *testing.T, s *suite) {
	item := s.create(t, "item", Numbered)
	s.insert(t, item, Numbered, numbers(1, 2)...)
	_, fence := s.settle(t)
	old := s.selection(t, fence, item)
	ranges, err := s.Source.Split(t.Context(), fence, old, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.change(t, Change{Action: source.Alter, Table: item})
	_, fence = s.settle(t)
	if _, err := s.Source.ReadRows(t.Context(), fence, old, []source.Key{Key(1)}); !errors.Is(err, source.ErrStale) {
		t.Errorf("read with a dropped column: %v", err)
	}
	if _, _, err := s.Source.ScanRows(t.Context(), fence, old, ranges[0], 10); !errors.Is(err, source.ErrStale) {
		t.Errorf("scan with a dropped column: %v", err)
	}
	got := s.read(t, fence, item, Key(2))
	if diff := cmp.Diff([]source.Row{{Key: Key(2), Found: true, Values: []source.Value{int64(2), "new"}}}, got); diff != "" {
		t.Errorf("with a new selection: %s", diff)
	}
	s.change(t, Change{Action: source.Drop, Table: item})
	_, fence = s.settle(t)
	_, err = s.Source.ReadRows(t.Context(), fence, old, []source.Key{Key(1)})
	if !errors.Is(err, source.ErrNoTable) && !errors.Is(err, source.ErrStale) {
		t.Errorf("read of a dropped table: %v", err)
	}
}
