package expressions

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// compare orders two values that are not NULL.
func compare(a, b any, moments bool) (int, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			if moments {
				return compareMoments(x, y), nil
			}
			return strings.Compare(x, y), nil
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(rank(x), rank(y)), nil
		}
	case []byte:
		if y, ok := b.([]byte); ok {
			return bytes.Compare(x, y), nil
		}
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	return 0, fmt.Errorf("%s cannot be compared with %s", show(a), show(b))
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareNumbers(a, b any) (int, error) {
	_, aFloat := a.(float64)
	_, bFloat := b.(float64)
	if aFloat || bFloat {
		x, _ := toFloat(a)
		y, _ := toFloat(b)
		if math.IsNaN(x) || math.IsNaN(y) { // as PostgreSQL has it: equal to itself and above all others
			return rank(math.IsNaN(x)) - rank(math.IsNaN(y)), nil
		}
		return cmp.Compare(x, y), nil
	}
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return cmp.Compare(x, y), nil
		}
	}
	x, err := toDecimal(a)
	if err != nil {
		return 0, err
	}
	y, err := toDecimal(b)
	return x.Cmp(y), err
}

// compareMoments orders dates and times by their texts: 2006-01-02, perhaps with a time, a fraction of any
// length and a Z; infinity and years before Christ are PostgreSQL's.
func compareMoments(a, b string) int {
	x, y := momentOf(a), momentOf(b)
	if c := cmp.Compare(x.era, y.era); c != 0 {
		return c
	}
	year := cmp.Or(cmp.Compare(len(x.year), len(y.year)), strings.Compare(x.year, y.year))
	if x.era < 0 {
		year = -year
	}
	return cmp.Or(year, strings.Compare(x.rest, y.rest))
}

type moment struct {
	era  int // -2: before all, -1: before Christ, 0, 1: after all
	year string
	rest string // month, day and time, without zeros that say nothing
}

func momentOf(text string) moment {
	switch text {
	case "infinity":
		return moment{era: 1}
	case "-infinity":
		return moment{era: -2}
	}
	var m moment
	if before, ok := strings.CutSuffix(text, " BC"); ok {
		m.era, text = -1, before
	}
	m.year, m.rest, _ = strings.Cut(strings.TrimSuffix(text, "Z"), "-")
	m.rest = strings.Replace(m.rest, " ", "T", 1)
	if strings.Contains(m.rest, ".") {
		m.rest = strings.TrimRight(strings.TrimRight(m.rest, "0"), ".")
	}
	m.rest = strings.TrimSuffix(m.rest, "T00:00:00")
	return m
}

// isMoment reports whether a text has the form of a date or time, so that comparing with it makes sense.
func isMoment(text string) bool {
	text = strings.TrimSuffix(strings.Replace(text, " ", "T", 1), "Z")
	day, clock, timed := strings.Cut(text, "T")
	if !shaped(day, "0000-00-00") {
		return false
	}
	clock, fraction, _ := strings.Cut(clock, ".")
	return !timed || shaped(clock, "00:00:00") && strings.Trim(fraction, "0123456789") == ""
}

func shaped(text, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i := range len(text) {
		digit := text[i] >= '0' && text[i] <= '9'
		if digit != (shape[i] == '0') || !digit && text[i] != shape[i] {
			return false
		}
	}
	return true
}

// equal says whether two values are the same; NULL gives NULL. Values of JSON of different kinds differ.
func equal(a, b any, moments bool) any {
	if a == nil || b == nil {
		return nil
	}
	switch a.(type) {
	case []any, map[string]any:
		return reflect.DeepEqual(plain(a), plain(b))
	}
	c, err := compare(a, b, moments)
	return err == nil && c == 0
}

// within says whether a list holds a value, as SQL's IN.
func within(value, list any, moments bool) (any, error) {
	if value == nil || list == nil {
		return nil, nil
	}
	var members []any
	switch l := list.(type) {
	case []any:
		members = l
	case map[string]any:
		name, ok := value.(string)
		_, there := l[name]
		return ok && there, nil
	default:
		return nil, fmt.Errorf("in wants a list, not %s", show(list))
	}
	var out any = false
	for _, member := range members {
		switch equal(value, member, moments) {
		case true:
			return true, nil
		case nil:
			out = nil
		}
	}
	return out, nil
}
