package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
)

// schemas are the files that editors can check, by the command's word for them.
var schemas = map[string]func() mappings.Schema{
	"config":   configSchema,
	"mappings": func() mappings.Schema { return mappings.FileSchema(allRules()) },
	"case":     caseSchema,
}

var schemaWords = []string{"config", "mappings", "case"}

func newSchemaCommand(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [config|mappings|case]",
		Short: "Print the JSON schema of a file, for editors",
		Long: `Print the JSON schema of the configuration, of a mapping file, or of a case of the command test. Editors that take
one for YAML complete keys, show what they do, and mark mistakes while you type:

  meepo-replicate schema > meepo.schema.json
  meepo-replicate schema mappings > mappings.schema.json

and, as the first line of meepo.yaml and of a mapping file:

  # yaml-language-server: $schema=meepo.schema.json
  # yaml-language-server: $schema=mappings.schema.json`,
		ValidArgs: schemaWords,
		RunE: func(_ *cobra.Command, args []string) error {
			word := schemaWords[0]
			switch len(args) {
			case 0:
			case 1:
				word = args[0]
			default:
				return &usageError{fmt.Sprintf("name one file, not %d", len(args)), "see meepo-replicate schema --help"}
			}
			if err := checkOneOf(word, schemaWords); err != nil {
				return &usageError{err.Error(), "see meepo-replicate schema --help"}
			}
			encoder := json.NewEncoder(p.stdout)
			encoder.SetIndent("", "  ")
			encoder.SetEscapeHTML(false)
			return encoder.Encode(schemas[word]())
		},
	}
}

// allRules are the rules of every target.
func allRules() map[string]mappings.Rules {
	rules := map[string]mappings.Rules{}
	for _, kind := range targetKinds {
		rules[kind.name()] = kind.rules(&config{})
	}
	return rules
}

func caseSchema() mappings.Schema {
	s := mappings.ObjectSchema(cases.Keys(), nil)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "A case of meepo-replicate test"
	return s
}
