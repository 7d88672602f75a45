package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

func key(t *testing.T, values ...source.Value) source.Key {
	t.Helper()
	k, err := source.NewKey(values...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEventWriter_Lines(t *testing.T) {
	table := source.Table{Schema: "shop", Name: "test"}
	batch := source.Batch{Time: time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), Events: []source.Event{
		{Action: source.Insert, Table: table, Key: key(t, int64(-1))},
		{Action: source.Update, Table: table, Key: key(t, uint64(18446744073709551615))},
		{Action: source.Delete, Table: table, Key: key(t, "a\n<b>", []byte{0, 255}, int64(7))},
		{Action: source.Truncate, Table: table},
		{Action: source.Rename, Table: table, To: source.Table{Schema: "shop", Name: "neu"}},
	}}
	for format, want := range map[string]string{
		"plain": `test_write -1
test_update 18446744073709551615
test_delete a\n<b>,0x00ff,7
test_truncate
test_rename shop.neu
`,
		"json": `{"event":"test_write","table":"shop.test","action":"write","key":-1,"position":"p","time":"2026-01-02T03:04:05.0000006Z"}
{"event":"test_update","table":"shop.test","action":"update","key":18446744073709551615,"position":"p","time":"2026-01-02T03:04:05.0000006Z"}
{"event":"test_delete","table":"shop.test","action":"delete","key":["a\n<b>","0x00ff",7],"position":"p","time":"2026-01-02T03:04:05.0000006Z"}
{"event":"test_truncate","table":"shop.test","action":"truncate","position":"p","time":"2026-01-02T03:04:05.0000006Z"}
{"event":"test_rename","table":"shop.test","action":"rename","to":"shop.neu","position":"p","time":"2026-01-02T03:04:05.0000006Z"}
`} {
		var out bytes.Buffer
		if err := newEventWriter(&out, format, slog.New(slog.DiscardHandler)).writeBatch(batch, "p"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
}

// What an XA transaction has changed is written at its commit, also where that comes again after a lost
// connection, and with the position from which it comes again.
func TestEventWriter_XA(t *testing.T) {
	table, other := source.Table{Schema: "shop", Name: "test"}, source.Table{Schema: "shop", Name: "other"}
	var out, log bytes.Buffer
	w := newEventWriter(&out, "json", slog.New(slog.NewTextHandler(&log, nil)))
	w.tables = []source.Table{table, other}
	insert := func(xid string, id int64) source.Event {
		return source.Event{Action: source.Insert, Table: table, Key: key(t, id), XID: xid}
	}
	end := func(action source.Action, xid string) source.Event { return source.Event{Action: action, XID: xid} }
	for _, step := range []struct {
		from   source.Position
		events []source.Event
		after  source.Position
		want   string // key and position of each line
	}{
		{"p0", []source.Event{end(source.Prepare, "x"), insert("x", 1), insert("", 2), end(source.Prepare, "y"), insert("y", 3)}, "p1", "2@p0"},
		{"p1", []source.Event{insert("", 4), end(source.Commit, "x"), end(source.Rollback, "y")}, "", "4@p1 1@p0"},
		{"p1", []source.Event{insert("", 4), end(source.Commit, "x"), end(source.Rollback, "y"), end(source.Prepare, "x"), insert("x", 5)}, "p2", "4@p1 1@p0"},
		{"p2", []source.Event{end(source.Commit, "x")}, "p3", "5@p1"},
		{"p3", []source.Event{end(source.Rollback, "x"), end(source.Commit, "x")}, "p4", "test_gap@p3 other_gap@p3"},
	} {
		out.Reset()
		if err := w.writeBatch(source.Batch{Events: step.events, Position: step.after}, step.from); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var e struct{ Event, Key, Position any }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Key == nil {
				e.Key = e.Event
			}
			got = append(got, fmt.Sprintf("%v@%v", e.Key, e.Position))
		}
		if diff := cmp.Diff(step.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("after %s: %s", step.from, diff)
		}
	}
	if n := strings.Count(log.String(), "is unknown"); n != 1 {
		t.Errorf("the log:\n%s", log.String())
	}
	if len(w.held.open) != 0 || w.held.kept != 0 {
		t.Errorf("still held: %v", w.held)
	}
}
