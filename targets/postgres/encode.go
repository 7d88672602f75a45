package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// form is how a column's values travel to the server.
type form uint8

// The forms. The arrays have one element per row; NULL is nil.
const (
	textForm  form = iota // text[]
	intForm               // int8[]
	floatForm             // float8[]
	boolForm              // bool[]
	bytesForm             // bytea[]
)

// array is the type of the parameter that holds a column's values.
func (f form) array() string {
	return [...]string{"text[]", "int8[]", "float8[]", "bool[]", "bytea[]"}[f]
}

func formOf(field targets.Field) form {
	if field.As != "" {
		return textForm
	}
	switch field.Kind {
	case targets.KindInt:
		return intForm
	case targets.KindUint:
		if field.Bits < 64 {
			return intForm
		}
	case targets.KindFloat:
		return floatForm
	case targets.KindBool:
		return boolForm
	case targets.KindBinary:
		return bytesForm
	}
	return textForm
}

// values are the parameter of one column.
type values struct {
	field targets.Field
	form  form
	asked string // the type that the field asks for, without modifiers; empty: none

	texts  []*string
	ints   []*int64
	floats []*float64
	bools  []*bool
	bytes  [][]byte
}

// parameter is what the client library sends.
func (v *values) parameter() any {
	switch v.form {
	case intForm:
		return v.ints
	case floatForm:
		return v.floats
	case boolForm:
		return v.bools
	case bytesForm:
		return v.bytes
	}
	return v.texts
}

// add appends a value of a document and returns about how many bytes it is.
func (v *values) add(value any) (int, error) {
	if v.asked != "" && value != nil {
		text, ok := askedText(v.field, v.asked, value)
		if !ok {
			v.addNull()
			return 4, nil
		}
		v.texts = append(v.texts, &text)
		return len(text) + 4, nil
	}
	switch x := value.(type) {
	case nil:
		v.addNull()
		return 4, nil
	case int64:
		return v.addInt(x)
	case uint64:
		return v.addUint(x)
	case float64:
		if v.form == floatForm {
			v.floats = append(v.floats, &x)
			return 12, nil
		}
	case bool:
		if v.form == boolForm {
			v.bools = append(v.bools, &x)
			return 5, nil
		}
	case []byte:
		if v.form == bytesForm {
			if x == nil {
				x = []byte{}
			}
			v.bytes = append(v.bytes, x)
			return len(x) + 4, nil
		}
	case string:
		if v.form == textForm {
			return v.addText(x), nil
		}
	}
	return 0, fmt.Errorf("field %s: a %T for a %s", v.field.Name, value, v.field.Native)
}

func (v *values) addNull() {
	switch v.form {
	case intForm:
		v.ints = append(v.ints, nil)
	case floatForm:
		v.floats = append(v.floats, nil)
	case boolForm:
		v.bools = append(v.bools, nil)
	case bytesForm:
		v.bytes = append(v.bytes, nil)
	case textForm:
		v.texts = append(v.texts, nil)
	}
}

// truncate takes back what was added behind the first n.
func (v *values) truncate(n int) {
	v.texts, v.ints, v.floats = v.texts[:min(n, len(v.texts))], v.ints[:min(n, len(v.ints))], v.floats[:min(n, len(v.floats))]
	v.bools, v.bytes = v.bools[:min(n, len(v.bools))], v.bytes[:min(n, len(v.bytes))]
}

func (v *values) addInt(x int64) (int, error) {
	if v.form != intForm {
		return 0, fmt.Errorf("field %s: an integer for a %s", v.field.Name, v.field.Native)
	}
	v.ints = append(v.ints, &x)
	return 12, nil
}

func (v *values) addUint(x uint64) (int, error) {
	if v.form == textForm {
		return v.addText(strconv.FormatUint(x, 10)), nil
	}
	if x > math.MaxInt64 {
		return 0, fmt.Errorf("field %s: %d is beyond a %s", v.field.Name, x, v.field.Native)
	}
	return v.addInt(int64(x))
}

// addText appends what the server reads the text's type from.
func (v *values) addText(text string) int {
	switch v.field.Kind {
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		moment, ok := readableTime(text)
		if !ok {
			v.addNull()
			return 4
		}
		text = moment
	case targets.KindVector:
		text = vectorBrackets.Replace(text)
	case targets.KindJSON, targets.KindGeometry:
		text = withoutEscapedNUL(text)
	default:
		text = strings.ReplaceAll(text, "\x00", replacement)
	}
	v.texts = append(v.texts, &text)
	return len(text) + 4
}

// replacement stands for NUL, which no text of PostgreSQL can hold.
const replacement = "\ufffd"

var vectorBrackets = strings.NewReplacer("[", "{", "]", "}")

// withoutEscapedNUL replaces the escape of NUL in a JSON text. A backslash before it may itself be escaped.
func withoutEscapedNUL(text string) string {
	const escape = `\u0000`
	if !strings.Contains(text, escape) {
		return text
	}
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at])
		if strings.HasPrefix(text[at:], escape) {
			out.WriteString(replacement)
			text = text[at+len(escape):]
			continue
		}
		out.WriteString(text[at : at+2])
		text = text[at+2:]
	}
}

// readableTime returns a date or a time as the server reads it; false: it has none, as zero, partial and impossible dates
// of MySQL.
func readableTime(text string) (string, bool) {
	if before, ok := strings.CutSuffix(text, " BC"); ok {
		return strings.Replace(before, "T", " ", 1) + " BC", true
	}
	if len(text) < 10 || text[4] != '-' {
		return text, true // infinity, or a year of more than four digits
	}
	if _, err := time.Parse(time.DateOnly, text[:10]); err != nil || text[:4] == "0000" {
		return "", false
	}
	return text, true
}

// addKey appends the part of an id that stands for a key's column. False: no key of this column has this text.
func (v *values) addKey(text string) bool {
	if strings.ContainsRune(text, 0) {
		return false // replaced, it would be another's key
	}
	switch v.field.Kind {
	case targets.KindInt:
		n, err := strconv.ParseInt(text, 10, 64)
		v.ints = append(v.ints, &n)
		return err == nil
	case targets.KindUint:
		n, err := strconv.ParseUint(text, 10, 64)
		if err == nil {
			_, err = v.addUint(n)
		}
		return err == nil
	case targets.KindBool:
		yes := text == "true"
		v.bools = append(v.bools, &yes)
		return yes || text == "false"
	case targets.KindBinary:
		bytes, err := hex.DecodeString(text)
		v.bytes = append(v.bytes, bytes)
		return err == nil && bytes != nil
	case targets.KindDecimal:
		if _, err := strconv.ParseFloat(text, 64); err != nil && !errors.Is(err, strconv.ErrRange) { // beyond a float it is one, too
			return false
		}
	case targets.KindUUID:
		if len(text) != 36 || strings.Trim(text, "0123456789abcdef-") != "" {
			return false
		}
	}
	rows := len(v.texts)
	v.addText(text)
	return v.texts[rows] != nil
}
