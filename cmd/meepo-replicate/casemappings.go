package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/mappings/cases"
)

// caseMappings reads the mappings of a case's file: a mapping file, or a configuration, of which the mappings in it and
// in the files that it names count and nothing else. In messages files have their names from the case's folder,
// so that they read the same wherever the cases are run from.
func caseMappings(folder, file string, lookup func(string) (string, bool)) ([]mappings.Mapping, error) {
	raw, err := os.ReadFile(inFolderOf(filepath.Join(folder, cases.File), file))
	if err != nil {
		return nil, err
	}
	if node, isConfig := mappingsOfConfig(raw); isConfig {
		return configMappings(folder, newConfigText(file, raw), node, lookup)
	}
	parsed, err := mappings.Parse(file, raw, caseExpander(lookup))
	if err != nil {
		return nil, err
	}
	return parsed.Mappings, nil
}

// caseExpander puts a case's variables into texts.
func caseExpander(lookup func(string) (string, bool)) func(text string) (string, error) {
	expand := expander(lookup)
	return func(text string) (string, error) {
		out, err := expand(text)
		var wrong *problem
		if errors.As(err, &wrong) && strings.HasSuffix(wrong.Text, "is not set") {
			return out, &problem{Text: wrong.Text, Advice: "add it under `variables` in " + cases.File}
		}
		return out, err
	}
}

// mappingsOfConfig returns what stands under "mappings" in a configuration; false for a file that is none.
func mappingsOfConfig(raw []byte) (ast.Node, bool) {
	file, err := parser.ParseBytes(raw, 0, parser.AllowDuplicateMapKey())
	if err != nil || len(file.Docs) != 1 {
		return nil, false // the reader of mapping files says what is wrong with it
	}
	pairs, _ := pairsOf(file.Docs[0].Body)
	var node ast.Node
	isConfig := false
	for _, pair := range pairs {
		switch key := pair.Key.GetToken().Value; key {
		case "version":
		case "mappings":
			node = pair.Value
		default:
			_, isSetting := settingByKey(key)
			isConfig = isConfig || isSetting || len(keysOf(key+".")) > 0
		}
	}
	return node, isConfig
}

// configMappings reads the mappings of a configuration.
func configMappings(folder string, text *configText, node ast.Node, lookup func(string) (string, bool)) ([]mappings.Mapping, error) {
	if node == nil {
		return nil, nil
	}
	p := &fileParser{text: text, lookup: lookup, out: fileValues{values: map[string]given{}}}
	if s, ok := settingByKey("mappings"); ok {
		p.setting(s, node)
	}
	if len(p.wrong) > 0 {
		return nil, errors.Join(p.wrong...)
	}
	var all []mappings.Mapping
	var wrong []error
	if len(p.out.mappings) > 0 {
		list, err := mappings.ParseNode(text.path, []byte(text.raw), listOf(p.out.mappings))
		all, wrong = append(all, list...), append(wrong, err)
	}
	for _, named := range p.out.values["mappings"].texts {
		files, err := namedFiles(folder, named)
		wrong = append(wrong, err)
		for _, file := range files {
			list, err := caseMappings(folder, file, lookup)
			all, wrong = append(all, list...), append(wrong, err)
		}
	}
	return all, errors.Join(wrong...)
}

// namedFiles resolves a pattern of a configuration, from the case's folder.
func namedFiles(folder, pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, nil
	}
	found, err := filepath.Glob(inFolderOf(filepath.Join(folder, cases.File), pattern))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no file matches %s", pattern)
	}
	for i, path := range found {
		if relative, err := filepath.Rel(folder, path); err == nil && !filepath.IsAbs(pattern) {
			found[i] = relative
		}
	}
	return found, nil
}
