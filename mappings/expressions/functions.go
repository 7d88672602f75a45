package expressions

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// maxText bounds a text that an expression makes.
const maxText = 16 << 20

var errLong = errors.New("a text of more than 16 MiB")

// operators are the functions that stand for operators. Comparisons come in two, the ones with @ for moments.
var operators = makeOperators()

func makeOperators() []operator {
	list := []operator{
		{"#true", func(args ...any) (any, error) { return truth(args[0], true) }, boolFunction},
		{"#false", func(args ...any) (any, error) { return truth(args[0], false) }, boolFunction},
		{"#not", not, anyFunction}, {"#and", both(false), anyFunction}, {"#or", both(true), anyFunction},
		{"#none", func(args ...any) (any, error) { return args[0] == nil && args[1] == nil, nil }, anyFunction},
		{"#some", func(args ...any) (any, error) { return args[0] != nil || args[1] != nil, nil }, anyFunction},
		{"#list", members, new(func(any, any) []any)},
		{"#matches", matches, anyFunction},
		{"#contains", ofTexts(func(a, b string) any { return strings.Contains(a, b) }), anyFunction},
		{"#startsWith", ofTexts(func(a, b string) any { return strings.HasPrefix(a, b) }), anyFunction},
		{"#endsWith", ofTexts(func(a, b string) any { return strings.HasSuffix(a, b) }), anyFunction},
		{"#get", member, anyFunction}, {"#slice", slice, anyFunction},
	}
	for _, name := range []string{"+", "-", "*", "/", "%", "**", "^"} {
		list = append(list, operator{"#" + name, func(args ...any) (any, error) {
			if a, ok := args[0].(string); ok && name == "+" {
				return joined(a, args[1])
			}
			return arithmetic(name, args[0], args[1])
		}, anyFunction})
	}
	for _, at := range []string{"", "@"} {
		list = append(list,
			operator{"#==" + at, func(args ...any) (any, error) { return equal(args[0], args[1], at != ""), nil }, anyFunction},
			operator{"#!=" + at, func(args ...any) (any, error) { return not(equal(args[0], args[1], at != "")) }, anyFunction},
			operator{"#in" + at, func(args ...any) (any, error) { return within(args[0], args[1], at != "") }, anyFunction})
		for name, holds := range map[string]func(int) bool{
			"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
			">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
		} {
			list = append(list, operator{"#" + name + at, func(args ...any) (any, error) {
				if args[0] == nil || args[1] == nil {
					return nil, nil
				}
				c, err := compare(args[0], args[1], at != "")
				return holds(c), err
			}, anyFunction})
		}
	}
	return list
}

func truth(value any, wanted bool) (any, error) {
	switch b := value.(type) {
	case nil:
		return false, nil
	case bool:
		return b == wanted, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", show(value))
}

func not(args ...any) (any, error) {
	switch b := args[0].(type) {
	case nil:
		return nil, nil
	case bool:
		return !b, nil
	}
	return nil, fmt.Errorf("not wants a truth value, not %s", show(args[0]))
}

// both is and, or or, of a left side that does not decide: it is NULL, or leaves it to the right one.
func both(decides bool) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		for _, arg := range args {
			if _, ok := arg.(bool); !ok && arg != nil {
				return nil, fmt.Errorf("%s is neither true nor false", show(arg))
			}
		}
		if args[1] == decides || args[0] != nil {
			return args[1], nil
		}
		return nil, nil
	}
}

func joined(a string, b any) (any, error) {
	text, ok := b.(string)
	switch {
	case b == nil:
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("a text and %s cannot be joined", show(b))
	case len(a)+len(text) > maxText:
		return nil, errLong
	}
	return a + text, nil
}

func ofTexts(f func(a, b string) any) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		if args[0] == nil || args[1] == nil {
			return nil, nil
		}
		a, aOK := args[0].(string)
		b, bOK := args[1].(string)
		if !aOK || !bOK {
			return nil, fmt.Errorf("texts are wanted, not %s and %s", show(args[0]), show(args[1]))
		}
		return f(a, b), nil
	}
}

// matches asks a regular expression: compiled where it stands in the expression, else at each row.
func matches(args ...any) (any, error) {
	if args[0] == nil || args[1] == nil {
		return nil, nil
	}
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("matches wants a text, not %s", show(args[0]))
	}
	if compiled, ok := args[1].(*regexp.Regexp); ok {
		return compiled.MatchString(text), nil
	}
	pattern, ok := args[1].(string)
	if !ok {
		return nil, fmt.Errorf("matches wants a regular expression, not %s", show(args[1]))
	}
	found, err := regexp.MatchString(pattern, text)
	if err != nil { // which shows the pattern, a value of the row
		return nil, errors.New("not a regular expression")
	}
	return found, nil
}

// stepsLeft is what the variable of an evaluation is called that counts how many members filter and the like may
// still look at, one within the other; mostSteps is how many they may at first.
const (
	stepsLeft = "#steps"
	mostSteps = 1_000_000
)

// members gives filter and the like a list, and counts.
func members(args ...any) (any, error) {
	list, err := listOf(args[0])
	if err != nil {
		return nil, err
	}
	if left, ok := args[1].(*int); ok {
		if *left -= len(list); *left < 0 {
			return nil, fmt.Errorf("lists of more than %d members in all", mostSteps)
		}
	}
	return list, nil
}

// listOf takes NULL for an empty list.
func listOf(value any) ([]any, error) {
	switch l := value.(type) {
	case nil:
		return []any{}, nil
	case []any:
		return l, nil
	}
	return nil, fmt.Errorf("a list is wanted, not %s", show(value))
}

// member goes into a JSON value. What is not there is NULL.
func member(args ...any) (any, error) {
	switch v := args[0].(type) {
	case map[string]any:
		if name, ok := args[1].(string); ok {
			return v[name], nil
		}
	case []any:
		if at, ok := args[1].(int); ok {
			if at < 0 {
				at += len(v)
			}
			if at >= 0 && at < len(v) {
				return v[at], nil
			}
		}
	}
	return nil, nil
}

// slice takes part of a text, by characters, or of a list. Bounds beyond the ends are the ends.
func slice(args ...any) (any, error) {
	bounds := func(n int) (int, int, error) {
		at := [2]int{0, n}
		for i, arg := range args[1:] {
			if arg == nil {
				continue
			}
			b, ok := arg.(int)
			if !ok {
				return 0, 0, fmt.Errorf("a part is bounded by whole numbers, not by %s", show(arg))
			}
			if b < 0 {
				b += n
			}
			at[i] = min(max(b, 0), n)
		}
		return at[0], max(at[0], at[1]), nil
	}
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		runes := []rune(v)
		from, to, err := bounds(len(runes))
		return string(runes[from:to]), err
	case []any:
		from, to, err := bounds(len(v))
		return v[from:to], err
	}
	return nil, fmt.Errorf("%s has no parts", show(args[0]))
}

// stringOf is string(x).
func stringOf(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil, string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, decimal.Decimal:
		return digitsOf(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []byte:
		if !utf8.Valid(v) {
			return nil, errors.New("the bytes are no text")
		}
		return string(v), nil
	}
	return encodeJSON(args[0])
}

// intOf is int(x): towards zero.
func intOf(args ...any) (any, error) {
	d, err := decimalOf(args...)
	if err != nil || d == nil {
		return nil, err
	}
	number, ok := d.(decimal.Decimal)
	if !ok {
		return d, nil
	}
	number = number.Truncate(0)
	if !number.BigInt().IsInt64() {
		return number, nil
	}
	return int(number.IntPart()), nil
}

// decimalOf is decimal(x).
func decimalOf(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case int:
		return v, nil
	case bool:
		return rank(v), nil
	case string:
		d, err := decimal.NewFromString(strings.TrimSpace(v))
		if err != nil || d.Exponent() > farExponent || d.Exponent() < -farExponent {
			return nil, errors.New("the text is no number")
		}
		return d, nil
	}
	return toDecimal(args[0])
}

func floatOf(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return nil, errors.New("the text is no number")
		}
		return f, nil
	}
	return toFloat(args[0])
}

// rounded makes a function of a number of a way to round.
func rounded(way func(decimal.Decimal, int32) decimal.Decimal, float func(float64) float64) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		digits := 0
		if len(args) > 1 {
			n, ok := args[1].(int)
			if !ok || n < -300 || n > 300 {
				return nil, errors.New("the number of digits is not a whole number up to 300")
			}
			digits = n
		}
		switch v := args[0].(type) {
		case nil, int:
			if digits < 0 && v != nil {
				d, err := toDecimal(v)
				return way(d, int32(digits)), err
			}
			return v, nil
		case float64:
			shift := math.Pow(10, float64(digits))
			if out := float(v*shift) / shift; !math.IsNaN(out) && !math.IsInf(out, 0) {
				return out, nil
			}
			return v, nil
		}
		d, err := toDecimal(args[0])
		return way(d, int32(digits)), err
	}
}
