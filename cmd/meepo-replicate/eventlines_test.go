package main

import (
	"bytes"
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
		if err := newEventWriter(&out, format).writeBatch(batch, "p"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
}
