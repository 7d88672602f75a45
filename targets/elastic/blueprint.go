package elastic

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/meepo-replicate/meepo/targets"
)

// gcDeletes is how long the server remembers versions of deleted documents. A request that was
// given up may still be carried out as long as it lives somewhere on its way.
const gcDeletes = "1h"

// Elasticsearch takes 1000 fields unless an index says otherwise. Ours leave room for some more.
const (
	usualFieldLimit = 1000
	fieldLimit      = "index.mapping.total_fields.limit"
	spareFields     = 200
)

// blueprint is the body of the request that makes a destination's index: what the mapping says, and over it what we need.
func blueprint(dest *targets.Destination) property {
	properties, count := propertiesOf(dest, dest.Fields)
	said := saidProperties(dest)
	for name, field := range said { // fields of no column, as of pipelines and copy_to
		if _, ours := properties[name]; !ours {
			properties[name] = field
			count++
		}
	}
	settings := settingsOf(dest)
	// A template may want less: what is answered to must be on disk, since the position moves on.
	settings["index.gc_deletes"], settings["index.translog.durability"] = gcDeletes, "request"
	if _, ok := settings[fieldLimit]; !ok && count > usualFieldLimit-spareFields {
		settings[fieldLimit] = count + spareFields
	}
	mappings := property{"dynamic": "strict"}
	meta := property{}
	if tree, ok := dest.Options[mappingsOption].(map[string]any); ok {
		maps.Copy(mappings, tree)
		if said, ok := tree["_meta"].(map[string]any); ok {
			maps.Copy(meta, said)
		}
	}
	meta["meepo"] = newMeta(dest)
	mappings["_meta"], mappings["properties"] = meta, properties
	if len(routingOf(dest)) > 0 {
		mappings["_routing"] = property{"required": true}
	}
	return property{"settings": settings, "mappings": mappings, "aliases": property{dest.Name: property{"is_write_index": true}}}
}

// Describe shows the request by which Prepare makes a destination that is not there. It asks nobody.
func Describe(dest *targets.Destination) (string, error) {
	if err := checkDestination(dest); err != nil {
		return "", err
	}
	return shownRequest(dest.Name+firstSuffix, blueprint(dest))
}

// DescribeOwn shows the request that makes what this program keeps for itself in the target.
func DescribeOwn() (string, error) { return shownRequest(marksIndex, marksBlueprint()) }

func shownRequest(index string, body property) (string, error) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode index %s: %w", index, err)
	}
	return fmt.Sprintf("PUT /%s\n%s\n", index, text), nil
}

// propertiesOf renders fields of a destination and counts them as Elasticsearch does, with objects and multi-fields. Objects are as
// strict as what they stand in.
func propertiesOf(dest *targets.Destination, fields []targets.Field) (property, int) {
	return propertiesIn(fields, targets.Nest(fields), saidProperties(dest))
}

// propertiesIn renders an object's members; said is what the mapping says of them.
func propertiesIn(fields []targets.Field, members []targets.Member, said map[string]any) (property, int) {
	properties, count := property{}, len(members)
	for _, m := range members {
		own, _ := said[m.Name].(map[string]any)
		if m.Field >= 0 {
			p := overridden(propertyOf(fields[m.Field]), own)
			properties[m.Name] = p
			count += countInner(p)
			continue
		}
		inner, _ := own["properties"].(map[string]any)
		inside, n := propertiesIn(fields, m.Members, inner)
		for name, field := range inner {
			if _, ours := inside[name]; !ours {
				inside[name] = field
				n++
			}
		}
		object := property{}
		maps.Copy(object, own)
		object["properties"] = inside
		properties[m.Name] = object
		count += n
	}
	return properties, count
}

// overridden is a property as the mapping says it: with a type, all of it, otherwise further parameters.
func overridden(p property, said map[string]any) property {
	if len(said) == 0 {
		return p
	}
	result := property{}
	if _, whole := said["type"]; !whole {
		maps.Copy(result, p)
	}
	maps.Copy(result, said)
	return result
}

// countInner counts multi-fields.
func countInner(p property) int {
	switch inner := p["fields"].(type) {
	case property:
		return len(inner)
	case map[string]any:
		return len(inner)
	}
	return 0
}
