package elastic

import (
	"context"
	"fmt"
	"maps"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.BulkMode = (*Target)(nil)

const (
	refreshSetting  = "index.refresh_interval"
	replicasSetting = "index.number_of_replicas"
)

// BeginBulk switches off refreshes and replicas of an index that this product made, that holds nothing
// yet, and that nobody has searched. The values to restore are put into the index's _meta before anything changes,
// so that a crash at any point leaves them there.
func (t *Target) BeginBulk(ctx context.Context, dest string) error {
	ix, err := t.behind(ctx, dest)
	if err != nil {
		return fmt.Errorf("begin bulk mode of %s: %w", dest, err)
	}
	if ix == nil || !ix.made(dest) {
		return nil
	}
	if ix.ours.Bulk == nil {
		stats, err := t.stats(ctx, ix.name)
		if err != nil {
			return fmt.Errorf("begin bulk mode of %s: %w", dest, err)
		}
		if stats.used() || stats.Docs.Count > 0 {
			t.config.Logger.Info("no bulk mode: the index is in use", "index", ix.name)
			return nil
		}
		marked := *ix.ours
		marked.Bulk = &bulkSettings{RefreshInterval: ix.optional(refreshSetting), Replicas: ix.optional(replicasSetting)}
		if err := t.putMeta(ctx, ix, marked); err != nil {
			return fmt.Errorf("begin bulk mode of %s: %w", dest, err)
		}
	}
	if err := t.putSettings(ctx, ix.name, property{refreshSetting: "-1", replicasSetting: "0"}); err != nil {
		return fmt.Errorf("begin bulk mode of %s: %w", dest, err)
	}
	return nil
}

// EndBulk restores the settings that BeginBulk kept in _meta, makes everything searchable, and only
// then forgets them.
func (t *Target) EndBulk(ctx context.Context, dest string) error {
	ix, err := t.behind(ctx, dest)
	if err != nil {
		return fmt.Errorf("end bulk mode of %s: %w", dest, err)
	}
	if ix == nil || !ix.made(dest) || ix.ours.Bulk == nil {
		return nil
	}
	// A setting that was not there is restored by null.
	restored := property{refreshSetting: ix.ours.Bulk.RefreshInterval, replicasSetting: ix.ours.Bulk.Replicas}
	if err := t.putSettings(ctx, ix.name, restored); err != nil {
		return fmt.Errorf("end bulk mode of %s: %w", dest, err)
	}
	if err := t.refresh(ctx, ix.name); err != nil {
		return fmt.Errorf("end bulk mode of %s: %w", dest, err)
	}
	unmarked := *ix.ours
	unmarked.Bulk = nil
	if err := t.putMeta(ctx, ix, unmarked); err != nil {
		return fmt.Errorf("end bulk mode of %s: %w", dest, err)
	}
	return nil
}

func (ix index) optional(setting string) *string {
	if value, ok := ix.setting(setting); ok {
		return &value
	}
	return nil
}

// putMeta replaces our part of _meta; a mapping update replaces all of it, so the others' parts go
// along.
func (t *Target) putMeta(ctx context.Context, ix *index, ours meta) error {
	all := maps.Clone(ix.meta)
	if all == nil {
		all = map[string]any{}
	}
	all["meepo"] = ours
	body, err := jsonBody(property{"_meta": all})
	if err != nil {
		return err
	}
	if err := t.client.do(ctx, esapi.IndicesPutMappingRequest{Index: []string{ix.name}, Body: body}, nil); err != nil {
		return fmt.Errorf("put _meta of %s: %w", ix.name, err)
	}
	return nil
}

// indexStats is what the server counts of an index, over all its shards.
type indexStats struct {
	Docs struct {
		Count int64 `json:"count"` // as of the last refresh
	} `json:"docs"`
	Search struct {
		Queries int64 `json:"query_total"`
		Open    int64 `json:"open_contexts"`
	} `json:"search"`
}

// used says whether any shard has answered a search since it was last opened.
func (s indexStats) used() bool { return s.Search.Queries > 0 || s.Search.Open > 0 }

func (t *Target) stats(ctx context.Context, name string) (indexStats, error) {
	var answer struct {
		All struct {
			Total indexStats `json:"total"`
		} `json:"_all"`
	}
	if err := t.client.do(ctx, esapi.IndicesStatsRequest{Index: []string{name}, Metric: []string{"search", "docs"}}, &answer); err != nil {
		return indexStats{}, fmt.Errorf("statistics of %s: %w", name, err)
	}
	return answer.All.Total, nil
}

var _ targets.Emptiness = (*Target)(nil)

// Empty refreshes the index, since the server counts what is searchable, and looks at its statistics.
func (t *Target) Empty(ctx context.Context, dest string) (bool, error) {
	ix, err := t.behind(ctx, dest)
	if err != nil {
		return false, fmt.Errorf("look for documents of %s: %w", dest, err)
	}
	if ix == nil {
		return true, nil
	}
	if err := t.refresh(ctx, ix.name); err != nil {
		return false, fmt.Errorf("look for documents of %s: %w", dest, err)
	}
	stats, err := t.stats(ctx, ix.name)
	if err != nil {
		return false, fmt.Errorf("look for documents of %s: %w", dest, err)
	}
	return stats.Docs.Count == 0, nil
}
