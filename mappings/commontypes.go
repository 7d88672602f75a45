package mappings

import (
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/targets"
)

// commonTypes say what the types of conversions are for.
var commonTypes = map[string]string{
	"boolean": "true for every number but 0, as of TINYINT(1)",
	"hex":     "bytes as hexadecimal digits",
	"base64":  "bytes in base64",
	"uuid":    "a uuid of 16 bytes or of a text; a row with another value becomes a dead letter",
	"json":    "a text that holds JSON; a row with another becomes a dead letter",
	"text":    "any value as a text",
}

// CommonTypes are the types that a field can have in every target, beside those of its driver.
func CommonTypes() []targets.FieldType {
	var list []targets.FieldType
	for _, word := range slices.Sorted(maps.Keys(conversions)) {
		list = append(list, targets.FieldType{Name: word, Kinds: slices.Sorted(maps.Keys(conversions[word])), Doc: commonTypes[word]})
	}
	return list
}
