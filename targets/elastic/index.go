package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// metaFormat is the version of what this package keeps in _meta.
const metaFormat = 1

// index is what the server says of an index.
type index struct {
	name     string
	aliases  map[string]aliasInfo
	settings map[string]any // flat: "index.refresh_interval"
	dynamic  any
	fields   map[string]property // by name, with those in objects as "object.field"
	meta     map[string]any      // all of _meta, others' parts too
	ours     *meta               // our part of it
	routed   bool                // writes without a routing are refused
}

type aliasInfo struct {
	Write *bool `json:"is_write_index"`
}

// meta is our part of an index's _meta: the mark of an index that this product made.
type meta struct {
	Format      int           `json:"format"`
	Destination string        `json:"destination"`
	Routing     []string      `json:"routing,omitempty"` // the columns of its documents' routing
	Bulk        *bulkSettings `json:"bulk,omitempty"`
}

func newMeta(dest *targets.Destination) meta {
	return meta{Format: metaFormat, Destination: dest.Name, Routing: routingOf(dest)}
}

// bulkSettings are the values to restore after bulk mode. Nil is a setting that was not set.
type bulkSettings struct {
	RefreshInterval *string `json:"refresh_interval"`
	Replicas        *string `json:"number_of_replicas"`
}

// lookUp returns the indices that a name stands for: an index's own name or an alias. None: the
// name is free.
func (t *Target) lookUp(ctx context.Context, name string) ([]index, error) {
	var answer map[string]struct {
		Aliases  map[string]aliasInfo `json:"aliases"`
		Settings map[string]any       `json:"settings"`
		Mappings struct {
			Dynamic    any             `json:"dynamic"`
			Meta       map[string]any  `json:"_meta"`
			Properties json.RawMessage `json:"properties"`
			Routing    struct {
				Required bool `json:"required"`
			} `json:"_routing"`
		} `json:"mappings"`
	}
	flat := true
	err := t.client.do(ctx, esapi.IndicesGetRequest{Index: []string{name}, FlatSettings: &flat}, &answer)
	if hasStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []index
	for _, indexName := range slices.Sorted(maps.Keys(answer)) {
		got := answer[indexName]
		ix := index{name: indexName, aliases: got.Aliases, settings: got.Settings, dynamic: got.Mappings.Dynamic, meta: got.Mappings.Meta, fields: map[string]property{}, routed: got.Mappings.Routing.Required}
		if err := flatten(ix.fields, "", got.Mappings.Properties); err != nil {
			return nil, fmt.Errorf("index %s: decode mappings: %w", indexName, err)
		}
		if own, ok := got.Mappings.Meta["meepo"]; ok {
			ix.ours = readMeta(own)
		}
		found = append(found, ix)
	}
	return found, nil
}

func readMeta(own any) *meta {
	text, err := json.Marshal(own)
	if err != nil {
		return nil
	}
	var m meta
	if json.Unmarshal(text, &m) != nil || m.Format != metaFormat {
		return nil
	}
	return &m
}

// flatten collects fields with those of objects.
func flatten(into map[string]property, prefix string, properties json.RawMessage) error {
	if len(properties) == 0 {
		return nil
	}
	var fields map[string]property
	if err := json.Unmarshal(properties, &fields); err != nil {
		return err
	}
	for name, field := range fields {
		if _, ok := field["type"]; !ok {
			field["type"] = "object"
		}
		into[prefix+name] = field
		inner, ok := field["properties"]
		if !ok {
			continue
		}
		text, err := json.Marshal(inner)
		if err != nil {
			return err
		}
		if err := flatten(into, prefix+name+".", text); err != nil {
			return err
		}
	}
	return nil
}

// made says whether this product made the index for the destination.
func (ix index) made(dest string) bool { return ix.ours != nil && ix.ours.Destination == dest }

// setting returns a setting as text.
func (ix index) setting(name string) (string, bool) {
	value, ok := ix.settings[name]
	if !ok || value == nil {
		return "", false
	}
	return fmt.Sprint(value), true
}

// behind returns the index behind a destination's alias, nil if there is neither alias nor index,
// and ErrMismatch for what is there and cannot be written to.
func (t *Target) behind(ctx context.Context, dest string) (*index, error) {
	found, err := t.lookUp(ctx, dest)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if found[0].name == dest {
		return nil, mismatch("remove or rename the index, or choose another name with `to` in the mapping",
			"[%s] is an index, where an alias is wanted", dest)
	}
	if len(found) > 1 {
		names := make([]string, len(found))
		for i, ix := range found {
			names[i] = ix.name
		}
		return nil, mismatch("leave the alias on one index, with POST /_aliases", "alias [%s] has %d indices (%s), where one is wanted", dest, len(found), strings.Join(names, ", "))
	}
	if alias := found[0].aliases[dest]; alias.Write != nil && !*alias.Write {
		return nil, mismatch("set is_write_index on the alias, with POST /_aliases", "alias [%s] does not let its index [%s] be written to", dest, found[0].name)
	}
	return &found[0], nil
}

// mismatch makes an error of a destination that exists and does not fit.
func mismatch(advice, format string, args ...any) error {
	return &targets.HintError{Err: fmt.Errorf("%w: %s", targets.ErrMismatch, fmt.Sprintf(format, args...)), Advice: advice}
}

// compare lists the fields that the index lacks, and an ErrMismatch for each field of a type that does
// not take the values; everything else that differs, other analyzers, other fields, is its owner's.
func (ix index) compare(dest *targets.Destination) (missing []targets.Field, wrong []error) {
	for _, field := range dest.Fields {
		found, ok := ix.fields[field.Name]
		if object, kind := ix.noObject(field.Name); object != "" {
			wrong = append(wrong, mismatch("reindex into an index where it is an object, or give the field another name in the mapping",
				"field %s of index [%s] is %s, where an object is wanted for %s", object, ix.name, kind, field.Name))
			continue
		}
		if !ok {
			missing = append(missing, field)
			continue
		}
		types, said := fitting(field), saidProperty(dest, field.Name)
		if typ, ok := said["type"]; ok {
			types = []string{fmt.Sprint(typ)}
		}
		if kind := fmt.Sprint(found["type"]); !slices.Contains(types, kind) {
			wrong = append(wrong, mismatch("reindex into an index with that type, or give the field another name in the mapping",
				"field %s of index [%s] is %s, where %s is wanted (%s)", field.Name, ix.name, kind, types[0], field.Native))
			continue
		}
		want := overridden(propertyOf(field), said)
		for _, parameter := range []string{"scaling_factor", "dims"} { // of types that are asked for
			if value, ok := want[parameter].(int); ok && found[parameter] != float64(value) {
				wrong = append(wrong, mismatch("reindex into an index with that, or say in the mapping what the index has",
					"field %s of index [%s] has %s %v, where %d is wanted", field.Name, ix.name, parameter, found[parameter], value))
			}
		}
	}
	return missing, wrong
}

// otherRouting: documents that were routed otherwise would not be found, and a second one of the same id made beside each.
func (ix index) otherRouting(dest *targets.Destination) []error {
	want := routingOf(dest)
	switch {
	case ix.ours != nil && !slices.Equal(ix.ours.Routing, want):
		return []error{mismatch("give the mapping another destination with `to`, or remove the index", "documents of index [%s] are routed by %s, and the mapping says %s",
			ix.name, byColumns(ix.ours.Routing), byColumns(want))}
	case ix.ours == nil && ix.routed && len(want) == 0:
		return []error{mismatch("say `routing` under `elastic` in the mapping", "index [%s] takes no document without a routing", ix.name)}
	}
	return nil
}

func byColumns(columns []string) string {
	if len(columns) == 0 {
		return "their ids"
	}
	return strings.Join(columns, ", ")
}

// noObject returns the first part of a field's path that is there and no object, and its type; "" if there is none.
func (ix index) noObject(path string) (object, kind string) {
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if found, ok := ix.fields[path[:i]]; ok && found["type"] != "object" && found["type"] != "nested" {
			return path[:i], fmt.Sprint(found["type"])
		}
	}
	return "", ""
}

func jsonBody(value any) (*bytes.Reader, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.NewReader(text), nil
}
