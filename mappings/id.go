package mappings

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// keyTexts appends the texts of a key of n columns.
func keyTexts(dst []string, key source.Key, n int) ([]string, error) {
	texts, err := key.AppendTexts(dst)
	if err == nil && len(texts) != n {
		err = fmt.Errorf("key of %d values for %d key columns", len(texts), n)
	}
	return texts, err
}

// plainID makes the id of a key: the texts of its values, joined if there are several.
// Texts of one column's values differ, so ids of different keys do.
func plainID(texts []string) targets.ID {
	if len(texts) == 1 {
		return targets.ID(texts[0])
	}
	return targets.JoinID(texts...)
}

// splitPlain is the inverse of plainID.
func splitPlain(id targets.ID, n int) ([]string, error) {
	texts, ok := targets.SplitID(id, n)
	if !ok {
		return nil, fmt.Errorf("not an id of %d columns", n)
	}
	return texts, nil
}

// keyOf makes a key of the texts of its values.
func keyOf(texts []string, columns []targets.Field) (source.Key, error) {
	values := make([]source.Value, len(texts))
	for i, text := range texts {
		value, err := keyValue(text, columns[i])
		if err != nil {
			return "", fmt.Errorf("key column %s: %w", columns[i].Name, err)
		}
		values[i] = value
	}
	return source.NewKey(values...)
}

var (
	errNotCanonical = errors.New("not as this column's values are written")
	errRange        = errors.New("beyond this column's range")
)

// keyValue reads one value back. It takes only the one text that the value has, so that an id
// which somebody else has made is not taken for a key's.
func keyValue(text string, column targets.Field) (source.Value, error) {
	switch column.Kind {
	case targets.KindInt:
		return parseInt(text, column.Bits)
	case targets.KindUint:
		return parseUint(text, column.Bits)
	case targets.KindBinary:
		if strings.ToLower(text) != text {
			return nil, errNotCanonical
		}
		return hex.DecodeString(text)
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("not valid UTF-8")
	}
	if form, ok := forms[column.Kind]; ok && !form(text, column) {
		return nil, errNotCanonical
	}
	return text, nil
}

func parseInt(text string, bits int) (source.Value, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return nil, errNotCanonical
	}
	if bits > 0 && bits < 64 && (n < -1<<(bits-1) || n > 1<<(bits-1)-1) {
		return nil, errRange
	}
	return n, nil
}

func parseUint(text string, bits int) (source.Value, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return nil, errNotCanonical
	}
	if bits > 0 && bits < 64 && n > 1<<bits-1 {
		return nil, errRange
	}
	return n, nil
}

// forms tell a kind's texts from others by their shape. A shape that fits is no proof that there
// is such a value; a shape that does not is proof that there is none.
var forms = map[targets.Kind]func(text string, column targets.Field) bool{
	targets.KindDecimal: isDecimal,
	targets.KindBool:    func(text string, _ targets.Field) bool { return text == "true" || text == "false" },
	targets.KindDate:    func(text string, _ targets.Field) bool { return fitsTime(text, "dddd-dd-dd") },
	targets.KindDateTime: func(text string, _ targets.Field) bool {
		return fitsTime(text, "dddd-dd-ddTdd:dd:dd")
	},
	targets.KindTimestamp: func(text string, _ targets.Field) bool {
		return fitsTime(text, "dddd-dd-ddTdd:dd:ddZ")
	},
	targets.KindTime: func(text string, _ targets.Field) bool {
		text = withoutFraction(strings.TrimPrefix(text, "-"))
		return fits(text, "dd:dd:dd") || fits(text, "ddd:dd:dd")
	},
	targets.KindUUID: func(text string, _ targets.Field) bool {
		return fits(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
	},
	targets.KindInet: func(text string, _ targets.Field) bool {
		return text != "" && strings.Trim(text, "0123456789abcdef.:") == ""
	},
}

// fits compares a text with a shape in which d is a digit, x a lower-case hexadecimal one.
func fits(text, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i := range len(text) {
		c := text[i]
		digit := c >= '0' && c <= '9'
		switch shape[i] {
		case 'd':
			if !digit {
				return false
			}
		case 'x':
			if !digit && (c < 'a' || c > 'f') {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	return true
}

// fitsTime is fits for a day or a time, with a fraction perhaps; PostgreSQL's may have years of more digits, years
// before Christ, and be infinite.
func fitsTime(text, shape string) bool {
	if text == "infinity" || text == "-infinity" {
		return true
	}
	text = strings.TrimSuffix(text, " BC")
	zone := ""
	if utc, ok := strings.CutSuffix(text, "Z"); ok {
		text, zone = utc, "Z"
	}
	text = withoutFraction(text) + zone
	for len(text) > len(shape) && text[0] >= '1' && text[0] <= '9' && allDigits(text[1:5]) {
		text = text[1:]
	}
	return fits(text, shape)
}

// withoutFraction cuts a fraction of one to six digits off a time.
func withoutFraction(text string) string {
	whole, fraction, ok := strings.Cut(text, ".")
	if ok && len(fraction) >= 1 && len(fraction) <= 6 && allDigits(fraction) {
		return whole
	}
	return text
}

func isDecimal(text string, column targets.Field) bool {
	switch text {
	case "NaN", "Infinity", "-Infinity":
		return true
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if strings.HasSuffix(text, ".") || !allDigits(whole) || !allDigits(fraction) || whole == "" {
		return false
	}
	// Without a precision any scale occurs. Leading zeros do too: ZEROFILL.
	return column.Precision == 0 || len(fraction) == column.Scale
}

func allDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }
