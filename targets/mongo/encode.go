package mongo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

// maxDocument is the size of a document at most, see "MongoDB Limits and Thresholds".
const maxDocument = 16 << 20

// document makes the stored document of an op: the key as its _id, then the fields. The error says of which field no value
// can be made, without the value.
func document(id any, op targets.Op, members []targets.Member) (bson.Raw, error) {
	d := append(make(bson.D, 0, len(members)+1), bson.E{Key: "_id", Value: id})
	d, err := object(d, op, members)
	if err != nil {
		return nil, err
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("the document has %d bytes, at most %d are allowed", len(raw), maxDocument)
	}
	return raw, nil
}

// object appends the members of an object of a document.
func object(d bson.D, op targets.Op, members []targets.Member) (bson.D, error) {
	for _, m := range members {
		var value any
		var err error
		if m.Field < 0 {
			value, err = object(make(bson.D, 0, len(m.Members)), op, m.Members)
		} else if value, err = encode(op.Dest.Fields[m.Field], op.Doc[m.Field]); err != nil {
			err = fmt.Errorf("field %s: %w", op.Dest.Fields[m.Field].Name, err)
		}
		if err != nil {
			return nil, err
		}
		d = append(d, bson.E{Key: m.Name, Value: value})
	}
	return d, nil
}

// encode makes the stored value of a field's.
func encode(field targets.Field, value any) (any, error) {
	if as := askedEncode[field.As]; as != nil && value != nil {
		return as(field, value)
	}
	switch v := value.(type) {
	case nil:
		return nil, nil
	case int64:
		if field.Kind == targets.KindInt {
			return integer(v, typeOf(field, false)), nil
		}
	case uint64:
		if field.Kind == targets.KindUint {
			return unsigned(v, typeOf(field, false)), nil
		}
	case float64:
		if field.Kind == targets.KindFloat {
			return float(v, field.Bits), nil
		}
	case bool:
		if field.Kind == targets.KindBool {
			return v, nil
		}
	case []byte:
		if field.Kind == targets.KindBinary {
			return bson.Binary{Data: v}, nil
		}
	case string:
		return encodeText(field, v)
	}
	return nil, fmt.Errorf("a %T is no value of %s", value, field.Native)
}

func encodeText(field targets.Field, text string) (any, error) {
	switch field.Kind {
	case targets.KindDecimal:
		if typeOf(field, false) == typeDecimal {
			if d, ok := decimal(text); ok {
				return d, nil
			}
		}
		return text, nil
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
		if at, ok := date(text); ok {
			return at, nil
		}
		return nil, nil
	case targets.KindUUID:
		b, err := uuid(text)
		if err != nil {
			return nil, err
		}
		return b, nil
	case targets.KindSet:
		members := bson.A{}
		if text != "" {
			for _, member := range strings.Split(text, ",") {
				members = append(members, member)
			}
		}
		return members, nil
	case targets.KindJSON:
		return fromJSON(text, false)
	case targets.KindGeometry, targets.KindVector:
		return fromJSON(text, true)
	case targets.KindInt, targets.KindUint, targets.KindFloat, targets.KindBool, targets.KindBinary:
		return nil, fmt.Errorf("a text is no value of %s", field.Native)
	}
	return text, nil
}

// integer: numbers of all types are equal if their values are.
func integer(n int64, typ bsonType) any {
	if typ == typeInt && n >= math.MinInt32 && n <= math.MaxInt32 {
		return int32(n)
	}
	return n
}

func unsigned(n uint64, typ bsonType) any {
	if n <= math.MaxInt64 {
		return integer(int64(n), typ)
	}
	d, _ := decimal(strconv.FormatUint(n, 10))
	return d
}

// float widens a float32 to the double of its own decimal digits: 0.1 stays 0.1.
func float(f float64, bits int) float64 {
	if bits != 32 || math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	wide, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
	if err != nil {
		return f
	}
	return wide
}

// decimal returns a number in its own digits, and false if it has too many.
func decimal(text string) (bson.Decimal128, bool) {
	if digits(text) > maxDigits {
		return bson.Decimal128{}, false // the parser would round it
	}
	d, err := bson.ParseDecimal128(text)
	return d, err == nil
}

// digits counts those of a number's text, its zeros at the end among them: 1.10 is not 1.1.
func digits(text string) (n int) {
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	for _, c := range strings.TrimLeft(mantissa, "-+0.") {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

// date reads "2006-01-02", "2006-01-02T15:04:05[.ffffff]" and the same with Z, as midnight or a time of UTC in whole
// milliseconds. False: there is no such day, or it has no number of milliseconds (infinity).
func date(text string) (bson.DateTime, bool) {
	text, before := strings.CutSuffix(text, " BC")
	day, clock, timed := strings.Cut(strings.TrimSuffix(text, "Z"), "T")
	year, rest, ok := strings.Cut(day, "-")
	n, err := strconv.Atoi(year)
	if !ok || err != nil || n < 1 {
		return 0, false
	}
	if before {
		n = 1 - n
	}
	// The library's years have four digits. 400 of them always have the same number of days.
	const cycle, cycleMillis = 400, 146097 * 24 * 3600 * 1000
	cycles := (n - 2000) / cycle
	if n < 2000 {
		cycles = (n - 2000 - cycle + 1) / cycle
	}
	if !timed {
		clock = "00:00:00"
	}
	at, err := time.Parse("2006-01-02T15:04:05.999999", fmt.Sprintf("%04d-%sT%s", n-cycles*cycle, rest, clock))
	if err != nil {
		return 0, false
	}
	return bson.DateTime(at.UnixMilli() + int64(cycles)*cycleMillis), true
}

func uuid(text string) (bson.Binary, error) {
	plain := strings.ReplaceAll(text, "-", "")
	data, err := hexBytes(plain)
	if err != nil || len(data) != 16 {
		return bson.Binary{}, fmt.Errorf("not a uuid")
	}
	return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: data}, nil
}
