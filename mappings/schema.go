package mappings

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/meepo-replicate/meepo/targets"
)

// Schema is a JSON schema of draft 7, which editors of YAML take, or a part of one.
type Schema map[string]any

// FileSchema describes a mapping file to editors. Known are the targets, by the names of their blocks or others.
func FileSchema(known map[string]Rules) Schema {
	s := ObjectSchema(FileKeys(), known)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "Mappings of meepo-replicate"
	return s
}

// ObjectSchema describes a map with some keys. It is stricter than the loader nowhere, and looser where only a table's
// columns tell what is right.
func ObjectSchema(keys []Key, known map[string]Rules) Schema {
	properties := map[string]any{}
	var needed []string
	var rules []any
	for _, key := range keys {
		properties[key.Name] = key.schema(known)
		if key.Needed {
			needed = append(needed, key.Name)
		}
		if key.Without != "" {
			// "not" would do as well, but editors then say nothing of which key it is.
			rules = append(rules, Schema{
				"if":   Schema{"required": []string{key.Name}},
				"then": Schema{"properties": Schema{key.Without: false}},
			})
		}
		if key.WithWord != "" {
			rules = append(rules, Schema{
				"if":   Schema{"required": []string{key.Name}},
				"then": Schema{"properties": Schema{key.With: Schema{"const": key.WithWord}}},
			})
		}
		for _, word := range slices.Sorted(maps.Keys(key.WordNeeds)) {
			rules = append(rules, Schema{
				"if":   Schema{"required": []string{key.Name}, "properties": Schema{key.Name: Schema{"const": word}}},
				"then": Schema{"required": []string{key.WordNeeds[word]}},
			})
		}
	}
	s := Schema{"type": "object", "additionalProperties": false, "properties": properties}
	if needed != nil {
		s["required"] = needed
	}
	beside := map[string]any{}
	for _, key := range keys {
		if key.With != "" {
			beside[key.Name] = []string{key.With}
		}
	}
	if len(beside) > 0 {
		s["dependencies"] = beside
	}
	if rules != nil {
		s["allOf"] = rules
	}
	return s
}

// schema describes what a key holds.
func (k Key) schema(known map[string]Rules) Schema {
	doc := k.Doc
	if k.Default != "" {
		doc += "\nDefault: " + k.Default + "."
	}
	return k.form(known).described(doc, k.Example)
}

// described adds what editors show; the example is a value in YAML.
func (s Schema) described(doc, example string) Schema {
	s["description"] = doc
	var value any
	if err := yaml.Unmarshal([]byte(example), &value); err == nil && value != nil {
		s["examples"] = []any{value}
	}
	return s
}

func (k Key) form(known map[string]Rules) Schema {
	switch k.Form {
	case FormTexts:
		return k.list(k.text())
	case FormOneOrAll:
		return Schema{"anyOf": []any{k.text(), k.list(k.text())}}
	case FormNumber:
		return Schema{"type": "integer", "minimum": 1}
	case FormTruth:
		return Schema{"type": "boolean"}
	case FormWord:
		return Schema{"enum": k.Words}
	case FormWordOr:
		return Schema{"anyOf": []any{Schema{"enum": k.Words}, ObjectSchema(k.Keys, known)}}
	case FormVersion:
		return Schema{"const": 1}
	case FormType:
		return typeSchema(known)
	case FormColumns:
		return Schema{"type": "object", "additionalProperties": ObjectSchema(k.Keys, known)}
	case FormOptions:
		return k.options(known)
	case FormMap:
		if k.Keys != nil {
			return ObjectSchema(k.Keys, known)
		}
		return Schema{"type": "object", "additionalProperties": Schema{"type": "string"}}
	case FormList:
		if k.Keys != nil {
			return Schema{"type": "array", "minItems": 1, "items": ObjectSchema(k.Keys, known)}
		}
		return Schema{"type": "array", "minItems": 1, "items": Schema{"type": "object"}}
	}
	return k.text()
}

func (k Key) text() Schema {
	s := Schema{"type": "string", "minLength": 1}
	if k.Pattern != "" {
		s["pattern"] = k.Pattern + `|\$\{` // what a variable holds is not known
	}
	if k.Null {
		s["type"] = []string{"string", "null"}
	}
	return s
}

func (k Key) list(of Schema) Schema {
	return Schema{"type": "array", "items": of, "minItems": 1, "uniqueItems": true}
}

// options describes the block of one target.
func (k Key) options(known map[string]Rules) Schema {
	properties := map[string]any{}
	found := false
	for _, rules := range known {
		if rules.Block != k.Name {
			continue
		}
		found = true
		for _, option := range rules.Options {
			properties[option.Name] = maps.Clone(optionForms[option.Kind]).described(option.Doc, option.Example)
		}
	}
	return Schema{"type": "object", "additionalProperties": !found, "properties": properties}
}

var optionForms = map[targets.OptionKind]Schema{
	targets.OptionText:    {"type": "string", "minLength": 1},
	targets.OptionInt:     {"type": "integer"},
	targets.OptionBool:    {"type": "boolean"},
	targets.OptionTree:    {"type": "object"},
	targets.OptionColumns: {"type": "array", "minItems": 1, "items": Schema{"type": "string"}},
}

// typeSchema lists the types of all targets, since a mapping does not say which one it is for.
func typeSchema(known map[string]Rules) Schema {
	says := map[string][]string{}
	for _, t := range CommonTypes() {
		says[t.Name] = append(says[t.Name], "every target: "+t.Doc)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		for _, t := range known[name].Types {
			says[t.Name] = append(says[t.Name], name+": "+t.Doc)
		}
	}
	names := slices.Sorted(maps.Keys(says))
	docs := make([]string, len(names))
	for i, name := range names {
		docs[i] = strings.Join(says[name], "\n\n")
	}
	return Schema{"anyOf": []any{
		Schema{"enum": names, "markdownEnumDescriptions": docs},
		Schema{"type": "string", "pattern": `^[a-z_ ]+\(\d+(, ?\d+)?\)$`}, // numeric(12,2)
	}}
}
