package targets

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// CheckOptions says what of a destination's options is none of a driver's, or of another kind; each error begins with the option's name.
func CheckOptions(known []Option, said map[string]any) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(said)) {
		at := slices.IndexFunc(known, func(o Option) bool { return o.Name == name })
		if at < 0 {
			wrong = append(wrong, fmt.Errorf("%s: there is no such option", name))
		} else if !known[at].Kind.Holds(said[name]) {
			wrong = append(wrong, fmt.Errorf("%s: want %s, as in %s", name, known[at].Kind, known[at].Example))
		}
	}
	return errors.Join(wrong...)
}

// String says what an option of the kind holds.
func (k OptionKind) String() string {
	switch k {
	case OptionText:
		return "a text"
	case OptionInt:
		return "a whole number"
	case OptionBool:
		return "true or false"
	case OptionTree:
		return "a map"
	case OptionColumns:
		return "a list of key columns"
	}
	return "nothing"
}

// Holds reports whether a value, as Destination.Options has it, is of the kind.
func (k OptionKind) Holds(value any) bool {
	switch v := value.(type) {
	case string:
		return k == OptionText && v != ""
	case int64:
		return k == OptionInt
	case bool:
		return k == OptionBool
	case map[string]any:
		return k == OptionTree
	case []any:
		return k == OptionColumns && len(v) > 0 && !slices.ContainsFunc(v, func(column any) bool { name, ok := column.(string); return !ok || name == "" })
	}
	return false
}
