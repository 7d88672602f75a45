package elastic

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	_ targets.Identifier = (*Target)(nil)
	_ targets.Counter    = (*Target)(nil)
	_ targets.Lister     = (*Target)(nil)
)

// Count counts what a search would find.
func (t *Target) Count(ctx context.Context, dest string) (int64, bool, error) {
	var answer struct {
		Count int64 `json:"count"`
	}
	err := t.client.do(ctx, esapi.CountRequest{Index: []string{dest}}, &answer)
	if hasStatus(err, http.StatusNotFound) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("count %s: %w", dest, err)
	}
	return answer.Count, true, nil
}

// List names the aliases that begin with a prefix.
func (t *Target) List(ctx context.Context, prefix string) ([]string, error) {
	var indices map[string]struct {
		Aliases map[string]struct{} `json:"aliases"`
	}
	err := t.client.do(ctx, esapi.IndicesGetAliasRequest{Name: []string{prefix + "*"}}, &indices)
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		return nil, fmt.Errorf("list aliases %s*: %w", prefix, err)
	}
	names := map[string]bool{}
	for _, index := range indices {
		for name := range index.Aliases {
			if strings.HasPrefix(name, prefix) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// shardsPatience is how long Identify waits for shards that are not assigned yet, as after a restart.
const shardsPatience = 30 * time.Second

// Identify names the index behind the alias: its uuid, and the history of each primary shard. An index
// that is made anew gets another uuid; a shard that is restored from a snapshot, or that was forced to
// begin with a stale or empty copy, begins another history.
func (t *Target) Identify(ctx context.Context, dest string) (string, error) {
	ix, err := t.behind(ctx, dest)
	if err != nil || ix == nil {
		return "", err
	}
	shards, _ := ix.setting("index.number_of_shards")
	for waited := false; ; waited = true {
		histories, err := t.histories(ctx, ix.name)
		if err != nil {
			return "", fmt.Errorf("identify index %s: %w", ix.name, err)
		}
		if fmt.Sprint(len(histories)) == shards {
			uuid, _ := ix.setting("index.uuid")
			return uuid + "/" + strings.Join(histories, ","), nil
		}
		if waited {
			return "", fmt.Errorf("identify index %s: %d of its %s primary shards are available", ix.name, len(histories), shards)
		}
		err = t.client.do(ctx, esapi.ClusterHealthRequest{Index: []string{ix.name}, WaitForStatus: "yellow", Timeout: shardsPatience}, nil)
		if err != nil && !hasStatus(err, http.StatusRequestTimeout) {
			return "", fmt.Errorf("wait for the shards of %s: %w", ix.name, err)
		}
	}
}

// histories lists the history of each primary shard that is available, by the shard's number.
func (t *Target) histories(ctx context.Context, name string) ([]string, error) {
	var answer struct {
		Indices map[string]struct {
			Shards map[string][]struct {
				Routing struct{ Primary bool }
				Commit  struct {
					UserData struct {
						History string `json:"history_uuid"`
					} `json:"user_data"`
				}
			}
		}
	}
	if err := t.client.do(ctx, esapi.IndicesStatsRequest{Index: []string{name}, Metric: []string{"docs"}, Level: "shards"}, &answer); err != nil {
		return nil, err
	}
	var list []string
	for number, copies := range answer.Indices[name].Shards {
		for _, shard := range copies {
			if shard.Routing.Primary {
				list = append(list, number+":"+shard.Commit.UserData.History)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}
