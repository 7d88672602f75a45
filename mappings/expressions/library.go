package expressions

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Function is one that can be called in an expression, for the documentation.
type Function struct {
	Form string // round(x, digits)
	Doc  string
}

// Library lists the functions by name.
func Library() []Function {
	var list []Function
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		list = append(list, Function{Form: functions[name].form, Doc: functions[name].doc})
	}
	for _, name := range slices.Sorted(maps.Keys(predicates)) {
		list = append(list, Function{Form: name + "(list, {# > 0})", Doc: predicates[name].doc})
	}
	return list
}

// function is one that can be called. NULL as the first argument gives NULL, unless it says otherwise.
type function struct {
	form, doc   string
	least, most int
	takes       func([]Type) string // what is wrong with arguments of these types
	gives       func([]Type) Type
	call        func(args ...any) (any, error)
}

type predicate struct {
	condition bool
	gives     Type
	doc       string
}

// predicates are the library's own functions of a list and what is asked of each of its members, #.
var predicates = map[string]predicate{
	"filter": {true, List, "the members of which it is true"},
	"map":    {false, List, "what it gives of each member"},
	"any":    {true, Bool, "whether it is true of a member"},
	"all":    {true, Bool, "whether it is true of all members"},
	"none":   {true, Bool, "whether it is true of no member"},
	"one":    {true, Bool, "whether it is true of exactly one member"},
	"count":  {true, Int, "of how many members it is true"},
	"find":   {true, Any, "the first member of which it is true"},
}

// refused are functions of the grammar's library that a mapping cannot have.
var refused = map[string]string{
	"now": "the same row has to give the same document", "date": "columns of dates are compared as they are, also with texts, and year(x), month(x), day(x) take them apart",
	"duration": "it has no times to add", "timezone": "say `zone` under the column's name",
}

func texts(types []Type) string { return all(types, "texts", func(t Type) bool { return t == Text }) }

func numbers(types []Type) string { return all(types, "numbers", Type.isNumber) }

func all(types []Type, wanted string, fits func(Type) bool) string {
	for _, t := range types {
		if !t.open() && !fits(t) {
			return fmt.Sprintf("it wants %s, not %s", wanted, t)
		}
	}
	return ""
}

func anything([]Type) string { return "" }

func gives(t Type) func([]Type) Type { return func([]Type) Type { return t } }

func first(types []Type) Type { return types[0] }

// ofText makes a function of one of a text.
func ofText(doc, form string, t Type, f func(string) any) function {
	return function{form: form, doc: doc, least: 1, most: 1, takes: texts, gives: gives(t), call: func(args ...any) (any, error) {
		text, ok := args[0].(string)
		switch {
		case args[0] == nil:
			return nil, nil
		case !ok:
			return nil, fmt.Errorf("a text is wanted, not %s", show(args[0]))
		}
		return f(text), nil
	}}
}

func ofTwoTexts(doc, form string, t Type, f func(a, b string) any) function {
	return function{form: form, doc: doc, least: 2, most: 2, takes: texts, gives: gives(t), call: ofTexts(f)}
}

// partOf makes a function that takes a part of a moment.
func partOf(name string, part func(moment) string) function {
	return function{form: name + "(x)", doc: "the " + name + " of a date or time", least: 1, most: 1,
		takes: func(types []Type) string {
			return all(types, "a date or time", func(t Type) bool { return t.isMoment() || t == Text })
		},
		gives: gives(Int),
		call: func(args ...any) (any, error) {
			text, ok := args[0].(string)
			if args[0] == nil || text == "infinity" || text == "-infinity" {
				return nil, nil
			}
			m := momentOf(text)
			n, err := strconv.Atoi(part(m))
			if !ok || err != nil {
				return nil, errors.New("no date or time")
			}
			if m.era < 0 && name == "year" {
				n = 1 - n
			}
			return n, nil
		}}
}

var functions = map[string]function{
	"lower":      ofText("in lower case", "lower(text)", Text, func(s string) any { return strings.ToLower(s) }),
	"upper":      ofText("in upper case", "upper(text)", Text, func(s string) any { return strings.ToUpper(s) }),
	"trim":       ofText("without white space at both ends", "trim(text)", Text, func(s string) any { return strings.TrimSpace(s) }),
	"trimPrefix": ofTwoTexts("without what it begins with", "trimPrefix(text, prefix)", Text, func(a, b string) any { return strings.TrimPrefix(a, b) }),
	"trimSuffix": ofTwoTexts("without what it ends with", "trimSuffix(text, suffix)", Text, func(a, b string) any { return strings.TrimSuffix(a, b) }),
	"hasPrefix":  ofTwoTexts("whether it begins with something", "hasPrefix(text, prefix)", Bool, func(a, b string) any { return strings.HasPrefix(a, b) }),
	"hasSuffix":  ofTwoTexts("whether it ends with something", "hasSuffix(text, suffix)", Bool, func(a, b string) any { return strings.HasSuffix(a, b) }),
	"indexOf":    ofTwoTexts("the place of a text in another, from 0; -1 where it is not", "indexOf(text, part)", Int, indexOf),
	"split":      ofTwoTexts("the parts of a text between separators", "split(text, separator)", List, splitText),
	"join":       {form: "join(list, separator)", doc: "the texts of a list with a separator between", least: 2, most: 2, takes: anything, gives: gives(Text), call: join},
	"replace":    {form: "replace(text, old, new)", doc: "with every old replaced", least: 3, most: 3, takes: texts, gives: gives(Text), call: replace},
	"len":        {form: "len(x)", doc: "characters of a text, bytes, or members of a list or object", least: 1, most: 1, takes: anything, gives: gives(Int), call: length},
	"string":     {form: "string(x)", doc: "as a text", least: 1, most: 1, takes: anything, gives: gives(Text), call: stringOf},
	"int":        {form: "int(x)", doc: "a whole number, of a number or a text; digits behind the point are cut off", least: 1, most: 1, takes: anything, gives: gives(Int), call: intOf},
	"decimal":    {form: "decimal(x)", doc: "a decimal, of a number or a text", least: 1, most: 1, takes: anything, gives: gives(Decimal), call: decimalOf},
	"float":      {form: "float(x)", doc: "a floating number, of a number or a text", least: 1, most: 1, takes: anything, gives: gives(Float), call: floatOf},
	"abs":        {form: "abs(x)", doc: "without its sign", least: 1, most: 1, takes: numbers, gives: first, call: absolute},
	"round":      {form: "round(x, digits)", doc: "to so many digits behind the point, 0 if left out; halves away from zero", least: 1, most: 2, takes: numbers, gives: first, call: rounded(decimal.Decimal.Round, math.Round)},
	"floor":      {form: "floor(x)", doc: "the whole number not above", least: 1, most: 1, takes: numbers, gives: first, call: rounded(decimal.Decimal.RoundFloor, math.Floor)},
	"ceil":       {form: "ceil(x)", doc: "the whole number not below", least: 1, most: 1, takes: numbers, gives: first, call: rounded(decimal.Decimal.RoundCeil, math.Ceil)},
	"min":        {form: "min(a, b)", doc: "the smaller; NULL if one of them is", least: 2, most: 2, takes: numbers, gives: wider, call: extreme(-1)},
	"max":        {form: "max(a, b)", doc: "the larger; NULL if one of them is", least: 2, most: 2, takes: numbers, gives: wider, call: extreme(1)},
	"year":       partOf("year", func(m moment) string { return m.year }),
	"month":      partOf("month", func(m moment) string { return upTo(m.rest, 0, 2) }),
	"day":        partOf("day", func(m moment) string { return upTo(m.rest, 3, 5) }),
	"keys":       {form: "keys(object)", doc: "the names in a JSON object, sorted", least: 1, most: 1, takes: anything, gives: gives(List), call: ofObject(func(name string, _ any) any { return name })},
	"values":     {form: "values(object)", doc: "what a JSON object holds, in the order of its names", least: 1, most: 1, takes: anything, gives: gives(List), call: ofObject(func(_ string, value any) any { return value })},
	"fromJSON":   {form: "fromJSON(text)", doc: "what a JSON text holds", least: 1, most: 1, takes: texts, gives: gives(Any), call: fromJSON},
	"toJSON":     {form: "toJSON(x)", doc: "as a JSON text", least: 1, most: 1, takes: anything, gives: gives(Text), call: toJSON},
}

func wider(types []Type) Type {
	out, _ := common(types[0], types[1])
	return out
}

func upTo(text string, from, to int) string {
	if len(text) < to {
		return ""
	}
	return text[from:to]
}

func indexOf(a, b string) any {
	at := strings.Index(a, b)
	if at < 0 {
		return -1
	}
	return utf8.RuneCountInString(a[:at])
}

func splitText(a, b string) any {
	parts := strings.Split(a, b)
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return list
}

func join(args ...any) (any, error) {
	list, err := listOf(args[0])
	separator, ok := args[1].(string)
	if err != nil || args[0] == nil || args[1] == nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("a separator is a text, not %s", show(args[1]))
	}
	var out strings.Builder
	for i, one := range list {
		text, err := stringOf(one)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteString(separator)
		}
		if text != nil {
			out.WriteString(text.(string))
		}
		if out.Len() > maxText {
			return nil, errLong
		}
	}
	return out.String(), nil
}

func replace(args ...any) (any, error) {
	var texts [3]string
	for i, arg := range args {
		text, ok := arg.(string)
		if arg == nil {
			return nil, nil
		}
		if !ok {
			return nil, fmt.Errorf("replace wants texts, not %s", show(arg))
		}
		texts[i] = text
	}
	times := strings.Count(texts[0], texts[1])
	if grown := len(texts[0]) + times*(len(texts[2])-len(texts[1])); grown > maxText {
		return nil, errLong
	}
	return strings.ReplaceAll(texts[0], texts[1], texts[2]), nil
}

func length(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case string:
		return utf8.RuneCountInString(v), nil
	case []byte:
		return len(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, fmt.Errorf("%s has no length", show(args[0]))
}

func absolute(args ...any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case float64:
		return math.Abs(v), nil
	}
	c, err := compareNumbers(args[0], 0)
	if err != nil || c >= 0 {
		return args[0], err
	}
	return arithmetic("-", 0, args[0])
}

func extreme(sign int) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		if args[0] == nil || args[1] == nil {
			return nil, nil
		}
		c, err := compare(args[0], args[1], false)
		if c*sign < 0 {
			return args[1], err
		}
		return args[0], err
	}
}

// ofObject makes a function that lists something of each member of a JSON object, by name.
func ofObject(of func(name string, value any) any) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		object, ok := args[0].(map[string]any)
		switch {
		case args[0] == nil:
			return nil, nil
		case !ok:
			return nil, fmt.Errorf("a JSON object is wanted, not %s", show(args[0]))
		}
		list := make([]any, 0, len(object))
		for _, name := range slices.Sorted(maps.Keys(object)) {
			list = append(list, of(name, object[name]))
		}
		return list, nil
	}
}

func fromJSON(args ...any) (any, error) {
	text, ok := args[0].(string)
	switch {
	case args[0] == nil:
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("a text is wanted, not %s", show(args[0]))
	}
	return decodeJSON(text)
}

func toJSON(args ...any) (any, error) {
	if args[0] == nil {
		return nil, nil
	}
	return encodeJSON(args[0])
}
