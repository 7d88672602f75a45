package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
)

// configSchema describes the configuration to editors, by the table of settings.
func configSchema() mappings.Schema {
	s := sectionSchema("")
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "Configuration of meepo-replicate"
	s["definitions"] = mappings.Schema{"mapping": mappings.ObjectSchema(mappings.MappingKeys(), allRules())}
	properties := s["properties"].(map[string]any)
	properties["version"] = mappings.Schema{"const": 1, "description": "The version of the file."}
	return s
}

// sections say what the parts of the file are.
var sections = map[string]string{
	"source.":     "The database to copy from.",
	"source.tls.": "Encryption to the source.",
	"target.":     "What to copy to.",
}

// sectionSchema describes what stands under a prefix of keys; "" is the whole file.
func sectionSchema(prefix string) mappings.Schema {
	properties := map[string]any{}
	for _, key := range keysOf(prefix) {
		if s, ok := settingByKey(prefix + key); ok {
			properties[key] = s.schema()
			continue
		}
		sub := prefix + key + "."
		section := sectionSchema(sub)
		section["description"] = sections[sub]
		section["type"] = []string{"object", "null"}
		properties[key] = section
	}
	return mappings.Schema{"type": "object", "additionalProperties": false, "properties": properties}
}

// schema describes a setting's value. What is left empty is not said, and any value may be a variable.
func (s *setting) schema() mappings.Schema {
	if s.key == "mappings" {
		return s.described(mappings.Schema{"anyOf": inlineOrFile()})
	}
	forms := s.forms()
	if _, isText := s.into(&config{}).(*string); !isText || len(s.oneOf) > 0 {
		forms = append(forms, mappings.Schema{"type": "string", "pattern": `\$\{`}) // a variable
	}
	return s.described(mappings.Schema{"anyOf": append(forms, mappings.Schema{"type": "null"})})
}

func (s *setting) described(schema mappings.Schema) mappings.Schema {
	schema["description"] = strings.ToUpper(s.usage[:1]) + s.usage[1:] + "."
	if s.def == "" {
		return schema
	}
	schema["default"] = s.def
	switch s.into(&config{}).(type) {
	case *float64, *uint32:
		if number, err := strconv.ParseFloat(s.def, 64); err == nil {
			schema["default"] = number
		}
	}
	return schema
}

// forms are what a setting's value may be.
func (s *setting) forms() []any {
	switch s.into(&config{}).(type) {
	case *bool:
		return []any{mappings.Schema{"type": "boolean"}}
	case *float64:
		return []any{mappings.Schema{"type": "number", "minimum": 0}}
	case *uint32:
		return []any{mappings.Schema{"type": "integer", "minimum": 1, "maximum": uint32(1<<32 - 1)}}
	case *time.Duration:
		return []any{mappings.Schema{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}, mappings.Schema{"const": 0}}
	case *[]string:
		return []any{mappings.Schema{"type": "string"}, mappings.Schema{"type": "array", "items": mappings.Schema{"type": "string"}}}
	}
	if len(s.oneOf) > 0 {
		return []any{mappings.Schema{"enum": s.oneOf}}
	}
	return []any{mappings.Schema{"type": []string{"string", "number"}}} // a password of digits is one, too
}

// inlineOrFile is a mapping, a file with mappings, or a list of both.
func inlineOrFile() []any {
	mapping := mappings.Schema{"$ref": "#/definitions/mapping"}
	file := mappings.Schema{"type": "string", "minLength": 1}
	return []any{mappings.Schema{"type": "array", "items": mappings.Schema{"anyOf": []any{mapping, file}}}, mapping, file, mappings.Schema{"type": "null"}}
}
