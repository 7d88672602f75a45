package mappings

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// ParseKey reads a key as people write it, and as Key.Text shows it: one column's value as it is, several joined by commas or,
// where a value holds a comma, as a JSON array, such as ["a,b",7]; bytes as hexadecimal digits, with or without 0x. The error
// says which column it is about.
func (p *Plan) ParseKey(text string) (source.Key, error) {
	columns := p.selection.Key
	texts := []string{text}
	if len(columns) > 1 {
		texts = strings.Split(text, ",")
		if strings.HasPrefix(text, "[") {
			var err error
			if texts, err = arrayTexts(text); err != nil {
				return "", fmt.Errorf("key %s: %w", text, err)
			}
		}
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name + " " + column.Type.Native
	}
	if len(texts) != len(columns) {
		return "", fmt.Errorf("key %s has %d values, the key of %s has %d: %s", text, len(texts), p.selection.Table, len(columns), strings.Join(names, ", "))
	}
	for i := range columns {
		if p.key[i].Kind == targets.KindBinary {
			texts[i] = strings.ToLower(strings.TrimPrefix(texts[i], "0x"))
		}
	}
	key, err := keyOf(texts, p.key)
	if err != nil {
		return "", fmt.Errorf("key %s of %s: %w; the key is %s", text, p.selection.Table, err, strings.Join(names, ", "))
	}
	return key, nil
}

// arrayTexts are the texts of the values of a JSON array.
func arrayTexts(text string) ([]string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var values []any
	if err := decoder.Decode(&values); err != nil || decoder.More() {
		return nil, fmt.Errorf("not a JSON array of values")
	}
	texts := make([]string, len(values))
	for i, value := range values {
		switch v := value.(type) {
		case string:
			texts[i] = v
		case json.Number:
			texts[i] = v.String()
		case bool:
			texts[i] = fmt.Sprint(v)
		default:
			return nil, fmt.Errorf("value %d is neither a text nor a number", i+1)
		}
	}
	return texts, nil
}
