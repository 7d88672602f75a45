package postgres

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// decode turns the text of a value, as the server prints it in a log or an answer under our session's settings,
// into the value that the column's kind promises. The bytes are only valid during the call.
type decode func(raw []byte) (source.Value, error)

// decodeOf picks the decoder once per column, not once per value.
func decodeOf(c source.Column) decode {
	decode := decodeText
	switch c.Type.Kind {
	case source.KindInt:
		decode = func(raw []byte) (source.Value, error) { return strconv.ParseInt(string(raw), 10, 64) }
	case source.KindUint:
		decode = func(raw []byte) (source.Value, error) { return strconv.ParseUint(string(raw), 10, 64) }
	case source.KindFloat:
		bits := c.Type.Bits
		decode = func(raw []byte) (source.Value, error) { return strconv.ParseFloat(string(raw), bits) }
	case source.KindBool:
		decode = decodeBool
	case source.KindBinary:
		decode = decodeBinary
	case source.KindDateTime, source.KindTimestamp:
		decode = decodeTime
	}
	switch {
	case c.Type.Fixed: // the padding is no part of the value
		decode = func(raw []byte) (source.Value, error) { return strings.TrimRight(string(raw), " "), nil }
	}
	return func(raw []byte) (source.Value, error) {
		v, err := decode(raw)
		if err != nil { // which quotes the value
			return nil, fmt.Errorf("decode column %s: its text is not that of %s: %w", c.Name, c.Type.Native, source.ErrStale)
		}
		return v, nil
	}
}

func decodeText(raw []byte) (source.Value, error) { return string(raw), nil }

func decodeBool(raw []byte) (source.Value, error) {
	switch string(raw) {
	case "t", "true":
		return true, nil
	case "f", "false":
		return false, nil
	}
	return nil, strconv.ErrSyntax
}

// decodeBinary reads the hexadecimal form, \x00ff.
func decodeBinary(raw []byte) (source.Value, error) {
	if len(raw) < 2 || raw[0] != '\\' || raw[1] != 'x' {
		return nil, strconv.ErrSyntax
	}
	out := make([]byte, hex.DecodedLen(len(raw)-2))
	_, err := hex.Decode(out, raw[2:])
	return out, err
}

// decodeTime makes "2006-01-02T15:04:05.5Z" of "2006-01-02 15:04:05.5+00". Infinities, and years before Christ,
// which have BC behind, stay as they are otherwise.
func decodeTime(raw []byte) (source.Value, error) {
	text := string(raw)
	day, clock, ok := strings.Cut(text, " ")
	if !ok {
		return text, nil // infinity
	}
	clock, era, _ := strings.Cut(clock, " ")
	if utc, ok := strings.CutSuffix(clock, "+00"); ok {
		clock = utc + "Z"
	}
	if era != "" {
		era = " " + era
	}
	return day + "T" + clock + era, nil
}

// keyValue makes of a value what a key can hold.
func keyValue(v source.Value) (source.Value, error) {
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("is NULL: %w", source.ErrStale)
	case bool:
		return strconv.FormatBool(v), nil
	}
	return v, nil
}

// keyText is what the server reads a part of a key from.
func keyText(v source.Value) (string, error) {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case string:
		return v, nil
	case []byte:
		return `\x` + hex.EncodeToString(v), nil
	}
	return "", fmt.Errorf("%T in a key: %w", v, source.ErrStale)
}
