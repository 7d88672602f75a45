package elastic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// gcDeletes is how long the server remembers versions of deleted documents. A request that was
// given up may still be carried out as long as it lives somewhere on its way.
const gcDeletes = "1h"

// Elasticsearch takes 1000 fields unless an index says otherwise. Ours leave room for some more.
const (
	usualFieldLimit = 1000
	spareFields     = 200
)

// Prepare makes sure that each destination is an alias with an index behind it that takes its
// documents.
func (t *Target) Prepare(ctx context.Context, dests []*targets.Destination) error {
	for _, dest := range dests {
		if err := t.prepare(ctx, dest); err != nil {
			return fmt.Errorf("prepare %s: %w", dest.Name, err)
		}
	}
	return nil
}

func (t *Target) prepare(ctx context.Context, dest *targets.Destination) error {
	if err := errors.Join(CheckName(dest.Name), CheckFields(dest.Fields)); err != nil {
		return &targets.HintError{Err: err, Advice: "change `to` or the field's name in the mapping"}
	}
	found, err := t.behind(ctx, dest.Name)
	if err != nil {
		return err
	}
	if found == nil {
		if found, err = t.create(ctx, dest); err != nil || found == nil {
			return err
		}
	}
	missing, err := found.compare(dest.Fields)
	if err != nil || len(missing) == 0 {
		return err
	}
	return t.addFields(ctx, found, missing)
}

// create makes the index with its alias in one request. It returns an index only if that was there
// already and still has to be compared.
func (t *Target) create(ctx context.Context, dest *targets.Destination) (*index, error) {
	properties, count := propertiesOf(dest.Fields)
	settings := property{"index.gc_deletes": gcDeletes}
	if count > usualFieldLimit-spareFields {
		settings["index.mapping.total_fields.limit"] = count + spareFields
	}
	body, err := jsonBody(property{
		"settings": settings,
		"mappings": property{
			"dynamic":    "strict",
			"_meta":      property{"meepo": meta{Format: metaFormat, Destination: dest.Name}},
			"properties": properties,
		},
		"aliases": property{dest.Name: property{"is_write_index": true}},
	})
	if err != nil {
		return nil, err
	}
	name := dest.Name + firstSuffix
	err = t.client.do(ctx, esapi.IndicesCreateRequest{Index: name, Body: body}, nil)
	var answer *statusError
	if errors.As(err, &answer) && answer.Type == "resource_already_exists_exception" {
		return t.adopt(ctx, dest.Name, name)
	}
	if err != nil {
		return nil, fmt.Errorf("create index %s: %w", name, err)
	}
	t.config.Logger.Info("index created", "index", name, "alias", dest.Name)
	return nil, nil
}

// adopt handles an index that has the name but was not behind the alias a moment ago: another
// process made it just now, or ours had its alias taken away.
func (t *Target) adopt(ctx context.Context, dest, name string) (*index, error) {
	if found, err := t.behind(ctx, dest); found != nil || err != nil {
		return found, err
	}
	advice := fmt.Sprintf(`remove the index, or put it behind the alias: POST /_aliases {"actions":[{"add":{"index":%q,"alias":%q,"is_write_index":true}}]}`, name, dest)
	found, err := t.lookUp(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 || found[0].name != name || !found[0].made(dest) {
		return nil, mismatch(advice, "index [%s] exists without the alias [%s] and was not made for it", name, dest)
	}
	if err := t.refresh(ctx, name); err != nil {
		return nil, err
	}
	var answer struct{ Count int64 }
	if err := t.client.do(ctx, esapi.CountRequest{Index: []string{name}}, &answer); err != nil {
		return nil, fmt.Errorf("count documents of %s: %w", name, err)
	}
	if answer.Count > 0 {
		return nil, mismatch(advice, "index [%s] exists without the alias [%s] and holds %d documents", name, dest, answer.Count)
	}
	body, err := jsonBody(property{"actions": []any{property{"add": property{"index": name, "alias": dest, "is_write_index": true}}}})
	if err != nil {
		return nil, err
	}
	if err := t.client.do(ctx, esapi.IndicesUpdateAliasesRequest{Body: body}, nil); err != nil {
		return nil, fmt.Errorf("put alias %s on %s: %w", dest, name, err)
	}
	t.config.Logger.Info("alias restored on an empty index", "index", name, "alias", dest)
	return &found[0], nil
}

// addFields extends the index. The limit of fields is raised on an index that we made; another's
// owner is told by the server's own error.
func (t *Target) addFields(ctx context.Context, ix *index, fields []targets.Field) error {
	properties, count := propertiesOf(fields)
	count += countFields(ix.fields)
	limit := usualFieldLimit
	if text, ok := ix.setting("index.mapping.total_fields.limit"); ok {
		if n, err := strconv.Atoi(text); err == nil {
			limit = n
		}
	}
	if count > limit && ix.ours != nil {
		if err := t.putSettings(ctx, ix.name, property{"index.mapping.total_fields.limit": count + spareFields}); err != nil {
			return fmt.Errorf("raise the limit of fields: %w", err)
		}
	}
	body, err := jsonBody(property{"properties": properties})
	if err != nil {
		return err
	}
	err = t.client.do(ctx, esapi.IndicesPutMappingRequest{Index: []string{ix.name}, Body: body}, nil)
	if hasStatus(err, http.StatusBadRequest) {
		return mismatch("add the fields by hand, or leave them out of the mapping", "index [%s] does not take %d more fields: %s", ix.name, len(fields), err)
	}
	if err != nil {
		return fmt.Errorf("add %d fields to %s: %w", len(fields), ix.name, err)
	}
	t.config.Logger.Info("fields added", "index", ix.name, "fields", len(fields))
	return nil
}

func (t *Target) putSettings(ctx context.Context, name string, settings property) error {
	body, err := jsonBody(settings)
	if err != nil {
		return err
	}
	return t.client.do(ctx, esapi.IndicesPutSettingsRequest{Index: []string{name}, Body: body}, nil)
}

// propertiesOf renders the fields of a new index and counts them as Elasticsearch does, with
// multi-fields.
func propertiesOf(fields []targets.Field) (property, int) {
	properties, count := property{}, 0
	for _, field := range fields {
		p := propertyOf(field)
		properties[field.Name] = p
		count++
		if inner, ok := p["fields"].(property); ok {
			count += len(inner)
		}
	}
	return properties, count
}

func countFields(fields map[string]property) int {
	count := len(fields)
	for field := range maps.Values(fields) {
		if inner, ok := field["fields"].(map[string]any); ok {
			count += len(inner)
		}
	}
	return count
}
