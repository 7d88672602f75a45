package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/meepo-replicate/meepo/targets"
)

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
