package elastic

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// The options of a destination.
const (
	routingOption  = "routing"
	pipelineOption = "pipeline"
	settingsOption = "settings"
	mappingsOption = "mappings"
)

// Options are what a mapping may say for this target alone.
func Options() []targets.Option {
	return []targets.Option{
		{Name: routingOption, Kind: targets.OptionColumns, Example: "[tenant_id]",
			Doc: "Key columns whose values say in which shard a document is, so that a search with that routing asks one shard: their texts, joined by |. Without it the id says so."},
		{Name: pipelineOption, Kind: targets.OptionText, Example: "clean",
			Doc: "The ingest pipeline that documents go through; fields that it adds have to be under mappings. Without it the index's default pipeline, if it has one."},
		{Name: settingsOption, Kind: targets.OptionTree, Example: "{number_of_shards: 3, analysis: {normalizer: {lower: {type: custom, filter: [lowercase]}}}}",
			Doc: "Settings of the index when it is made. An index that exists keeps its own, and check says where they differ."},
		{Name: mappingsOption, Kind: targets.OptionTree, Example: "{properties: {title: {type: text, analyzer: english}}}",
			Doc: "Parts of the index's mappings when it is made. A field under properties replaces what it would get if it has a type, and is added to that if it has none."},
	}
}

// CheckOptions says what is wrong with a destination's options; each error begins with its place among them.
func CheckOptions(dest *targets.Destination) error {
	wrong := []error{targets.CheckOptions(Options(), dest.Options)}
	settings := settingsOf(dest)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if why := refusedSetting(name, settings[name]); why != "" {
			wrong = append(wrong, fmt.Errorf("%s.%s: %s", settingsOption, strings.TrimPrefix(name, "index."), why))
		}
	}
	tree, _ := dest.Options[mappingsOption].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		switch name {
		case "_source":
			wrong = append(wrong, fmt.Errorf("%s._source: documents are read back whole, to be marked and compared; leave it out", mappingsOption))
		case "_routing":
			wrong = append(wrong, fmt.Errorf("%s._routing: say %s instead", mappingsOption, routingOption))
		case "_meta":
			if meta, ok := tree[name].(map[string]any); !ok || meta["meepo"] != nil {
				wrong = append(wrong, fmt.Errorf("%s._meta.meepo: it is this program's own; choose another name", mappingsOption))
			}
		case "properties":
			wrong = append(wrong, checkProperties(mappingsOption+".properties", tree[name])...)
		}
	}
	return errors.Join(wrong...)
}

// refusedSetting says why a setting cannot be what it is said to be.
func refusedSetting(name string, value any) string {
	switch {
	case name == "index.gc_deletes":
		return "a request that lands late would bring a deleted document back; an index is made with " + gcDeletes + ", leave it out"
	case name == "index.translog.durability" && value != "request":
		return "a document that was answered to has to be on disk, since the position moves on; leave it out"
	case strings.HasPrefix(name, "index.blocks."):
		return "nothing could be written; leave it out"
	case name == "index.mapping.source.mode":
		return "documents are read back as they were written, to be marked and compared; leave it out"
	}
	return ""
}

// checkProperties looks for fields that are no maps, and names that have dots.
func checkProperties(place string, said any) []error {
	fields, ok := said.(map[string]any)
	if !ok {
		return []error{fmt.Errorf("%s: want a map of fields", place)}
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		at := place + "." + name
		parameters, ok := fields[name].(map[string]any)
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("%s: want a map, as in {type: keyword}", at))
		case strings.Contains(name, "."):
			object, rest, _ := strings.Cut(name, ".")
			wrong = append(wrong, fmt.Errorf("%s: write fields of an object within it: {%s: {properties: {%s: …}}}", at, object, rest))
		case parameters["properties"] != nil:
			wrong = append(wrong, checkProperties(at+".properties", parameters["properties"])...)
		}
	}
	return wrong
}

// settingsOf are the settings that a mapping says, flat: "index.number_of_shards".
func settingsOf(dest *targets.Destination) property {
	tree, _ := dest.Options[settingsOption].(map[string]any)
	flat := property{}
	var add func(prefix string, tree map[string]any)
	add = func(prefix string, tree map[string]any) {
		for name, value := range tree {
			if inside, ok := value.(map[string]any); ok {
				add(prefix+name+".", inside)
				continue
			}
			full := prefix + name
			if !strings.HasPrefix(full, "index.") {
				full = "index." + full
			}
			flat[full] = value
		}
	}
	add("", tree)
	return flat
}

// routingOf are the columns by which documents are routed; none: by the id.
func routingOf(dest *targets.Destination) []string {
	columns, _ := dest.Options[routingOption].([]any)
	var names []string
	for _, column := range columns {
		names = append(names, fmt.Sprint(column))
	}
	return names
}

func pipelineOf(dest *targets.Destination) string {
	name, _ := dest.Options[pipelineOption].(string)
	return name
}

// saidProperties are the fields under mappings.
func saidProperties(dest *targets.Destination) map[string]any {
	tree, _ := dest.Options[mappingsOption].(map[string]any)
	fields, _ := tree["properties"].(map[string]any)
	return fields
}

// saidProperty is what a mapping says of a field.
func saidProperty(dest *targets.Destination, path string) map[string]any {
	fields := saidProperties(dest)
	for {
		name, rest, more := strings.Cut(path, ".")
		said, _ := fields[name].(map[string]any)
		if !more {
			return said
		}
		fields, _ = said["properties"].(map[string]any)
		path = rest
	}
}
