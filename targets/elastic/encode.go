package elastic

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// layout is a destination made ready for encoding.
type layout struct {
	fields   []layoutField
	end      []byte // the brackets behind the last value
	pipeline string // that documents go through; empty: the index says so
}

// layoutField is a field with what stands before its value: a comma, the brackets of the objects that end and begin between the field
// before and this one, its name.
type layoutField struct {
	*targets.Field
	at     int // in the document's values
	before []byte
	encode encodeFunc // nil: as its kind is
}

func newLayout(dest *targets.Destination) *layout {
	l := &layout{pipeline: pipelineOf(dest)}
	l.add(dest, targets.Nest(dest.Fields))
	return l
}

// add appends an object's members, and leaves its closing bracket in end.
func (l *layout) add(dest *targets.Destination, members []targets.Member) {
	l.end = append(l.end, '{')
	for i, m := range members {
		if i > 0 {
			l.end = append(l.end, ',')
		}
		l.end = append(appendString(l.end, m.Name), ':')
		if m.Field < 0 {
			l.add(dest, m.Members)
			continue
		}
		f := layoutField{Field: &dest.Fields[m.Field], at: m.Field, before: l.end}
		if askedTypes.Of(*f.Field) != nil {
			f.encode = askedEncode[f.As]
		}
		l.fields = append(l.fields, f)
		l.end = nil
	}
	l.end = append(l.end, '}')
}

// appendDoc appends a document as one line of JSON. TYPES.md says how each kind is shown.
func (l *layout) appendDoc(dst []byte, doc []any) ([]byte, error) {
	if len(doc) != len(l.fields) {
		return dst, fmt.Errorf("document has %d values for %d fields", len(doc), len(l.fields))
	}
	for i := range l.fields {
		field := &l.fields[i]
		var err error
		dst = append(dst, field.before...)
		value := doc[field.at]
		if field.encode == nil || value == nil {
			dst, err = appendValue(dst, field.Field, value)
		} else {
			dst, err = field.encode(dst, field.Field, value)
		}
		if err != nil {
			return dst, fmt.Errorf("field %s: %w", field.Name, err)
		}
	}
	return append(dst, l.end...), nil
}

func appendValue(dst []byte, field *targets.Field, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		if field.Kind == targets.KindUint && field.Bits == 64 {
			dst = append(dst, '"')
			return append(strconv.AppendUint(dst, v, 10), '"'), nil
		}
		return strconv.AppendUint(dst, v, 10), nil
	case float64:
		return appendFloat(dst, field, v)
	case string:
		return appendText(dst, field, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"'), nil
	}
	return dst, fmt.Errorf("a %T is no value of a document", value)
}

func appendFloat(dst []byte, field *targets.Field, v float64) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) { // they have no form in JSON
		return append(dst, "null"...), nil
	}
	bits := 64
	if field.Bits == 32 {
		bits = 32 // 0.1 of a FLOAT column is 0.1 and not 0.10000000149011612
	}
	format := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, bits), nil
}

func appendText(dst []byte, field *targets.Field, v string) []byte {
	switch field.Kind {
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		if !targets.IsDay(v) {
			return append(dst, "null"...)
		}
	case targets.KindDecimal:
		if v == "NaN" || v == "Infinity" || v == "-Infinity" { // which .number cannot take
			return append(dst, "null"...)
		}
	case targets.KindSet:
		return appendSet(dst, v)
	case targets.KindJSON, targets.KindGeometry, targets.KindVector:
		return appendJSON(dst, v)
	}
	return appendString(dst, v)
}

func appendSet(dst []byte, v string) []byte {
	dst = append(dst, '[')
	for i := 0; v != ""; i++ {
		var member string
		member, v, _ = strings.Cut(v, ",")
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, member)
	}
	return append(dst, ']')
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Only what JSON demands is escaped.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}
