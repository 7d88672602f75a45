package expressions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/meepo-replicate/meepo/source"
)

// fromSource makes what expressions work with of a column's value.
func fromSource(of source.Type, value source.Value) (any, error) {
	switch v := value.(type) {
	case float64:
		if of.Bits == 32 {
			return Single(v), nil
		}
	case int64:
		return int(v), nil
	case uint64:
		if v <= math.MaxInt64 {
			return int(v), nil
		}
		return decimal.NewFromUint64(v), nil
	case string:
		switch typeOf[of.Kind] {
		case Decimal:
			return parseNumber(v)
		case Any:
			return decodeJSON(v)
		}
	}
	return value, nil
}

// Single is the number that a float32 shows, where a float64 holds it: 0.1, and not 0.10000000149011612.
func Single(v float64) float64 {
	shown, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
	if err != nil { // it is beyond a float32
		return v
	}
	return shown
}

// parseNumber reads the digits of a decimal column. NaN and infinities are floating numbers.
func parseNumber(text string) (any, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return nil, errors.New("the value is no number")
	}
	return d, nil
}

// decodeJSON reads a JSON text, numbers exactly.
func decodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil { // its error shows what stands there
		return nil, errors.New("not JSON")
	}
	if decoder.More() {
		return nil, errors.New("not JSON: something stands behind the value")
	}
	return exactNumbers(value)
}

// farExponent is where a JSON number is taken as a floating one: written out it would have that many digits.
const farExponent = 400

// exactNumbers turns the numbers in a decoded value into whole numbers and decimals.
func exactNumbers(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
		d, err := decimal.NewFromString(v.String())
		if err == nil && d.Exponent() < farExponent && d.Exponent() > -farExponent {
			return d, nil
		}
		f, err := v.Float64()
		if err != nil {
			return v, nil // beyond all numbers: it can only be passed on
		}
		return f, nil
	case []any:
		for i := range v {
			if v[i], err = exactNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range v {
			if v[name], err = exactNumbers(v[name]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// toSource makes a value of the type's kind of a result.
func toSource(t Type, value any) (source.Value, error) {
	if value == nil {
		return nil, nil
	}
	switch t {
	case Int:
		return wholeNumber(value)
	case Decimal:
		return digitsOf(value)
	case Float:
		f, err := toFloat(value)
		return f, err
	case Any, List:
		return encodeJSON(value)
	}
	return value, nil
}

func wholeNumber(value any) (source.Value, error) {
	switch v := value.(type) {
	case int:
		return int64(v), nil
	case decimal.Decimal:
		if v.IsInteger() && v.BigInt().IsInt64() {
			return v.IntPart(), nil
		}
	}
	return nil, fmt.Errorf("%s is beyond the whole numbers of 64 bits", show(value))
}

// digitsOf writes a number as a decimal column does.
func digitsOf(value any) (source.Value, error) {
	switch v := value.(type) {
	case int:
		return strconv.Itoa(v), nil
	case decimal.Decimal:
		return digits(v), nil
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", nil
		case math.IsInf(v, 1):
			return "Infinity", nil
		case math.IsInf(v, -1):
			return "-Infinity", nil
		}
		return decimal.NewFromFloat(v).String(), nil
	}
	return nil, fmt.Errorf("%s is no number", show(value))
}

// digits writes a decimal with all digits behind its point, zeros too.
func digits(d decimal.Decimal) string { return d.StringFixed(max(0, -d.Exponent())) }

func encodeJSON(value any) (source.Value, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain(value)); err != nil {
		return nil, fmt.Errorf("not to be written as JSON: %w", err)
	}
	if out.Len() > maxText {
		return nil, errLong
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// plain replaces decimals by JSON numbers.
func plain(value any) any {
	switch v := value.(type) {
	case decimal.Decimal:
		return json.Number(digits(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			out[name] = plain(one)
		}
		return out
	}
	return value
}

// show names a value's kind in messages, not what it holds: messages go into logs.
func show(value any) string {
	switch value.(type) {
	case nil:
		return "nil"
	case bool:
		return "a truth value"
	case int, decimal.Decimal, float64, json.Number:
		return "a number"
	case string:
		return "a text"
	case []byte:
		return "bytes"
	case []any:
		return "a list"
	case map[string]any:
		return "a JSON object"
	}
	return fmt.Sprintf("a %T", value)
}
