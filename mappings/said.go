package mappings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// saidBy lists what a mapping says, key by key, whatever keys the language has: a key that is added to it is part of every
// definition without anybody's doing. Places are left out, so that a mapping may move within its file.
func saidBy(m Mapping) []Said {
	var list []Said
	walk(&list, "", false, reflect.ValueOf(m))
	slices.SortStableFunc(list, func(a, b Said) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

// walk adds what a value says under a key. Nothing said is not listed.
func walk(list *[]Said, key string, secret bool, value reflect.Value) {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		if value.IsNil() {
			return
		}
		value = value.Elem()
	}
	if !value.IsValid() || value.IsZero() {
		return
	}
	if text, ok := writtenText(value); ok {
		if secret {
			text = "secret " + keyDigest(text)
		}
		*list = append(*list, Said{Key: key, Text: text})
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		walkFields(list, key, value)
	case reflect.Slice:
		for i := range value.Len() {
			walk(list, join(key, nameIn(value.Index(i), i)), secret, value.Index(i))
		}
	case reflect.Map:
		for _, k := range value.MapKeys() {
			walk(list, join(key, fmt.Sprint(k)), secret, value.MapIndex(k))
		}
	default:
		*list = append(*list, Said{Key: key, Text: fmt.Sprint(value)})
	}
}

func walkFields(list *[]Said, key string, value reflect.Value) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		tag := field.Tag.Get("definition")
		if !field.IsExported() || tag == "-" || field.Type == reflect.TypeFor[Place]() || isName(field) {
			continue
		}
		name := join(key, snake(field.Name))
		switch {
		case tag == "+":
			name = key
		case tag != "" && tag != "secret":
			name = join(key, tag)
		}
		// The key of a mask is a secret even where somebody forgets to say so.
		walk(list, name, tag == "secret" || strings.HasSuffix(name, ".key"), value.Field(i))
	}
}

// writtenText returns the text of what is written as one value: a word, or a list of words, whose order counts.
func writtenText(value reflect.Value) (string, bool) {
	switch v := value.Interface().(type) {
	case Text:
		return v.Value, true
	case []Text:
		words := make([]string, len(v))
		for i, word := range v {
			words[i] = word.Value
		}
		return "[" + strings.Join(words, ", ") + "]", true
	}
	if value.Kind() == reflect.Slice && value.Type().Elem().Kind() != reflect.Struct || value.Kind() == reflect.Bool || value.Kind() == reflect.String {
		text, err := json.Marshal(value.Interface())
		return strings.Trim(string(text), `"`), err == nil
	}
	return "", false
}

// itemNames are the fields by which an item of a list is called.
var itemNames = []string{"Column", "Target", "Name"}

// isName reports whether a struct's field is the name under which the struct stands in its map.
func isName(field reflect.StructField) bool {
	return slices.Contains(itemNames, field.Name) && field.Type == reflect.TypeFor[Text]()
}

// nameIn is what an item of a list is called: by the column, target or option that it is about, or by its place.
func nameIn(item reflect.Value, i int) string {
	for _, name := range itemNames {
		if item.Kind() != reflect.Struct {
			break
		}
		if field := item.FieldByName(name); field.IsValid() {
			if text, ok := field.Interface().(Text); ok {
				return text.Value
			}
		}
	}
	return fmt.Sprint(i + 1)
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// snake is a field's name as the language writes it.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
