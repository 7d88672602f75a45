package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// simulated has the server look at the index that would be made, by way of a template that it does not keep: at types, analyzers and
// settings that a mapping asks for and it may not have. Servers that know no such request, and accounts that may not send it, find
// nothing.
func (t *Target) simulated(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	asks := slices.ContainsFunc(dest.Fields, func(f targets.Field) bool { return f.As != "" })
	if !asks && len(dest.Options) == 0 {
		return nil
	}
	const lonely = 1_999_999_937 // no other template has this priority, which would be an error
	body, err := jsonBody(property{"index_patterns": []string{dest.Name + firstSuffix}, "priority": lonely, "template": blueprint(dest)})
	if err != nil {
		return err
	}
	err = t.client.do(ctx, esapi.IndicesSimulateTemplateRequest{Body: body}, nil)
	var answer *statusError
	switch {
	case hasStatus(err, http.StatusBadRequest) && errors.As(err, &answer):
		found.Add(targets.Fatal, dest.Name, "the server would not make the index: "+answer.Cause, "change the field's type, or the settings and mappings under `elastic` in the mapping")
	case errors.As(err, &answer):
	default:
		return err
	}
	return nil
}

// checkSaid tells where an index that exists is otherwise than the mapping's options say: they are for new ones.
func checkSaid(dest *targets.Destination, ix *index, found *targets.Findings) {
	settings := settingsOf(dest)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if ix.ours != nil && ix.ours.Bulk != nil && (name == refreshSetting || name == replicasSetting) {
			continue // until bulk mode ends
		}
		want := fmt.Sprint(settings[name])
		if have, _ := ix.setting(name); have != want {
			found.Add(targets.Warning, dest.Name, fmt.Sprintf("setting %s of index [%s] is %s, and the mapping says %s: an index that exists keeps its settings", name, ix.name, cmp.Or(have, "not set"), want),
				fmt.Sprintf(`PUT /%s/_settings {%q: %s}, where it can be changed; otherwise give the mapping another destination with `+"`to`", ix.name, name, asJSON(settings[name])))
		}
	}
	for _, field := range dest.Fields {
		said, have := saidProperty(dest, field.Name), ix.fields[field.Name]
		for _, name := range slices.Sorted(maps.Keys(said)) {
			want, is := asJSON(said[name]), asJSON(have[name])
			if have == nil || name == "type" || want == is || is == "["+want+"]" || is == "null" && (want == "true" || want == "false") { // that may be the default, which the server does not show
				continue
			}
			found.Add(targets.Warning, dest.Name+"."+field.Name, fmt.Sprintf("%s is %s in index [%s], and the mapping says %s: an index that exists keeps its mappings", name, is, ix.name, want),
				"give the mapping another destination with `to`, or leave it out")
		}
	}
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
