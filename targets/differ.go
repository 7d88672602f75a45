package targets

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// Differ finds how two documents in JSON differ, field by field: the order of members, the way a number is written and null
// against absent make no difference.
type Differ struct {
	fields map[string]*Field // by name; objects that dots make have none
	// Alike says whether two values of a field are equal for the target although their JSON differs. They are as package json
	// decodes them, numbers as json.Number. Nil: never.
	Alike func(field *Field, want, have any) bool
}

// NewDiffer makes a Differ of a destination's documents.
func NewDiffer(fields []Field, alike func(field *Field, want, have any) bool) *Differ {
	d := &Differ{fields: make(map[string]*Field, len(fields)), Alike: alike}
	for i := range fields {
		d.fields[fields[i].Name] = &fields[i]
	}
	return d
}

// Diff returns what differs, sorted by field. The error says that one of the documents is no JSON object.
func (d *Differ) Diff(want, have []byte) ([]Difference, error) {
	if bytes.Equal(want, have) {
		return nil, nil
	}
	wanted, err := decodeObject(want)
	if err != nil {
		return nil, err
	}
	stored, err := decodeObject(have)
	if err != nil {
		return nil, err
	}
	var list []Difference
	d.objects("", wanted, stored, &list)
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Field, b.Field) })
	return list, nil
}

func decodeObject(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	return object, err
}

// objects compares the members of two objects at a path that ends with a dot, or is empty.
func (d *Differ) objects(path string, want, have map[string]any, list *[]Difference) {
	for name, wanted := range want {
		d.values(path+name, wanted, have[name], list)
	}
	for name, stored := range have {
		if _, both := want[name]; !both {
			d.values(path+name, nil, stored, list)
		}
	}
}

func (d *Differ) values(path string, want, have any, list *[]Difference) {
	field := d.fields[path]
	if field == nil { // an object that dots make, or nobody's
		wanted, wants := want.(map[string]any)
		stored, has := have.(map[string]any)
		if (wants || want == nil) && (has || have == nil) && (wants || has) {
			d.objects(path+".", wanted, stored, list)
			return
		}
	}
	if Equal(want, have) || field != nil && d.Alike != nil && want != nil && have != nil && d.Alike(field, want, have) {
		return
	}
	*list = append(*list, Difference{Field: path, Want: shortJSON(want), Have: shortJSON(have)})
}

// Unmarked is the difference of a stored document, in JSON, that lacks the mark of a MarkDeleted; none if it has one. An error
// says what is wrong with the op or the document.
func Unmarked(op Op, stored []byte) ([]Difference, error) {
	field, err := op.MarkField()
	if err != nil {
		return nil, err
	}
	object, err := decodeObject(stored)
	if err != nil {
		return nil, err
	}
	var value any = object
	for name := range strings.SplitSeq(field.Name, ".") {
		inside, _ := value.(map[string]any)
		value = inside[name]
	}
	if value != nil {
		return nil, nil
	}
	return []Difference{{Field: field.Name, Want: shortJSON(op.Doc[0])}}, nil
}

// Equal compares values as package json decodes them, numbers as json.Number: by what they are. Within a value, null is not
// absent.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		return ok && SameNumber(string(x), string(y))
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, Equal)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, Equal)
	}
	return a == b // texts, truths and null
}

// maxExponent bounds what is multiplied out: 1e999999999 has as many digits.
const maxExponent = 400

// SameNumber reports whether two texts are the same number, exactly: 1.10 and 1.1, 1e3 and 1000.
func SameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, y := number(a), number(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

func number(text string) *big.Rat {
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		exponent, ok := new(big.Int).SetString(strings.TrimPrefix(text[at+1:], "+"), 10)
		if !ok || exponent.CmpAbs(big.NewInt(maxExponent)) > 0 {
			return nil
		}
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok || strings.Contains(text, "/") {
		return nil
	}
	return n
}

// shownBytes is how much of a value a Difference shows.
const shownBytes = 200

func shortJSON(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return Shorten(string(text))
}

// Shorten cuts a value for a Difference, at the end of a character, and says so by an ellipsis.
func Shorten(text string) string {
	if len(text) <= shownBytes {
		return text
	}
	return strings.ToValidUTF8(text[:shownBytes], "") + "…"
}
