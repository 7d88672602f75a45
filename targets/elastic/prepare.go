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

// Prepare makes sure that each destination is an alias with an index behind it that takes its
// documents. It looks at all of them before it makes or changes anything.
func (t *Target) Prepare(ctx context.Context, dests []*targets.Destination) error {
	todo := make([]*work, len(dests))
	var wrong []error
	for i, dest := range dests {
		w, unfit, err := t.examine(ctx, dest)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", dest.Name, err)
		}
		todo[i] = w
		for _, err := range unfit {
			wrong = append(wrong, fmt.Errorf("prepare %s: %w", dest.Name, err))
		}
	}
	if len(wrong) > 0 {
		return joined(wrong)
	}
	for _, w := range todo {
		if err := t.carryOut(ctx, w); err != nil {
			return fmt.Errorf("prepare %s: %w", w.dest.Name, err)
		}
		if len(routingOf(w.dest)) > 0 {
			t.routed.Store(w.dest.Name, true)
		} else {
			t.routed.Delete(w.dest.Name)
		}
	}
	return nil
}

// joined is errors.Join, and a single error itself.
func joined(wrong []error) error {
	if len(wrong) == 1 {
		return wrong[0]
	}
	return errors.Join(wrong...)
}

// work is what is to be done for a destination.
type work struct {
	dest    *targets.Destination
	index   *index          // what is there; nil: nothing
	unnamed bool            // the index lacks its alias
	missing []targets.Field // what the index lacks
}

// examine looks at what stands where a destination is to be, and changes nothing. It returns what is
// to be done, or why the destination cannot be: names that Elasticsearch does not allow, ErrMismatch.
func (t *Target) examine(ctx context.Context, dest *targets.Destination) (*work, []error, error) {
	w := &work{dest: dest}
	if err := checkDestination(dest); err != nil {
		return w, []error{&targets.HintError{Err: err, Advice: "change `to`, the field or the options in the mapping"}}, nil
	}
	err := t.checkPipeline(ctx, dest)
	if err != nil {
		if errors.Is(err, targets.ErrMismatch) {
			return w, []error{err}, nil
		}
		return w, nil, err
	}
	if w.index, err = t.behind(ctx, dest.Name); err == nil && w.index == nil {
		w.index, w.unnamed, err = t.withoutAlias(ctx, dest.Name)
	}
	switch {
	case errors.Is(err, targets.ErrMismatch):
		return w, []error{err}, nil
	case err != nil || w.index == nil:
		return w, nil, err
	}
	var wrong []error
	w.missing, wrong = w.index.compare(dest)
	return w, append(wrong, w.index.otherRouting(dest)...), nil
}

func checkDestination(dest *targets.Destination) error {
	return errors.Join(CheckName(dest.Name), CheckFields(dest.Fields), CheckOptions(dest))
}

// checkPipeline looks for the pipeline that documents go through: without it each would be refused.
func (t *Target) checkPipeline(ctx context.Context, dest *targets.Destination) error {
	name := pipelineOf(dest)
	if name == "" {
		return nil
	}
	err := t.client.do(ctx, esapi.IngestGetPipelineRequest{PipelineID: name}, nil)
	switch {
	case hasStatus(err, http.StatusNotFound):
		return mismatch("make it with PUT /_ingest/pipeline/"+name+", or leave `pipeline` out of the mapping", "there is no ingest pipeline [%s]", name)
	case errors.Is(err, targets.ErrDenied):
		return nil // it takes a privilege that writing does not
	}
	return err
}

// carryOut does what examine has found to be done.
func (t *Target) carryOut(ctx context.Context, w *work) error {
	if w.index == nil {
		there, err := t.create(ctx, w.dest)
		if err != nil || !there {
			return err
		}
		// Another process has made it since we looked.
		again, wrong, err := t.examine(ctx, w.dest)
		if err == nil {
			err = joined(wrong)
		}
		if err != nil {
			return err
		}
		if w = again; w.index == nil {
			return fmt.Errorf("index %s%s came and went again", w.dest.Name, firstSuffix)
		}
	}
	if w.unnamed {
		if err := t.putAlias(ctx, w.index.name, w.dest.Name); err != nil {
			return err
		}
	}
	if len(w.missing) == 0 {
		return nil
	}
	return t.addFields(ctx, w)
}

// create makes the index with its alias in one request. It reports whether the index was there
// already, and still has to be examined.
func (t *Target) create(ctx context.Context, dest *targets.Destination) (there bool, err error) {
	body, err := jsonBody(blueprint(dest))
	if err != nil {
		return false, err
	}
	name := dest.Name + firstSuffix
	err = t.client.do(ctx, esapi.IndicesCreateRequest{Index: name, Body: body}, nil)
	var answer *statusError
	if errors.As(err, &answer) && answer.Type == "resource_already_exists_exception" {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("create index %s: %w", name, err)
		if hasStatus(err, http.StatusBadRequest) {
			err = &targets.HintError{Err: err, Advice: "look at the types that the mapping asks for, and at settings and mappings under `elastic`"}
		}
		return false, err
	}
	t.config.Logger.Info("index created", "index", name, "alias", dest.Name)
	return false, nil
}

// withoutAlias looks for an index that has the name of a destination's first one and is not behind the
// alias: ours may have had its alias taken away. One that is ours and empty can have it back, which
// the second result says.
func (t *Target) withoutAlias(ctx context.Context, dest string) (*index, bool, error) {
	name := dest + firstSuffix
	found, err := t.lookUp(ctx, name)
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	if _, there := found[0].aliases[dest]; there { // made by another process since we looked for the alias
		ix, err := t.behind(ctx, dest)
		return ix, false, err
	}
	advice := fmt.Sprintf(`remove the index, or put it behind the alias: POST /_aliases {"actions":[{"add":{"index":%q,"alias":%q,"is_write_index":true}}]}`, name, dest)
	if len(found) != 1 || found[0].name != name || !found[0].made(dest) {
		return nil, false, mismatch(advice, "index [%s] exists without the alias [%s] and was not made for it", name, dest)
	}
	if err := t.refresh(ctx, name); err != nil {
		return nil, false, err
	}
	var answer struct{ Count int64 }
	if err := t.client.do(ctx, esapi.CountRequest{Index: []string{name}}, &answer); err != nil {
		return nil, false, fmt.Errorf("count documents of %s: %w", name, err)
	}
	if answer.Count > 0 {
		return nil, false, mismatch(advice, "index [%s] exists without the alias [%s] and holds %d documents", name, dest, answer.Count)
	}
	return &found[0], true, nil
}

// putAlias puts an index behind a destination's alias.
func (t *Target) putAlias(ctx context.Context, name, dest string) error {
	body, err := jsonBody(property{"actions": []any{property{"add": property{"index": name, "alias": dest, "is_write_index": true}}}})
	if err != nil {
		return err
	}
	if err := t.client.do(ctx, esapi.IndicesUpdateAliasesRequest{Body: body}, nil); err != nil {
		return fmt.Errorf("put alias %s on %s: %w", dest, name, err)
	}
	t.config.Logger.Info("alias restored on an empty index", "index", name, "alias", dest)
	return nil
}

// addFields extends the index. The limit of fields is raised on an index that we made; another's
// owner is told by the server's own error.
func (t *Target) addFields(ctx context.Context, w *work) error {
	ix, fields := w.index, w.missing
	properties, count := propertiesOf(w.dest, fields)
	count += countFields(ix.fields)
	limit := usualFieldLimit
	if text, ok := ix.setting(fieldLimit); ok {
		if n, err := strconv.Atoi(text); err == nil {
			limit = n
		}
	}
	if count > limit && ix.ours != nil {
		if err := t.putSettings(ctx, ix.name, property{fieldLimit: count + spareFields}); err != nil {
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

func countFields(fields map[string]property) int {
	count := len(fields)
	for field := range maps.Values(fields) {
		count += countInner(field)
	}
	return count
}
