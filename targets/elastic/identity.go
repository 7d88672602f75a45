package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Identifier = (*Target)(nil)

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

var _ targets.Marker = (*Target)(nil)

// marksIndex holds one document per state.
const marksIndex = "meepo-replicate-marks"

// storedMark is a document of marksIndex.
type storedMark struct {
	Number   int64  `json:"number"`
	Position string `json:"position"`
	At       string `json:"at"` // by our clock, for people
}

// ReadMark gets the document of the state.
func (t *Target) ReadMark(ctx context.Context, state string) (targets.Mark, error) {
	var answer struct {
		Source storedMark `json:"_source"`
	}
	err := t.client.do(ctx, esapi.GetRequest{Index: marksIndex, DocumentID: state}, &answer)
	if hasStatus(err, http.StatusNotFound) {
		return targets.Mark{}, nil
	}
	if err != nil {
		return targets.Mark{}, fmt.Errorf("read mark: %w", err)
	}
	return targets.Mark{Number: answer.Source.Number, Position: answer.Source.Position}, nil
}

// WriteMark replaces the document of the state, and makes the index first where there is none. The mark's
// number is the document's version, so that a request that lands late replaces nothing.
func (t *Target) WriteMark(ctx context.Context, state string, mark targets.Mark) error {
	body, err := jsonBody(storedMark{Number: mark.Number, Position: mark.Position, At: time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	if err := t.makeMarks(ctx); err != nil {
		return fmt.Errorf("make index of marks: %w", err)
	}
	version := int(mark.Number)
	request := esapi.IndexRequest{Index: marksIndex, DocumentID: state, Body: body, Version: &version, VersionType: "external_gte"}
	if err := t.client.do(ctx, request, nil); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	return nil
}

// makeMarks makes the index once per process; one that is deleted meanwhile is made anew by the next.
func (t *Target) makeMarks(ctx context.Context) error {
	if t.marksMade.Load() {
		return nil
	}
	body, err := jsonBody(property{
		"settings": property{"index.hidden": true, "index.number_of_shards": 1, "index.auto_expand_replicas": "0-1"},
		"mappings": property{"dynamic": "strict", "properties": property{
			"number": property{"type": "long"}, "at": property{"type": "date"},
			"position": property{"type": "keyword", "index": false, "doc_values": false},
		}},
	})
	if err != nil {
		return err
	}
	err = t.client.do(ctx, esapi.IndicesCreateRequest{Index: marksIndex, Body: body}, nil)
	var answer *statusError
	if errors.As(err, &answer) && answer.Type == "resource_already_exists_exception" {
		err = nil
	}
	if err == nil {
		t.marksMade.Store(true)
	}
	return err
}
