package elastic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// template is one that the server lays under indices whose names match.
type template struct {
	Name  string `json:"name"`
	Index struct {
		Patterns   []string       `json:"index_patterns"`
		Priority   int64          `json:"priority"`
		DataStream map[string]any `json:"data_stream"`
	} `json:"index_template"`
}

// matches: patterns of templates know * only.
func (t template) matches(name string) bool {
	return slices.ContainsFunc(t.Index.Patterns, func(pattern string) bool {
		plain := strings.NewReplacer("?", `\?`, "[", `\[`, `\`, `\\`).Replace(pattern)
		ok, err := path.Match(plain, name)
		return err == nil && ok
	})
}

// laid is what templates lay under a new index.
type laid struct {
	Settings map[string]any `json:"settings"`
	Mappings map[string]any `json:"mappings"`
	Aliases  map[string]any `json:"aliases"`
}

// checkTemplates looks for index templates that would change an index that is not there yet.
func (t *Target) checkTemplates(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	name := dest.Name + firstSuffix
	winner, err := t.templateOf(ctx, name)
	switch {
	case errors.Is(err, targets.ErrDenied):
		found.Add(targets.Note, dest.Name, "index templates cannot be seen by this account, which lacks manage_index_templates", "")
		return nil
	case err != nil:
		return err
	}
	if winner == nil {
		return t.checkOldTemplates(ctx, dest, found)
	}
	called := fmt.Sprintf("index template [%s] (priority %d, patterns %s)", winner.Name, winner.Index.Priority, strings.Join(winner.Index.Patterns, ", "))
	if winner.Index.DataStream != nil {
		found.Add(targets.Fatal, dest.Name, called+" makes data streams of such names: no index of them can be made", "choose another name with `to` in the mapping, or narrow the template's patterns")
		return nil
	}
	var answer struct {
		Template laid `json:"template"`
	}
	err = t.client.do(ctx, esapi.IndicesSimulateIndexTemplateRequest{Name: name}, &answer)
	var refused *statusError
	switch {
	case errors.As(err, &refused) && !errors.Is(err, targets.ErrDenied):
		return nil // a server that does not know the question
	case errors.Is(err, targets.ErrDenied):
		return nil
	case err != nil:
		return err
	}
	if changes := answer.Template.changes(dest, false); len(changes) > 0 {
		found.Add(targets.Warning, dest.Name, called+" would change the new index: "+strings.Join(changes, "; "),
			"narrow the template's patterns, or put one of a higher priority and without these for ["+name+"]; or mean it")
	}
	return nil
}

// checkOldTemplates is checkTemplates for those of the kind before, which count where none of the newer kind matches. All that
// match are laid one over the other.
func (t *Target) checkOldTemplates(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	var answer map[string]struct {
		Patterns []string `json:"index_patterns"`
		laid
	}
	err := t.client.do(ctx, esapi.IndicesGetTemplateRequest{}, &answer)
	var refused *statusError
	if errors.As(err, &refused) {
		return nil // a server that knows none, or does not show them
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		one := answer[name]
		var matching template
		matching.Index.Patterns = one.Patterns
		if !matching.matches(dest.Name + firstSuffix) {
			continue
		}
		if changes := one.changes(dest, true); len(changes) > 0 {
			found.Add(targets.Warning, dest.Name, fmt.Sprintf("old template [%s] (patterns %s) would change the new index: %s", name, strings.Join(one.Patterns, ", "), strings.Join(changes, "; ")),
				"narrow the template's patterns (GET /_template/"+name+"); or mean it")
		}
	}
	return nil
}

// templateOf returns the template that would be laid under an index, of those of the newer kind: the one of the highest
// priority. Nil: none.
func (t *Target) templateOf(ctx context.Context, name string) (*template, error) {
	var answer struct {
		Templates []template `json:"index_templates"`
	}
	err := t.client.do(ctx, esapi.IndicesGetIndexTemplateRequest{}, &answer)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusBadRequest) {
		return nil, nil //nolint:nilnil // there is none, or a server that knows no such templates
	}
	if err != nil {
		return nil, err
	}
	var winner *template
	for i := range answer.Templates {
		one := &answer.Templates[i]
		if one.matches(name) && (winner == nil || one.Index.Priority > winner.Index.Priority) {
			winner = one
		}
	}
	return winner, nil
}

// changes lists what would be other than without templates. What a new index is given by us wins over them, a field as a whole,
// unless its parameters are mixed, as those of the older kind are.
func (l laid) changes(dest *targets.Destination, mixes bool) []string {
	var list []string
	settings, own := map[string]any{}, blueprint(dest)
	ownSettings, _ := own["settings"].(property)
	ownMappings, _ := own["mappings"].(property)
	ownFields, _ := ownMappings["properties"].(property)
	flattenSettings(settings, "", l.Settings)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if _, ours := ownSettings[name]; !ours && !strings.HasPrefix(name, "index.routing.allocation.include._tier") {
			list = append(list, fmt.Sprintf("%s = %v", name, settings[name]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.Mappings)) {
		if key != "properties" {
			if _, ours := ownMappings[key]; !ours {
				list = append(list, "mappings."+key)
			}
			continue
		}
		fields, _ := l.Mappings[key].(map[string]any)
		var more, mixed []string
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			if _, ours := ownFields[field]; !ours {
				more = append(more, field)
			} else if mixes {
				mixed = append(mixed, field)
			}
		}
		if len(mixed) > 0 {
			list = append(list, "parameters of fields: "+strings.Join(mixed, ", "))
		}
		if len(more) > 0 {
			list = append(list, "fields that no column fills: "+strings.Join(more, ", "))
		}
	}
	if len(l.Aliases) > 0 {
		list = append(list, "aliases: "+strings.Join(slices.Sorted(maps.Keys(l.Aliases)), ", "))
	}
	return list
}

// flattenSettings joins the names of nested settings by dots.
func flattenSettings(into map[string]any, prefix string, from map[string]any) {
	for name, value := range from {
		if inner, ok := value.(map[string]any); ok {
			flattenSettings(into, prefix+name+".", inner)
			continue
		}
		into[prefix+name] = value
	}
}
