package mongo

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

// maxKey is the longest id in bytes. The server's own limit is a document's.
const maxKey = 8 << 10

var errNoKey = errors.New("the id is not one of this destination's key columns, or too long")

// keyOf makes the _id of a document's id: a single key column's value, or a document of several in key order.
func keyOf(key []targets.Field, id targets.ID) (any, error) {
	parts, ok := targets.SplitID(id, len(key))
	if !ok || len(id) > maxKey {
		return nil, errNoKey
	}
	if len(key) == 1 {
		return keyValue(key[0], parts[0])
	}
	d := make(bson.D, len(key))
	for i, field := range key {
		value, err := keyValue(field, parts[i])
		if err != nil {
			return nil, err
		}
		d[i] = bson.E{Key: field.Name, Value: value}
	}
	return d, nil
}

// keyValue makes a key column's value of its text: of its natural type if the same text can be made of that again, else the
// text itself.
func keyValue(field targets.Field, text string) (any, error) {
	typ := typeOf(field, true)
	var value any
	var err error
	switch typ {
	case typeInt, typeLong:
		return keyNumber(field, typ, text)
	case typeBool:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("key column %s: %w", field.Name, errNoKey)
		}
		return text == "true", nil
	case typeBinary:
		value, err = keyBinary(field, text)
	case typeDecimal:
		if d, ok := decimal(text); ok && !d.IsNaN() { // nothing is greater than NaN, and a scan would end there
			value = d
		}
	case typeDate:
		if at, ok := date(text); ok {
			value = at
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key column %s: %w", field.Name, err)
	}
	if value == nil {
		return text, nil
	}
	if again, ok := keyText(field, value); !ok || again != text {
		return text, nil
	}
	return value, nil
}

func keyNumber(field targets.Field, typ bsonType, text string) (any, error) {
	if field.Kind == targets.KindUint {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil && strconv.FormatUint(n, 10) == text {
			return unsigned(n, typ), nil
		}
	} else if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return integer(n, typ), nil
	}
	return nil, fmt.Errorf("key column %s: %w", field.Name, errNoKey)
}

func keyBinary(field targets.Field, text string) (any, error) {
	if field.Kind == targets.KindUUID {
		return uuid(text)
	}
	data, err := hexBytes(text)
	if err != nil {
		return nil, errNoKey
	}
	return bson.Binary{Data: data}, nil
}

func hexBytes(text string) ([]byte, error) {
	if strings.ToLower(text) != text {
		return nil, errNoKey
	}
	return hex.DecodeString(text)
}

// idOf makes the id of a stored _id; false if it is none of this destination's, such as one that somebody else made.
func idOf(key []targets.Field, stored bson.RawValue) (targets.ID, bool) {
	if len(key) == 1 {
		text, ok := storedText(key[0], stored)
		return targets.ID(text), ok && len(text) <= maxKey
	}
	d, ok := stored.DocumentOK()
	if !ok {
		return "", false
	}
	elements, err := d.Elements()
	if err != nil || len(elements) != len(key) {
		return "", false
	}
	parts := make([]string, len(key))
	for i, element := range elements {
		text, ok := storedText(key[i], element.Value())
		if !ok || element.Key() != key[i].Name {
			return "", false
		}
		parts[i] = text
	}
	return targets.JoinID(parts...), true
}

// storedText is the text of a key column's stored value; false if keyValue cannot have made it.
func storedText(field targets.Field, stored bson.RawValue) (string, bool) {
	var value any
	switch stored.Type {
	case bson.TypeString:
		text, ok := stored.StringValueOK()
		if !ok {
			return "", false
		}
		again, err := keyValue(field, text)
		return text, err == nil && again == any(text)
	case bson.TypeInt32, bson.TypeInt64:
		n, ok := stored.AsInt64OK()
		if !ok {
			return "", false
		}
		value = n
	default:
		if err := stored.Unmarshal(&value); err != nil {
			return "", false
		}
	}
	return keyText(field, value)
}

// keyText is the text that the source has of a key column's value, of what is stored.
func keyText(field targets.Field, value any) (string, bool) {
	typ := typeOf(field, true)
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10), typ == typeInt || typ == typeLong
	case bool:
		return strconv.FormatBool(v), typ == typeBool
	case bson.Decimal128:
		n, exponent, err := v.BigInt()
		return plain(n, exponent), err == nil && (typ == typeDecimal || field.Kind == targets.KindUint)
	case bson.Binary:
		if field.Kind != targets.KindUUID {
			return hex.EncodeToString(v.Data), typ == typeBinary && v.Subtype == bson.TypeBinaryGeneric
		}
		if len(v.Data) != 16 || v.Subtype != bson.TypeBinaryUUID {
			return "", false
		}
		return uuidText(v.Data), true
	case bson.DateTime:
		return dateText(field, v), typ == typeDate
	}
	return "", false
}

func uuidText(data []byte) string {
	text := hex.EncodeToString(data)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// dateText prints a date as MySQL does, with all its fractional digits.
func dateText(field targets.Field, at bson.DateTime) string {
	layout := "2006-01-02"
	if field.Kind != targets.KindDate {
		layout += "T15:04:05"
		if field.Scale > 0 {
			layout += "." + strings.Repeat("0", min(field.Scale, 3))
		}
	}
	if field.Kind == targets.KindTimestamp {
		layout += "Z"
	}
	return at.Time().In(time.UTC).Format(layout)
}

// plain prints a number without an exponent.
func plain(n *big.Int, exponent int) string {
	text := new(big.Int).Abs(n).String()
	switch {
	case exponent > 0:
		text += strings.Repeat("0", exponent)
	case exponent < 0:
		if missing := 1 - exponent - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		text = text[:len(text)+exponent] + "." + text[len(text)+exponent:]
	}
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}
