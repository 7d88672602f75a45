package mysql

import (
	sqldriver "database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/source"
)

// decoder turns what the driver gives for a column into the value that its kind promises. The
// driver's bytes are only valid until the next row, so every case copies.
type decoder func(v sqldriver.Value) (source.Value, error)

var errUTF8 = errors.New("not valid UTF-8")

// decoderOf picks the decoder once per column, not once per value.
func decoderOf(c source.Column) decoder {
	decode := decodeText
	switch c.Type.Kind {
	case source.KindInt:
		decode = decodeInt
	case source.KindUint:
		decode = decodeUint
		if strings.HasPrefix(c.Type.Native, "bit") {
			decode = decodeBit
		}
	case source.KindFloat:
		decode = decodeFloat
	case source.KindDecimal:
		if strings.Contains(strings.ToLower(c.Type.Native), "zerofill") {
			decode = decodePadded
		}
	case source.KindBinary:
		decode = decodeBinary
	case source.KindVector:
		decode = decodeVector
	case source.KindDate, source.KindDateTime, source.KindTimestamp:
		t := c.Type
		decode = func(v sqldriver.Value) (source.Value, error) { return decodeTime(t, v) }
	}
	return func(v sqldriver.Value) (source.Value, error) {
		if v == nil {
			return nil, nil
		}
		out, err := decode(v)
		if err != nil {
			return nil, fmt.Errorf("decode column %s (%s): %w", c.Name, c.Type.Native, err)
		}
		return out, nil
	}
}

func unexpected(v sqldriver.Value) error {
	return fmt.Errorf("unexpected %T: %w", v, source.ErrStale)
}

func decodeInt(v sqldriver.Value) (source.Value, error) {
	if _, ok := v.(int64); ok {
		return v, nil // as it is: putting the number into a new interface would allocate
	}
	return nil, unexpected(v)
}

// decodeUint: the driver gives numbers above the largest int64 as text.
func decodeUint(v sqldriver.Value) (source.Value, error) {
	switch v := v.(type) {
	case int64:
		if v >= 0 {
			return uint64(v), nil
		}
	case []byte:
		if n, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, unexpected(v)
}

// decodeBit reads the big-endian bytes of BIT.
func decodeBit(v sqldriver.Value) (source.Value, error) {
	raw, ok := v.([]byte)
	if !ok || len(raw) > 8 {
		return nil, unexpected(v)
	}
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return n, nil
}

func decodeFloat(value sqldriver.Value) (source.Value, error) {
	switch v := value.(type) {
	case float32:
		return float64(v), nil
	case float64:
		return value, nil
	}
	return nil, unexpected(value)
}

func decodeBinary(v sqldriver.Value) (source.Value, error) {
	if raw, ok := v.([]byte); ok {
		return append(make([]byte, 0, len(raw)), raw...), nil
	}
	return nil, unexpected(v)
}

// decodeVector reads the little-endian float32s that a vector is stored as: the server's own
// function prints six digits, of the nine that a float32 may need.
func decodeVector(v sqldriver.Value) (source.Value, error) {
	raw, ok := v.([]byte)
	if !ok || len(raw)%4 != 0 {
		return nil, unexpected(v)
	}
	out := append(make([]byte, 0, 3*len(raw)), '[')
	for i := 0; i < len(raw); i += 4 {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))), 'g', -1, 32)
	}
	return string(append(out, ']')), nil
}

func decodeText(v sqldriver.Value) (source.Value, error) {
	raw, ok := v.([]byte)
	if !ok {
		return nil, unexpected(v)
	}
	if !utf8.Valid(raw) {
		return nil, errUTF8
	}
	return string(raw), nil
}

// decodePadded takes the zeros off that ZEROFILL puts before a DECIMAL: the log has none of them.
func decodePadded(v sqldriver.Value) (source.Value, error) {
	raw, ok := v.([]byte)
	if !ok {
		return nil, unexpected(v)
	}
	text := strings.TrimLeft(string(raw), "0")
	if text == "" || text[0] == '.' {
		text = "0" + text
	}
	return text, nil
}

func decodeTime(t source.Type, v sqldriver.Value) (source.Value, error) {
	switch v := v.(type) {
	case []byte:
		return canonicalTime(t, v)
	case string:
		return canonicalTime(t, v)
	}
	return nil, unexpected(v)
}

// Errors tell nothing of a value: they go to logs and into the state.
var errNoDate = errors.New("not in the form of a date, or of a date and time")

// canonicalTime gives dates and times the form of source.Kind: a T between, as many digits of a
// second as the column declares, a Z for instants.
func canonicalTime[text string | []byte](t source.Type, in text) (source.Value, error) {
	const date, seconds = len("2006-01-02"), len("2006-01-02 15:04:05")
	if t.Kind == source.KindDate {
		if len(in) != date {
			return nil, errNoDate
		}
		return string(in), nil
	}
	if len(in) < seconds || in[date] != ' ' || len(in) > seconds && in[seconds] != '.' || t.Scale > 6 {
		return nil, errNoDate
	}
	digits := in[min(len(in), seconds+1):]
	for i := t.Scale; i < len(digits); i++ {
		if digits[i] != '0' {
			return nil, fmt.Errorf("a time has more digits than the column: %w", source.ErrStale)
		}
	}
	var room [seconds + len(".123456Z")]byte
	out := append(room[:0], in[:seconds]...)
	out[date] = 'T'
	if t.Scale > 0 {
		out = append(out, '.')
		for i := range t.Scale {
			digit := byte('0')
			if i < len(digits) {
				digit = digits[i]
			}
			out = append(out, digit)
		}
	}
	if t.Kind == source.KindTimestamp {
		out = append(out, 'Z')
	}
	return string(out), nil
}

// uuidFromRecord reads MariaDB's UUID as it is stored: 16 bytes, of which the log cuts zeros from
// the end. Versions below 6 are stored with their groups in reverse order, so that those with a
// time sort by it.
func uuidFromRecord(raw string) (source.Value, error) {
	if len(raw) > 16 {
		return nil, fmt.Errorf("uuid of %d bytes: %w", len(raw), source.ErrStale)
	}
	var b [16]byte
	copy(b[:], raw)
	if b[6]&0x80 != 0 && b[8] > 0 && b[8] < 0x60 {
		b = [16]byte{b[12], b[13], b[14], b[15], b[10], b[11], b[8], b[9], b[6], b[7], b[0], b[1], b[2], b[3], b[4], b[5]}
	}
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
