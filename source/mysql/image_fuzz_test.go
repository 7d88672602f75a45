package mysql

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

// loggedColumn is a column as a server logs it, and what a value of it has to be read as.
type loggedColumn struct {
	kind byte
	meta uint16
	read source.Type // as a column of this type; of no kind that a key can have: skipped only
	skip bool
	// encode writes a value made of any number and text as a server does, and says what it is.
	encode func(n int64, text string) (logged []byte, value source.Value)
}

func intColumn(kind byte, size int) loggedColumn {
	return loggedColumn{kind: kind, read: source.Type{Kind: source.KindInt, Bits: 8 * size}, encode: func(n int64, _ string) ([]byte, source.Value) {
		shift := 64 - 8*size
		return binary.LittleEndian.AppendUint64(nil, uint64(n))[:size], n << shift >> shift
	}}
}

func uintColumn(kind byte, size int) loggedColumn {
	return loggedColumn{kind: kind, read: source.Type{Kind: source.KindUint, Bits: 8 * size}, encode: func(n int64, _ string) ([]byte, source.Value) {
		shift := 64 - 8*size
		return binary.LittleEndian.AppendUint64(nil, uint64(n))[:size], uint64(n) << shift >> shift
	}}
}

// textColumn has its value behind a length of one or two bytes; length is the longest in bytes.
func textColumn(kind byte, meta uint16, length int, read source.Type) loggedColumn {
	return loggedColumn{kind: kind, meta: meta, read: read, encode: func(_ int64, text string) ([]byte, source.Value) {
		text = strings.ToValidUTF8(text[:min(len(text), length)], "")
		if read.Fixed && read.Kind == source.KindBinary {
			value := append([]byte(text), make([]byte, length-len(text))...)
			return prefix(1, strings.TrimRight(text, "\x00")), value
		}
		if read.Fixed {
			text = strings.TrimRight(text, " ")
		}
		size := 1
		if length > 255 {
			size = 2
		}
		if read.Kind == source.KindBinary {
			return prefix(size, text), []byte(text)
		}
		return prefix(size, text), text
	}}
}

func prefix(size int, content string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))[:size], content...)
}

// enumColumn has its labels' number in one or two bytes.
func enumColumn(size, members int) loggedColumn {
	read := source.Type{Kind: source.KindEnum}
	for i := range members {
		read.Members = append(read.Members, fmt.Sprint("m", i))
	}
	meta := uint16(gomysql.MYSQL_TYPE_ENUM)<<8 | uint16(size)
	return loggedColumn{kind: gomysql.MYSQL_TYPE_STRING, meta: meta, read: read, encode: func(n int64, _ string) ([]byte, source.Value) {
		at := uint64(n) % uint64(members)
		return binary.LittleEndian.AppendUint64(nil, at+1)[:size], read.Members[at]
	}}
}

// decimalColumn stores each nine digits in four bytes, fewer in fewer, all inverted if negative, and
// the first bit inverted in any case.
func decimalColumn(precision, scale int) loggedColumn {
	read := source.Type{Kind: source.KindDecimal, Precision: precision, Scale: scale}
	meta := uint16(precision)<<8 | uint16(scale)
	return loggedColumn{kind: gomysql.MYSQL_TYPE_NEWDECIMAL, meta: meta, read: read, encode: func(n int64, text string) ([]byte, source.Value) {
		digits := make([]byte, precision)
		for i := range digits {
			digits[i] = '0'
			if i < len(text) {
				digits[i] += text[i] % 10
			}
		}
		whole, fraction := string(digits[:precision-scale]), string(digits[precision-scale:])
		negative := n < 0 && strings.Trim(string(digits), "0") != ""
		var logged []byte
		group := func(digits string) {
			var number uint32
			for _, digit := range digits {
				number = number*10 + uint32(digit-'0')
			}
			size := []int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}[len(digits)]
			logged = append(logged, binary.BigEndian.AppendUint32(nil, number)[4-size:]...)
		}
		group(whole[:len(whole)%9])
		for at := len(whole) % 9; at < len(whole); at += 9 {
			group(whole[at : at+9])
		}
		for at := 0; at < len(fraction); at += 9 {
			group(fraction[at:min(at+9, len(fraction))])
		}
		for i := range logged {
			if negative {
				logged[i] ^= 0xFF
			}
		}
		logged[0] ^= 0x80
		value := strings.TrimLeft(whole, "0")
		if value == "" {
			value = "0"
		}
		if scale > 0 {
			value += "." + fraction
		}
		if negative {
			value = "-" + value
		}
		return logged, value
	}}
}

// appendFraction writes microseconds as temporal types of a scale have them.
func appendFraction(logged []byte, micros, scale int) []byte {
	size := (scale + 1) / 2
	for range 3 - size {
		micros /= 100
	}
	return append(logged, binary.BigEndian.AppendUint32(nil, uint32(micros))[4-size:]...)
}

// fractionOf cuts microseconds to what a scale can hold, and shows them.
func fractionOf(n int64, scale int) (micros int, text string) {
	digits := fmt.Sprintf("%06d", uint64(n)%1_000_000)[:scale]
	if scale > 0 {
		text = "." + digits
	}
	for _, digit := range digits + strings.Repeat("0", 6-scale) {
		micros = micros*10 + int(digit-'0')
	}
	return micros, text
}

func dateTimeColumn(scale int) loggedColumn {
	read := source.Type{Kind: source.KindDateTime, Scale: scale}
	return loggedColumn{kind: gomysql.MYSQL_TYPE_DATETIME2, meta: uint16(scale), read: read, encode: func(n int64, _ string) ([]byte, source.Value) {
		u := uint64(n)
		year, month, day, hour, minute, second := u%10000, u>>8%13, u>>16%32, u>>24%24, u>>32%60, u>>40%60
		micros, fraction := fractionOf(n, scale)
		if year+month+day+hour+minute+second == 0 {
			micros, fraction = 0, strings.Map(func(r rune) rune { return map[bool]rune{true: '.', false: '0'}[r == '.'] }, fraction)
		}
		whole := 1<<39 | (year*13+month)<<22 | day<<17 | hour<<12 | minute<<6 | second
		logged := appendFraction(binary.BigEndian.AppendUint64(nil, whole)[3:], micros, scale)
		return logged, fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d%s", year, month, day, hour, minute, second, fraction)
	}}
}

func timestampColumn(scale int) loggedColumn {
	read := source.Type{Kind: source.KindTimestamp, Scale: scale}
	return loggedColumn{kind: gomysql.MYSQL_TYPE_TIMESTAMP2, meta: uint16(scale), read: read, encode: func(n int64, _ string) ([]byte, source.Value) {
		seconds := 1 + uint64(n)%math.MaxInt32
		micros, fraction := fractionOf(n, scale)
		logged := appendFraction(binary.BigEndian.AppendUint32(nil, uint32(seconds)), micros, scale)
		return logged, time.Unix(int64(seconds), 0).UTC().Format("2006-01-02T15:04:05") + fraction + "Z"
	}}
}

// skipped is a column that no key can have: its length has to be found, and nothing else.
func skipped(kind byte, meta uint16, encode func(n int64, text string) []byte) loggedColumn {
	return loggedColumn{kind: kind, meta: meta, skip: true, encode: func(n int64, text string) ([]byte, source.Value) { return encode(n, text), nil }}
}

func sized(size int) func(int64, string) []byte {
	return func(n int64, _ string) []byte { return slices.Repeat([]byte{byte(n)}, size) }
}

func prefixedBy(size int) func(int64, string) []byte {
	return func(_ int64, text string) []byte { return prefix(size, text[:min(len(text), 1<<(8*min(size, 2))-1)]) }
}

// loggedColumns is a table of 32 columns of all types, those that differ in their length's place among others.
var loggedColumns = []loggedColumn{
	intColumn(gomysql.MYSQL_TYPE_TINY, 1), uintColumn(gomysql.MYSQL_TYPE_SHORT, 2), intColumn(gomysql.MYSQL_TYPE_INT24, 3), uintColumn(gomysql.MYSQL_TYPE_INT24, 3),
	skipped(gomysql.MYSQL_TYPE_BLOB, 1, prefixedBy(1)),
	uintColumn(gomysql.MYSQL_TYPE_LONG, 4), intColumn(gomysql.MYSQL_TYPE_LONGLONG, 8), uintColumn(gomysql.MYSQL_TYPE_LONGLONG, 8),
	{kind: gomysql.MYSQL_TYPE_YEAR, read: source.Type{Kind: source.KindInt, Bits: 16, Native: "year(4)"}, encode: func(n int64, _ string) ([]byte, source.Value) {
		if byte(n) == 0 {
			return []byte{0}, int64(0)
		}
		return []byte{byte(n)}, 1900 + int64(byte(n))
	}},
	skipped(gomysql.MYSQL_TYPE_JSON, 4, prefixedBy(4)),
	textColumn(gomysql.MYSQL_TYPE_VARCHAR, 200, 200, source.Type{Kind: source.KindText}),
	textColumn(gomysql.MYSQL_TYPE_VARCHAR, 1000, 1000, source.Type{Kind: source.KindText}),
	textColumn(gomysql.MYSQL_TYPE_STRING, uint16(gomysql.MYSQL_TYPE_STRING)<<8|40, 40, source.Type{Kind: source.KindText, Fixed: true}),
	textColumn(gomysql.MYSQL_TYPE_STRING, (uint16(gomysql.MYSQL_TYPE_STRING)^0x30)<<8|0xFC, 1020, source.Type{Kind: source.KindText, Fixed: true}),
	skipped(gomysql.MYSQL_TYPE_BIT, 1<<8|1, sized(2)),
	textColumn(gomysql.MYSQL_TYPE_STRING, uint16(gomysql.MYSQL_TYPE_STRING)<<8|16, 16, source.Type{Kind: source.KindBinary, Fixed: true, Length: 16}),
	textColumn(gomysql.MYSQL_TYPE_VARCHAR, 300, 300, source.Type{Kind: source.KindBinary}),
	enumColumn(1, 255), enumColumn(2, 300),
	skipped(gomysql.MYSQL_TYPE_STRING, uint16(gomysql.MYSQL_TYPE_SET)<<8|8, sized(8)),
	decimalColumn(10, 2), decimalColumn(65, 30), decimalColumn(5, 5), decimalColumn(18, 0),
	{kind: gomysql.MYSQL_TYPE_DATE, read: source.Type{Kind: source.KindDate}, encode: func(n int64, _ string) ([]byte, source.Value) {
		year, month, day := uint64(n)%10000, uint64(n)>>16%13, uint64(n)>>32%32
		return binary.LittleEndian.AppendUint64(nil, year<<9|month<<5|day)[:3], fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	}},
	skipped(gomysql.MYSQL_TYPE_TIME2, 3, sized(5)), skipped(gomysql.MYSQL_TYPE_DOUBLE, 8, sized(8)),
	dateTimeColumn(0), dateTimeColumn(3), timestampColumn(1), timestampColumn(6),
	skipped(gomysql.MYSQL_TYPE_GEOMETRY, 3, prefixedBy(3)),
}

// loggedTable is the table map of loggedColumns.
func loggedTable(tb testing.TB) *replication.TableMapEvent {
	tb.Helper()
	r := imageReader{}
	all := make([]int, len(loggedColumns))
	for i, c := range loggedColumns {
		r.types, r.metas, all[i] = append(r.types, c.kind), append(r.metas, c.meta), i
	}
	parser := newParser(server{})
	if _, err := parser.Parse(formatEvent()); err != nil {
		tb.Fatal(err)
	}
	e, err := parser.Parse(r.tableMap(all))
	if err != nil {
		tb.Fatal(err)
	}
	return e.Event.(*replication.TableMapEvent)
}

// bitmap returns the bits as a rows event has them.
func bitmap(bits uint32) []byte { return binary.LittleEndian.AppendUint32(nil, bits) }

// logImage writes a row as a server does, and returns what its columns hold, nil where they are NULL.
func logImage(n int64, text string, present, nulls uint32) (image []byte, values []source.Value) {
	var body []byte
	var isNull uint32
	seen := 0
	for i, c := range loggedColumns {
		logged, value := c.encode(n, text)
		switch {
		case present>>i&1 == 0:
			value = nil
		case nulls>>i&1 == 1:
			isNull |= 1 << seen
			value = nil
			seen++
		default:
			body = append(body, logged...)
			seen++
		}
		values = append(values, value)
	}
	return append(bitmap(isNull)[:(seen+7)/8], body...), values
}

// loggedPlan reads the columns of the bits keys, and after them those of extras.
func loggedPlan(tb testing.TB, te *replication.TableMapEvent, keys, extras uint32) *rowPlan {
	tb.Helper()
	sh := &shape{}
	var columns []int
	for _, chosen := range []uint32{keys, extras &^ keys} {
		for i, c := range loggedColumns {
			if chosen>>i&1 == 1 && !c.skip {
				columns = append(columns, i)
				sh.want = append(sh.want, keyColumn{Column: source.Column{Name: fmt.Sprint("c", i), Type: c.read}, charset: "utf8mb4", sets: &charsets{}})
			}
		}
		if chosen == keys {
			sh.def.keys = sh.want
		}
	}
	plan := &rowPlan{table: source.Table{Schema: "s", Name: "t"}}
	if err := plan.build(formatEvent(), server{}, te, sh, columns); err != nil {
		tb.Fatal(err)
	}
	return plan
}

// wanted picks the plan's columns of a row.
func (p *rowPlan) wanted(row []source.Value) []source.Value {
	values := make([]source.Value, len(p.cols))
	for i, at := range p.cols {
		values[i] = row[at]
	}
	return values
}

// FuzzLoggedRows: rows of all types that a server may log, with any columns NULL, left out of the
// image, or not wanted, are read as the values that were logged, and an update is told as one or as
// the end of one row and the beginning of another.
func FuzzLoggedRows(f *testing.F) {
	te := loggedTable(f)
	f.Fuzz(func(t *testing.T, n, m int64, text, other string, keys, extras, nulls, present uint32, action uint8, partial bool) {
		keys |= 1 << 6 // one at least
		nulls &^= keys
		plan := loggedPlan(t, te, keys, extras)
		before, old := logImage(n, text, math.MaxUint32, nulls)
		in := images{columns: len(loggedColumns), before: bitmap(math.MaxUint32)}
		d := &logDecoder{}
		var want []source.Event
		var after []byte
		var now []source.Value
		event := func(action source.Action, row, extraOld, extraNew []source.Value) source.Event {
			key, err := source.NewKey(plan.wanted(row)[:plan.keys]...)
			if err != nil {
				t.Fatal(err)
			}
			e := source.Event{Action: action, Table: plan.table, Key: key}
			if extraOld != nil {
				e.Old = plan.extra(plan.wanted(extraOld))
			}
			if extraNew != nil {
				e.New = plan.extra(plan.wanted(extraNew))
			}
			return e
		}
		switch does := source.Insert + source.Action(action%3); does {
		case source.Update:
			after, now = logImage(m, other, present, bits.RotateLeft32(nulls, 5)&^keys)
			if partial {
				after = append([]byte{1, 0}, after...) // some of the one JSON column's values are parts
			}
			in.after, in.partial = bitmap(present), partial
			for i := range now {
				if present>>i&1 == 0 {
					now[i] = old[i]
				}
			}
			if event(0, old, nil, nil).Key == event(0, now, nil, nil).Key {
				want = append(want, event(source.Update, now, old, now))
			} else {
				want = append(want, event(source.Delete, old, old, nil), event(source.Insert, now, nil, now))
			}
			action = uint8(source.Update)
		case source.Insert:
			after, now = logImage(m, other, math.MaxUint32, nulls)
			want = append(want, event(does, old, nil, old), event(does, now, nil, now))
			action = uint8(does)
		default:
			want = append(want, event(does, old, old, nil))
			action = uint8(does)
		}
		if present == 0 && in.after != nil {
			return // a server logs no image without columns
		}
		rows, err := plan.image.read(append(before, after...), in)
		if err != nil {
			t.Fatal(err)
		}
		d.addRows(t.Context(), plan, source.Action(action), rows, in)
		if diff := cmp.Diff(want, d.events); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
