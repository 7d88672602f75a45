package mysql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestLogToRow_EveryKeyType goes the whole way for each type of key: a change is made, the log
// tells its key, and the row is found by that key, or is gone after a delete. A key that was
// decoded wrongly would find nothing, and then a document would be deleted that should live.
func TestLogToRow_EveryKeyType(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		cases := keyCases()
		tables := map[string]source.Table{}
		for _, c := range cases {
			if c.only == nil || c.only(d.Flavor) {
				tables[c.name] = c.create(t, d, nil)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		from, fence, err := s.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := s.Open(ctx, from, []source.Subscription{{Tables: source.Pattern{Schema: d.Name, Name: "*"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close(context.Background())
		for _, c := range cases {
			if table, ok := tables[c.name]; ok {
				t.Run(c.name, func(t *testing.T) {
					w := &logWalk{ctx: ctx, keyCase: c, d: d, s: s, stream: stream, sel: everything(t, s, fence, table)}
					w.walk(t)
				})
			}
		}
	})
}

// logWalk is one type's way from the log to the row.
type logWalk struct {
	keyCase
	ctx    context.Context
	d      *servertest.Database
	s      *Source
	stream source.Stream
	sel    source.Selection
	fence  source.Fence // of the newest batch
}

func (w *logWalk) walk(t *testing.T) {
	table := quoteTable(w.sel.Table)
	w.insert(t, w.d, w.sel.Table, w.values)
	var keys []source.Key
	for _, e := range w.events(t, len(w.values)) {
		w.wantAction(t, e, source.Insert)
		keys = append(keys, e.Key)
	}
	w.want(t, keys, true)
	w.wantScanned(t, keys)

	w.change(t, "UPDATE "+table+" SET v = v + 1")
	var updated []source.Key
	for _, e := range w.events(t, len(w.values)) {
		w.wantAction(t, e, source.Update)
		updated = append(updated, e.Key)
	}
	slices.Sort(updated)
	if sorted := slices.Sorted(slices.Values(keys)); !slices.Equal(sorted, updated) {
		t.Errorf("updates tell of %d other keys than the inserts", len(updated))
	}
	if strings.HasPrefix(w.key, "k ") {
		w.moveKey(t, table, keys)
	}
	w.change(t, "DELETE FROM "+table)
	left := len(w.values)
	if strings.HasPrefix(w.key, "k ") {
		left--
	}
	for _, e := range w.events(t, left) {
		w.wantAction(t, e, source.Delete)
		if !slices.Contains(keys, e.Key) {
			t.Errorf("delete of %s, which was never inserted", e.Key.Text())
		}
	}
	w.want(t, keys, false)
}

// moveKey gives the first row the key of the last one, which goes first.
func (w *logWalk) moveKey(t *testing.T, table string, keys []source.Key) {
	t.Helper()
	first, last := w.values[0], w.values[len(w.values)-1]
	w.change(t, "DELETE FROM "+table+" WHERE k = "+last)
	w.change(t, "UPDATE "+table+" SET k = "+last+" WHERE k = "+first)
	events := w.events(t, 3)
	for i, want := range []struct {
		action source.Action
		key    source.Key
	}{{source.Delete, keys[len(keys)-1]}, {source.Delete, keys[0]}, {source.Insert, keys[len(keys)-1]}} {
		w.wantAction(t, events[i], want.action)
		if events[i].Key != want.key {
			t.Errorf("event %d of a changed key: %s, want %s", i, events[i].Key.Text(), want.key.Text())
		}
	}
	w.want(t, keys[:1], false)
	w.want(t, keys[1:], true)
}

func (w *logWalk) change(t *testing.T, query string) {
	t.Helper()
	if _, err := w.exec(t, w.d, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// events waits for n row events of the table.
func (w *logWalk) events(t *testing.T, n int) []source.Event {
	t.Helper()
	var events []source.Event
	for len(events) < n {
		batch, err := w.stream.Next(w.ctx)
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(events), n, err)
		}
		w.fence = batch.Fence
		for _, e := range batch.Events {
			if e.Table == w.sel.Table && e.Action.OfRow() {
				events = append(events, e)
			}
		}
	}
	return events
}

func (w *logWalk) wantAction(t *testing.T, e source.Event, action source.Action) {
	t.Helper()
	if e.Action != action {
		t.Fatalf("%s of %s, want %s", e.Action, e.Key.Text(), action)
	}
}

func (w *logWalk) want(t *testing.T, keys []source.Key, found bool) {
	t.Helper()
	rows, err := w.s.ReadRows(w.ctx, w.fence, w.sel, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if row.Err != nil || row.Found != found || row.Key != keys[i] {
			t.Errorf("key %s (%q): found %v, want %v: %v", keys[i].Text(), keys[i], row.Found, found, row.Err)
		}
	}
}

// wantScanned: the keys of the log are the keys of the table.
func (w *logWalk) wantScanned(t *testing.T, keys []source.Key) {
	t.Helper()
	all := scanAll(t, w.s, w.fence, w.sel, []source.Range{"{}"}, 1000)
	for _, key := range keys {
		if _, ok := all[key]; !ok {
			t.Errorf("key %s (%q) is in the log and not in the table", key.Text(), key)
		}
	}
	if len(all) != len(keys) {
		t.Errorf("%d keys in the log, %d in the table", len(keys), len(all))
	}
}

// TestReadRows_AnswersOnlyEqualBytes: to the collation 'a' is 'A', and the one row answers both
// conditions; yet it is the row of only one key.
func TestReadRows_AnswersOnlyEqualBytes(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE c (k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY); INSERT INTO c VALUES ('A'), ('é')")
		sel := everything(t, s, "", source.Table{Schema: d.Name, Name: "c"})
		var keys []source.Key
		for _, text := range []string{"a", "A", "A ", "e", "é", "É", "a"} {
			key, err := source.NewKey(text)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		for _, asked := range [][]source.Key{keys, keys[:1], keys[2:3], keys[3:4]} {
			rows, err := s.ReadRows(t.Context(), "", sel, asked)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows {
				want := asked[i] == keys[1] || asked[i] == keys[4]
				if row.Key != asked[i] || row.Found != want {
					t.Errorf("%s: found %v, want %v", asked[i].Text(), row.Found, want)
				}
			}
		}
	})
}

// TestUUID_AnyBytes: MariaDB stores UUIDs with or without turning their groups round, as their
// version and variant say. Random ones of all versions and variants must pass the log.
func TestUUID_AnyBytes(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openTest(t, d)
	c := keyCase{name: "uuids", key: "k UUID"}
	random := rand.New(rand.NewPCG(1, 2))
	for version := range 16 {
		for variant := range 16 {
			for range 4 {
				h := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
				c.values = append(c.values, fmt.Sprintf("'%s-%s-%x%s-%x%s-%s'", h[:8], h[8:12], version, h[13:16], variant, h[17:20], h[20:]))
			}
		}
	}
	table := c.create(t, d, nil)
	from, fence, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := s.Open(t.Context(), from, []source.Subscription{{Tables: source.Pattern(table)}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(context.Background())
	d.Exec(t, "INSERT IGNORE INTO "+quoteTable(table)+" (k) VALUES ("+strings.Join(c.values, "),(")+")")
	w := &logWalk{ctx: t.Context(), keyCase: c, d: d, s: s, stream: stream, sel: everything(t, s, fence, table)}
	n := int(d.QueryInt(t, "SELECT COUNT(*) FROM "+quoteTable(table)))
	if n < 500 {
		t.Fatalf("the server took only %d of %d UUIDs", n, len(c.values))
	}
	var keys []source.Key
	for _, e := range w.events(t, n) {
		keys = append(keys, e.Key)
	}
	w.want(t, keys, true)
	w.wantScanned(t, keys)
}
