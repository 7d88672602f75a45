package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// imageReader extracts a few columns from the row images of one table. It skips all others by
// their length alone: that costs little, and a column of a type that nobody knows how to decode
// does no harm. What is kept goes, as a table of just these columns, through the library's decoder.
type imageReader struct {
	types  []byte
	metas  []uint16
	json   int   // columns of this type
	slot   []int // of a column: its place among the kept, -1: skipped
	kept   int
	parser *replication.BinlogParser
	row    []byte // the event of kept columns being built
}

var errCutShort = errors.New("a row is cut short")

const keptTable = 1 // table id of the kept columns

func newImageReader(format []byte, info server, te *replication.TableMapEvent, keep []int) (*imageReader, error) {
	r := &imageReader{types: te.ColumnType, metas: te.ColumnMeta, json: int(te.JsonColumnCount()), kept: len(keep), parser: newParser(info)}
	r.slot = make([]int, te.ColumnCount)
	for i := range r.slot {
		r.slot[i] = -1
	}
	for slot, column := range keep {
		r.slot[column] = slot
	}
	if _, err := r.parser.Parse(withoutChecksum(format)); err != nil {
		return nil, parseError(err)
	}
	if _, err := r.parser.Parse(r.tableMap(keep)); err != nil {
		return nil, parseError(err)
	}
	return r, nil
}

// eventHeader starts an event; finish puts its length in.
func eventHeader(kind replication.EventType) []byte {
	header := make([]byte, replication.EventHeaderSize, 256)
	header[4] = byte(kind)
	return header
}

func finish(event []byte) []byte {
	binary.LittleEndian.PutUint32(event[9:], uint32(len(event)))
	return event
}

func (r *imageReader) tableMap(keep []int) []byte {
	event := append(eventHeader(replication.TABLE_MAP_EVENT), keptTable, 0, 0, 0, 0, 0, 0, 0)
	event = append(event, 1, 's', 0, 1, 't', 0)
	event = append(event, gomysql.PutLengthEncodedInt(uint64(len(keep)))...)
	var meta []byte
	for _, column := range keep {
		event = append(event, r.types[column])
		meta = appendMeta(meta, r.types[column], r.metas[column])
	}
	event = append(event, gomysql.PutLengthEncodedString(meta)...)
	return finish(append(event, make([]byte, (len(keep)+7)/8)...))
}

// appendMeta writes a column's metadata as a table map has it.
func appendMeta(buf []byte, kind byte, meta uint16) []byte {
	switch kind {
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_NEWDECIMAL:
		return append(buf, byte(meta>>8), byte(meta))
	case gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_BIT:
		return append(buf, byte(meta), byte(meta>>8))
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR,
		gomysql.MYSQL_TYPE_JSON, gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2:
		return append(buf, byte(meta))
	}
	return buf
}

// images are the columns that a rows event has of each row.
type images struct {
	columns       int
	before, after []byte // bitmaps of the columns present; after is nil unless rows come in pairs
	partial       bool   // an image after may hold parts of JSON values
}

// read returns the kept columns of each image, before and after in turn.
func (r *imageReader) read(body []byte, in images) ([][]any, error) {
	if in.columns != len(r.types) {
		return nil, fmt.Errorf("rows of %d columns for a table of %d", in.columns, len(r.types))
	}
	r.row = append(eventHeader(replication.WRITE_ROWS_EVENTv1), keptTable, 0, 0, 0, 0, 0, 0, 0)
	r.row = append(r.row, gomysql.PutLengthEncodedInt(uint64(r.kept))...)
	for n := 0; n < r.kept; n += 8 {
		r.row = append(r.row, 0xFF)
	}
	if len(in.before)*8 < in.columns || in.after != nil && len(in.after)*8 < in.columns {
		return nil, errCutShort
	}
	for second := false; len(body) > 0 || second; second = in.after != nil && !second {
		present := in.before
		if second {
			present = in.after
		}
		n, err := r.image(body, present, in.partial && second)
		if err != nil {
			return nil, err
		}
		if n == 0 && !second { // an image without columns: nothing to tell the rows by
			return nil, errors.New("a row without columns")
		}
		body = body[n:]
	}
	e, err := r.parser.Parse(finish(r.row))
	if err != nil {
		return nil, errors.New("the values of its key columns cannot be decoded")
	}
	return e.Event.(*replication.RowsEvent).Rows, nil
}

// image copies the kept columns of one image and returns its length.
func (r *imageReader) image(data, present []byte, partial bool) (int, error) {
	pos := 0
	if partial {
		options, n, err := lengthEncoded(data)
		if err != nil {
			return 0, err
		}
		if pos = n; options&1 != 0 {
			pos += (r.json + 7) / 8
		}
	}
	count := 0
	for i := range r.types {
		count += boolToInt(hasBit(present, i))
	}
	size := (count + 7) / 8
	if pos+size > len(data) {
		return 0, errCutShort
	}
	nulls := data[pos : pos+size]
	pos += size
	at := len(r.row)
	for n := 0; n < r.kept; n += 8 {
		r.row = append(r.row, 0xFF)
	}
	seen := -1
	for i, kind := range r.types {
		if !hasBit(present, i) {
			continue
		}
		if seen++; hasBit(nulls, seen) {
			continue
		}
		size, err := valueSize(data[pos:], kind, r.metas[i])
		if err != nil {
			return 0, fmt.Errorf("column %d: %w", i+1, err)
		}
		if pos+size > len(data) {
			return 0, errCutShort
		}
		if slot := r.slot[i]; slot >= 0 {
			r.row[at+slot/8] &^= 1 << (slot % 8)
			r.row = append(r.row, data[pos:pos+size]...)
		}
		pos += size
	}
	return pos, nil
}

// lengthEncoded reads a number in the wire's form of one to nine bytes, and how many these are. The
// library trusts that all of them are there.
func lengthEncoded(data []byte) (number uint64, size int, err error) {
	if len(data) == 0 {
		return 0, 0, errCutShort
	}
	size = 1
	switch data[0] {
	case 0xFC:
		size = 3
	case 0xFD:
		size = 4
	case 0xFE:
		size = 9
	}
	if len(data) < size {
		return 0, 0, errCutShort
	}
	number, _, _ = gomysql.LengthEncodedInt(data)
	return number, size, nil
}

func hasBit(bitmap []byte, i int) bool { return bitmap[i/8]&(1<<(i%8)) != 0 }

// fixedSizes are of the types that always have the same length.
var fixedSizes = map[byte]int{
	gomysql.MYSQL_TYPE_TINY: 1, gomysql.MYSQL_TYPE_SHORT: 2, gomysql.MYSQL_TYPE_INT24: 3, gomysql.MYSQL_TYPE_LONG: 4, gomysql.MYSQL_TYPE_LONGLONG: 8,
	gomysql.MYSQL_TYPE_FLOAT: 4, gomysql.MYSQL_TYPE_DOUBLE: 8, gomysql.MYSQL_TYPE_YEAR: 1, gomysql.MYSQL_TYPE_NULL: 0,
	gomysql.MYSQL_TYPE_DATE: 3, gomysql.MYSQL_TYPE_NEWDATE: 3, gomysql.MYSQL_TYPE_TIME: 3, gomysql.MYSQL_TYPE_DATETIME: 8, gomysql.MYSQL_TYPE_TIMESTAMP: 4,
}

// valueSize returns how many bytes a value takes in an image.
func valueSize(data []byte, kind byte, meta uint16) (int, error) {
	if size, ok := fixedSizes[kind]; ok {
		return size, nil
	}
	fraction := int(meta+1) / 2 // bytes of a time's fractional digits
	switch kind {
	case gomysql.MYSQL_TYPE_TIME2:
		return 3 + fraction, nil
	case gomysql.MYSQL_TYPE_TIMESTAMP2:
		return 4 + fraction, nil
	case gomysql.MYSQL_TYPE_DATETIME2:
		return 5 + fraction, nil
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		scale := int(meta & 0xFF)
		return decimalSize(int(meta>>8)-scale) + decimalSize(scale), nil
	case gomysql.MYSQL_TYPE_BIT:
		return (int(meta>>8)*8 + int(meta&0xFF) + 7) / 8, nil
	case gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING:
		return prefixed(data, 1+boolToInt(meta > 255))
	case gomysql.MYSQL_TYPE_STRING:
		return stringSize(data, meta)
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_JSON, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR:
		return prefixed(data, int(meta))
	}
	return 0, fmt.Errorf("type %d of the log is unknown", kind)
}

// stringSize is of CHAR, BINARY, ENUM and SET, which share a type. Two bits of a CHAR's length
// hide in the byte that tells the real type.
func stringSize(data []byte, meta uint16) (int, error) {
	real, length := byte(meta>>8), int(meta&0xFF)
	if real == gomysql.MYSQL_TYPE_ENUM || real == gomysql.MYSQL_TYPE_SET {
		return length, nil
	}
	length |= int(real&0x30^0x30) << 4
	return prefixed(data, 1+boolToInt(length > 255))
}

// prefixed is the size of a value behind its length of n bytes.
func prefixed(data []byte, n int) (int, error) {
	if n < 1 || n > 4 || n > len(data) {
		return 0, errCutShort
	}
	size := n + int(gomysql.FixedLengthInt(data[:n]))
	if size > len(data) {
		return 0, errCutShort
	}
	return size, nil
}

// decimalSize is of a run of digits: nine to four bytes.
func decimalSize(digits int) int {
	return digits/9*4 + (digits%9+1)/2
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
