package mysql

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// keyColumn knows the one canonical encoding of a key column, from both sides: the bytes of the
// log and the value of a SELECT. Made by describe, or by rowKeys for the SELECT side only.
type keyColumn struct {
	source.Column
	charset string    // of text and enums, today
	sets    *charsets // nil: no fromLog
}

// logColumn is what a table map event says of a column, zero values where it says nothing (then
// today's catalog decides).
type logColumn struct {
	Unsigned, UnsignedKnown bool
	EnumLabels              []string // as the bytes stand in the event
	Collation               uint64   // number of the collation of a text or of the labels
}

// rowKeys prepares the key columns of a selection.
func rowKeys(columns []source.Column) []keyColumn {
	keys := make([]keyColumn, len(columns))
	for i, c := range columns {
		keys[i] = keyColumn{Column: c}
	}
	return keys
}

// refuseKey says why a column cannot be part of a key, empty if it can: the allow-list. A type is
// on it only when a test shows its way from the log's bytes to a WHERE clause.
func (s *Source) refuseKey(d columnDef) string {
	t := typeOf(d)
	lower := strings.ToLower(d.native)
	const other = "use an integer, decimal, char, varchar, binary, varbinary, date, datetime, timestamp, enum or year column as primary key"
	switch {
	case d.keyPrefix.Valid:
		return fmt.Sprintf("the key holds only its first %d characters; %s", d.keyPrefix.Int64, other)
	case strings.Contains(lower, "compressed"):
		return "compressed columns cannot be read from the log; " + other
	case strings.Contains(lower, "mariadb-5.3"):
		return "the log holds it in the old format; run ALTER TABLE … FORCE with mysql56_temporal_format=ON"
	case strings.Contains(d.extra, "VIRTUAL GENERATED"):
		return "a virtual column is not kept in the log; make it STORED"
	case d.dataType == "bit", d.dataType == "json" || d.jsonChecked, d.dataType == "time":
		return "this type is not proven as a key; " + other
	}
	switch t.Kind {
	case source.KindInt, source.KindUint, source.KindDecimal, source.KindDate, source.KindDateTime, source.KindTimestamp:
		return ""
	case source.KindUUID:
		return ""
	case source.KindText:
		if d.dataType != "char" && d.dataType != "varchar" {
			return "this type is not proven as a key; " + other
		}
		return s.refuseCharset(d)
	case source.KindEnum:
		if slices.Contains(t.Members, "") {
			return "it has the member '', which cannot be told from an invalid value; " + other
		}
		return s.refuseCharset(d)
	case source.KindBinary:
		if d.dataType == "binary" || d.dataType == "varbinary" {
			return ""
		}
	}
	return "this type is not proven as a key; " + other
}

func (s *Source) refuseCharset(d columnDef) string {
	if s.charsets.knows(d.charset.String) {
		return ""
	}
	return "text in charset " + d.charset.String + " is not proven as a key; convert it: ALTER TABLE … MODIFY " +
		quote(d.name) + " … CHARACTER SET utf8mb4"
}

// fromLog turns a value as go-mysql's RowsEvent gives it into the canonical one. Timestamps must
// have been rendered in UTC.
func (k keyColumn) fromLog(raw any, meta logColumn) (source.Value, error) {
	v, err := k.decodeLog(raw, meta)
	if err != nil {
		return nil, fmt.Errorf("decode key column %s (%s): %w", k.Name, k.Type.Native, err)
	}
	return v, nil
}

func (k keyColumn) decodeLog(raw any, meta logColumn) (source.Value, error) {
	switch k.Type.Kind {
	case source.KindInt, source.KindUint:
		return k.integer(raw, meta)
	case source.KindDecimal:
		if text, ok := raw.(string); ok {
			return text, nil
		}
	case source.KindText:
		if text, ok := textOf(raw); ok {
			return k.text(text, meta)
		}
	case source.KindBinary:
		if text, ok := textOf(raw); ok {
			return k.binary([]byte(text)), nil
		}
	case source.KindDate, source.KindDateTime, source.KindTimestamp:
		if text, ok := raw.(string); ok {
			return canonicalTime(k.Type, text)
		}
	case source.KindEnum:
		if n, ok := raw.(int64); ok {
			return k.label(n, meta)
		}
	case source.KindUUID:
		if text, ok := textOf(raw); ok {
			return uuidFromRecord(text)
		}
	}
	return nil, fmt.Errorf("unexpected %T in the log: %w", raw, source.ErrStale)
}

func textOf(raw any) (string, bool) {
	switch raw := raw.(type) {
	case string:
		return raw, true
	case []byte:
		return string(raw), true
	}
	return "", false
}

// integer undoes the log's forgetting of signs: without full metadata every integer is decoded as
// a signed one.
func (k keyColumn) integer(raw any, meta logColumn) (source.Value, error) {
	unsigned := k.Type.Kind == source.KindUint
	if meta.UnsignedKnown {
		unsigned = meta.Unsigned
	}
	var bits uint64 // two's complement
	negative := false
	switch n := raw.(type) {
	case int:
		bits = uint64(n) // YEAR
	case int8:
		bits, negative = uint64(uint8(n)), n < 0
	case int16:
		bits, negative = uint64(uint16(n)), n < 0
	case int32:
		bits, negative = uint64(uint32(n)), n < 0
		if k.Type.Bits == 24 {
			bits &= 0xFFFFFF
		}
	case int64:
		bits, negative = uint64(n), n < 0
	case uint8:
		bits = uint64(n)
	case uint16:
		bits = uint64(n)
	case uint32:
		bits = uint64(n)
	case uint64:
		bits = n
	default:
		return nil, fmt.Errorf("unexpected %T in the log: %w", raw, source.ErrStale)
	}
	if negative && !unsigned {
		bits = uint64(signed(raw))
	} else {
		negative = false
	}
	// The column may have changed its sign since: the key has the type of today.
	switch {
	case k.Type.Kind == source.KindUint && !negative:
		return bits, nil
	case k.Type.Kind == source.KindInt && (negative || bits <= math.MaxInt64):
		return int64(bits), nil
	}
	return nil, fmt.Errorf("a number does not fit into %s: %w", k.Type.Native, source.ErrStale)
}

func signed(raw any) int64 {
	switch n := raw.(type) {
	case int8:
		return int64(n)
	case int16:
		return int64(n)
	case int32:
		return int64(n)
	}
	return raw.(int64)
}

func (k keyColumn) text(raw string, meta logColumn) (source.Value, error) {
	text, err := k.transcode(raw, meta)
	if err == nil && k.Type.Fixed {
		text = strings.TrimRight(text, " ")
	}
	return text, err
}

func (k keyColumn) transcode(raw string, meta logColumn) (string, error) {
	charset := k.charset
	if meta.Collation != 0 {
		name, ok := k.sets.byCollation[meta.Collation]
		if !ok {
			return "", fmt.Errorf("unknown collation %d in the log", meta.Collation)
		}
		charset = name
	}
	return k.sets.decode(charset, raw)
}

// binary restores the zeros that the log cuts from the end of BINARY(n).
func (k keyColumn) binary(raw []byte) []byte {
	if pad := k.Type.Length - len(raw); k.Type.Fixed && pad > 0 {
		raw = append(raw, bytes.Repeat([]byte{0}, pad)...)
	}
	return raw
}

// label names an ENUM's ordinal, by the labels of that time where the log has them.
func (k keyColumn) label(n int64, meta logColumn) (source.Value, error) {
	if n == 0 {
		return nil, fmt.Errorf("the value is invalid (''), and cannot be told from others")
	}
	if len(meta.EnumLabels) > 0 {
		if n > int64(len(meta.EnumLabels)) {
			return nil, fmt.Errorf("ordinal %d of %d labels", n, len(meta.EnumLabels))
		}
		return k.transcode(meta.EnumLabels[n-1], meta)
	}
	if n > int64(len(k.Type.Members)) {
		return nil, fmt.Errorf("ordinal %d of %d members: %w", n, len(k.Type.Members), source.ErrStale)
	}
	return k.Type.Members[n-1], nil
}

// fromRow takes the decoded value of a SELECT, which is canonical already, as part of a key.
func (k keyColumn) fromRow(v source.Value) (source.Value, error) {
	if k.Type.Kind == source.KindEnum && v == "" {
		return nil, fmt.Errorf("key column %s: the value is invalid (''), and cannot be told from others", k.Name)
	}
	return v, nil
}

// ordinal is the expression that gives the value to compare places with: the column itself, but of
// an ENUM its number. An ENUM sorts by number and compares with a text as text, which would lose
// rows; it compares with a number by number, and then the index serves both.
func (k keyColumn) ordinal() string {
	if k.Type.Kind == source.KindEnum {
		return quote(k.Name) + "+0"
	}
	return quote(k.Name)
}

// mark is the placeholder of an argument that compares with the column. A text that is compared
// with a DECIMAL would make both floating-point numbers, which are too coarse.
func (k keyColumn) mark() string {
	if k.Type.Kind == source.KindDecimal {
		return fmt.Sprintf("CAST(? AS DECIMAL(%d,%d))", k.Type.Precision, k.Type.Scale)
	}
	return "?"
}

// param is the argument that the column equals.
func (k keyColumn) param(v source.Value) (any, error) {
	ok := false
	switch k.Type.Kind {
	case source.KindInt:
		var n int64
		if n, ok = v.(int64); ok && strings.HasPrefix(k.Type.Native, "year") {
			return fmt.Sprintf("%04d", n), nil // the number 0 would mean 2000
		}
	case source.KindUint:
		_, ok = v.(uint64)
	case source.KindBinary:
		_, ok = v.([]byte)
	case source.KindDateTime, source.KindTimestamp:
		if text, is := v.(string); is {
			return strings.Replace(strings.TrimSuffix(text, "Z"), "T", " ", 1), nil
		}
	default:
		_, ok = v.(string)
	}
	if !ok {
		return nil, fmt.Errorf("key column %s (%s): a key holds %T: %w", k.Name, k.Type.Native, v, source.ErrStale)
	}
	return v, nil
}

// place is the argument that compares with the column in its order, of a value of a scan's bounds.
func (k keyColumn) place(v source.Value) (any, error) {
	if k.Type.Kind != source.KindEnum {
		return k.param(v)
	}
	if _, ok := v.(int64); !ok {
		return nil, fmt.Errorf("key column %s (%s): a bound holds %T: %w", k.Name, k.Type.Native, v, source.ErrStale)
	}
	return v, nil
}
