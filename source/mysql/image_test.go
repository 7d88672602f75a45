package mysql

import (
	"bytes"
	"log/slog"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// formatEvent is what a server says of its events' format, without checksums.
func formatEvent() []byte {
	event := append(eventHeader(replication.FORMAT_DESCRIPTION_EVENT), 4, 0)
	event = append(event, append([]byte("8.4.0"), make([]byte, 45+4)...)...)
	event = append(event, byte(replication.EventHeaderSize))
	lengths := make([]byte, 200)
	for i := range lengths {
		lengths[i] = 8
	}
	return finish(append(append(event, lengths...), 0, 0, 0, 0, 0))
}

// tableEvent is a table map of all types that differ in how their length is found.
func tableEvent(t testing.TB) *replication.TableMapEvent {
	t.Helper()
	r := imageReader{
		types: []byte{
			gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_NEWDECIMAL, gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_STRING,
			gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_JSON, gomysql.MYSQL_TYPE_BIT,
		},
		metas: []uint16{0, 300, 10<<8 | 2, 2, uint16(gomysql.MYSQL_TYPE_ENUM)<<8 | 1, uint16(gomysql.MYSQL_TYPE_STRING)<<8 | 40, 6, 4, 9},
	}
	parser := newParser(server{})
	if _, err := parser.Parse(formatEvent()); err != nil {
		t.Fatal(err)
	}
	all := make([]int, len(r.types))
	for i := range all {
		all[i] = i
	}
	e, err := parser.Parse(r.tableMap(all))
	if err != nil {
		t.Fatal(err)
	}
	return e.Event.(*replication.TableMapEvent)
}

var (
	fullBitmap = []byte{0xFF, 0x01}
	// 1, "ab", 1.50, a blob "x", an enum, "c ", a datetime, an empty JSON, bits
	oneImage = []byte{
		0, 0, 1, 0, 0, 0, 2, 0, 'a', 'b', 0x80, 0, 0, 1, 50, 1, 0, 'x', 2, 1, 'c', 0x99, 0xB3, 0x42, 0xC3, 0x4E, 0, 0, 0, 0, 0, 0, 0, 1, 1,
	}
)

func TestImageReader(t *testing.T) {
	r, err := newImageReader(formatEvent(), server{}, tableEvent(t), []int{1, 2, 4})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.read(bytes.Repeat(oneImage, 3), images{columns: 9, before: fullBitmap})
	if err != nil || len(rows) != 3 || rows[2][0] != "ab" || rows[2][1] != "1.50" || rows[2][2] != int64(2) {
		t.Fatalf("%v, %v", rows, err)
	}
	// The second image has one column only, and that is NULL.
	rows, err = r.read(append(bytes.Clone(oneImage), 1), images{columns: 9, before: fullBitmap, after: []byte{2, 0}})
	if err != nil || len(rows) != 2 || rows[0][0] != "ab" || rows[1][0] != nil {
		t.Fatalf("%v, %v", rows, err)
	}
	for cut := range oneImage {
		if rows, err := r.read(oneImage[:cut], images{columns: 9, before: fullBitmap}); err == nil && cut > 0 {
			t.Errorf("an image cut at %d gives %v", cut, rows)
		}
	}
	if _, err := r.read(oneImage, images{columns: 8, before: fullBitmap}); err == nil {
		t.Error("rows of another number of columns are read")
	}
}

// Rows from the wire are either decoded into keys or refused; nothing breaks.
func FuzzRowsToKeys(f *testing.F) {
	f.Add(oneImage, fullBitmap, []byte(nil), false)
	f.Add(append(bytes.Clone(oneImage), 1), fullBitmap, []byte{2, 0}, true)
	f.Add([]byte{}, []byte{0, 0}, []byte{0, 0}, false)
	f.Add([]byte{0xFF, 0xFF}, fullBitmap, []byte{0xFF, 0xFF, 0xFF}, true)
	te := tableEvent(f)
	plan := &rowPlan{
		gap:   &gap{},
		table: source.Table{Schema: "s", Name: "t"}, keys: 2, cols: []int{0, 1}, slots: []int{0, 1}, meta: make([]logColumn, 2),
		want: []keyColumn{
			{Column: source.Column{Name: "id", Type: source.Type{Kind: source.KindInt, Bits: 32}}},
			{Column: source.Column{Name: "b", Type: source.Type{Kind: source.KindBinary}}},
		},
	}
	f.Fuzz(func(t *testing.T, body, before, after []byte, partial bool) {
		var err error
		if plan.image, err = newImageReader(formatEvent(), server{}, te, plan.cols); err != nil {
			t.Fatal(err)
		}
		in := images{columns: 9, before: before, partial: partial}
		action := source.Insert
		if len(after) > 0 {
			in.after, action = after, source.Update
		}
		rows, err := plan.image.read(body, in)
		if err != nil {
			return
		}
		d := &logDecoder{src: &Source{log: slog.New(slog.DiscardHandler)}}
		d.addRows(t.Context(), plan, action, rows, in)
		for _, e := range d.events {
			if e.Action == source.Gap {
				continue
			}
			if values, err := e.Key.Values(); err != nil || len(values) != 2 {
				t.Errorf("key %q: %v", e.Key, err)
			}
		}
	})
}
