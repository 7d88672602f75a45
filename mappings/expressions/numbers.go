package expressions

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// divisionDigits is how many digits behind the point a quotient has.
const divisionDigits = 16

// maxBits bounds the digits of an exact number, to about 300,000: PostgreSQL's largest has half of them.
const maxBits = 1 << 20

var errByZero = errors.New("division by zero")

// arithmetic applies an operator to two numbers. NULL gives NULL.
func arithmetic(operator string, a, b any) (any, error) {
	if a == nil || b == nil {
		return nil, nil
	}
	_, aFloat := a.(float64)
	_, bFloat := b.(float64)
	if aFloat || bFloat || operator == "**" || operator == "^" {
		return floating(operator, a, b)
	}
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			if n, fits := whole(operator, x, y); fits {
				return n, nil
			}
		}
	}
	return exact(operator, a, b)
}

// whole is arithmetic of whole numbers; false: the result is no int.
func whole(operator string, x, y int) (int, bool) {
	switch operator {
	case "+":
		n := x + y
		return n, (n > x) == (y > 0)
	case "-":
		n := x - y
		return n, (n < x) == (y > 0)
	case "*":
		high, low := bits.Mul64(magnitude(x), magnitude(y))
		return x * y, high == 0 && low <= math.MaxInt64
	case "%":
		if y != 0 {
			return x % y, true
		}
	}
	return 0, false
}

func magnitude(n int) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func exact(operator string, a, b any) (any, error) {
	x, err := toDecimal(a)
	if err != nil {
		return nil, err
	}
	y, err := toDecimal(b)
	if err != nil {
		return nil, err
	}
	var out decimal.Decimal
	switch operator {
	case "+":
		out = x.Add(y)
	case "-":
		out = x.Sub(y)
	case "*":
		out = x.Mul(y)
	default:
		if y.IsZero() {
			return nil, errByZero
		}
		if operator == "/" {
			out = withoutZeros(x.DivRound(y, divisionDigits))
		} else {
			out = x.Mod(y)
		}
	}
	if out.Coefficient().BitLen() > maxBits {
		return nil, errors.New("a number of too many digits")
	}
	return out, nil
}

// withoutZeros leaves out the zeros at the end of a quotient, which say nothing.
func withoutZeros(d decimal.Decimal) decimal.Decimal {
	short, err := decimal.NewFromString(d.String())
	if err != nil {
		return d
	}
	return short
}

func floating(operator string, a, b any) (any, error) {
	x, err := toFloat(a)
	if err != nil {
		return nil, err
	}
	y, err := toFloat(b)
	if err != nil {
		return nil, err
	}
	switch operator {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "**", "^":
		return math.Pow(x, y), nil
	}
	if y == 0 {
		return nil, errByZero
	}
	if operator == "/" {
		return x / y, nil
	}
	return math.Mod(x, y), nil
}

func toDecimal(value any) (decimal.Decimal, error) {
	switch v := value.(type) {
	case int:
		return decimal.NewFromInt(int64(v)), nil
	case decimal.Decimal:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return decimal.Decimal{}, fmt.Errorf("%v has no digits", v)
		}
		return decimal.NewFromFloat(v), nil
	}
	return decimal.Decimal{}, fmt.Errorf("%s is no number", show(value))
}

func toFloat(value any) (float64, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case decimal.Decimal:
		return v.InexactFloat64(), nil
	case float64:
		return v, nil
	}
	return 0, fmt.Errorf("%s is no number", show(value))
}

func isNumber(value any) bool {
	switch value.(type) {
	case int, decimal.Decimal, float64:
		return true
	}
	return false
}
