package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/mappings"
)

// parseMappings reads the mappings of the file and those of the mapping files, in this order. Variables in
// the file's own are put in already.
func (c *config) parseMappings(lookup func(string) (string, bool)) ([]mappings.Mapping, error) {
	var all []mappings.Mapping
	var wrong []error
	if len(c.Mappings) > 0 {
		list, err := mappings.ParseNode(c.text.path, []byte(c.text.raw), listOf(c.Mappings))
		all, wrong = append(all, list...), append(wrong, err)
	}
	paths, err := c.mappingPaths()
	wrong = append(wrong, err)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			wrong = append(wrong, c.origins["mappings"].problem("read mappings: %v", err))
			continue
		}
		file, err := mappings.Parse(path, raw, expander(lookup))
		wrong = append(wrong, err)
		if err == nil {
			all = append(all, file.Mappings...)
		}
	}
	return all, errors.Join(append(wrong, sameNames(all))...)
}

// expander puts variables into the texts of a mapping file.
func expander(lookup func(string) (string, bool)) func(text string) (string, error) {
	return func(text string) (string, error) {
		out, wrong := expandVariables(text, lookup)
		if len(wrong) > 0 {
			return "", &problem{Text: wrong[0].text, Advice: wrong[0].advice}
		}
		return out, nil
	}
}

// mappingPaths resolves the patterns among the mapping files.
func (c *config) mappingPaths() ([]string, error) {
	var paths []string
	var wrong []error
	for _, path := range c.MappingFiles {
		if !strings.ContainsAny(path, "*?[") {
			paths = append(paths, path)
			continue
		}
		found, err := filepath.Glob(path)
		if err != nil {
			wrong = append(wrong, c.origins["mappings"].problem("%s: %v", path, err))
		} else if len(found) == 0 {
			wrong = append(wrong, c.origins["mappings"].problem("no file matches %s", path))
		}
		paths = append(paths, found...)
	}
	return paths, errors.Join(wrong...)
}

// listOf makes the list that the mapping language wants of the list's items that are mappings.
func listOf(inline []inlineMapping) ast.Node {
	list := ast.Sequence(inline[0].Node.GetToken(), false)
	for _, m := range inline {
		list.Values = append(list.Values, m.Node)
	}
	return list
}

// sameNames finds mappings of different files that have one name. Within one file the language
// itself finds them.
func sameNames(all []mappings.Mapping) error {
	var wrong []error
	first := map[string]mappings.Place{}
	for _, m := range all {
		if m.Name.Value == "" {
			continue
		}
		before, ok := first[m.Name.Value]
		if !ok {
			first[m.Name.Value] = m.Name.At
			continue
		}
		if before.File != m.Name.At.File {
			wrong = append(wrong, &mappings.Error{Place: m.Name.At,
				Message: fmt.Sprintf("two mappings are named %q, the first in %s:%d", m.Name.Value, before.File, before.Line)})
		}
	}
	return errors.Join(wrong...)
}

// isMappingError reports whether an error is about what a mapping says.
func isMappingError(err error) bool { return len(mappings.Errors(err)) > 0 }
