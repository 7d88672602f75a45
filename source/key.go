package source

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Key identifies a row: the values of the key columns in the one canonical encoding that the
// log and the SELECT share. Two keys are the same row exactly if their bytes are equal, so it
// serves as a map key. It is not for people to read: see [Key.Text].
//
// Encoding: per column a tag byte, the payload's length as a uvarint, the payload:
// 'i' a signed decimal integer, 'u' an unsigned one, 's' text, 'b' bytes. Texts of decimals,
// dates, enums and so on are 's'.
type Key string

// NewKey encodes key values, which are int64, uint64, string or []byte as their kinds say.
// A nil or any other type is an error: such a column cannot be part of a key.
func NewKey(values ...Value) (Key, error) {
	buf := make([]byte, 0, 24*len(values))
	var num [20]byte
	for i, v := range values {
		switch v := v.(type) {
		case int64:
			buf = appendPart(buf, 'i', strconv.AppendInt(num[:0], v, 10))
		case uint64:
			buf = appendPart(buf, 'u', strconv.AppendUint(num[:0], v, 10))
		case string:
			buf = binary.AppendUvarint(append(buf, 's'), uint64(len(v)))
			buf = append(buf, v...)
		case []byte:
			buf = appendPart(buf, 'b', v)
		default:
			return "", fmt.Errorf("encode key: column %d: %T cannot be part of a key", i+1, v)
		}
	}
	return Key(buf), nil
}

func appendPart(buf []byte, tag byte, payload []byte) []byte {
	buf = binary.AppendUvarint(append(buf, tag), uint64(len(payload)))
	return append(buf, payload...)
}

// Values decodes the key. Bytes are copied.
func (k Key) Values() ([]Value, error) {
	var values []Value
	for rest := string(k); rest != ""; {
		tag, payload, after, err := cutPart(rest)
		if err != nil {
			return nil, err
		}
		value, err := decodePart(tag, payload)
		if err != nil {
			return nil, fmt.Errorf("decode key: %w", err)
		}
		values, rest = append(values, value), after
	}
	return values, nil
}

// AppendTexts appends the text of each value to dst: integers in decimal, texts as they are, bytes
// as lower-case hexadecimal digits. Given the kinds of the columns, the texts determine the key. It
// is the fast way from a key to a document's id: only bytes are copied.
func (k Key) AppendTexts(dst []string) ([]string, error) {
	for rest := string(k); rest != ""; {
		tag, payload, after, err := cutPart(rest)
		if err != nil {
			return dst, err
		}
		switch tag {
		case 'i', 'u', 's':
		case 'b':
			payload = hex.EncodeToString([]byte(payload))
		default:
			return dst, fmt.Errorf("decode key: unknown tag %q", tag)
		}
		dst, rest = append(dst, payload), after
	}
	return dst, nil
}

// cutPart takes the first value's part off an encoded key.
func cutPart(text string) (tag byte, payload, rest string, err error) {
	// A length below 128 is one byte, which is nearly always so.
	if len(text) >= 2 && text[1] < 0x80 {
		if end := 2 + int(text[1]); end <= len(text) {
			return text[0], text[2:end], text[end:], nil
		}
	}
	size, n := binary.Uvarint([]byte(text[1:min(len(text), 1+binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(text)-1-n) {
		return 0, "", "", fmt.Errorf("decode key: cut short %d bytes before its end", len(text))
	}
	if n > 1 && text[n] == 0 {
		return 0, "", "", fmt.Errorf("decode key: a length in more bytes than it needs, %d before its end", len(text))
	}
	end := 1 + n + int(size)
	return text[0], text[1+n : end], text[end:], nil
}

func decodePart(tag byte, payload string) (Value, error) {
	switch tag {
	case 'i', 'u':
		// There is one encoding: two keys are the same row exactly if their bytes are equal.
		if digits := strings.TrimPrefix(payload, "-"); digits != "" && digits[0] == '+' || payload != "0" && strings.HasPrefix(digits, "0") {
			return nil, fmt.Errorf("integer %q is not as a key has it", payload)
		}
		if tag == 'u' {
			return strconv.ParseUint(payload, 10, 64)
		}
		return strconv.ParseInt(payload, 10, 64)
	case 's':
		return payload, nil
	case 'b':
		return []byte(payload), nil
	}
	return nil, fmt.Errorf("unknown tag %q", tag)
}

// Text renders the key for people and messages: the values joined by a comma, bytes as
// 0x and hexadecimal digits. Several keys may share one text.
func (k Key) Text() string {
	values, err := k.Values()
	if err != nil {
		return fmt.Sprintf("invalid key %x", string(k))
	}
	parts := make([]string, len(values))
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			parts[i] = fmt.Sprintf("0x%x", b)
		} else {
			parts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(parts, ",")
}
