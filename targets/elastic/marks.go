package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Marker = (*Target)(nil)

// marksIndex holds one document per state.
const marksIndex = "meepo-replicate-marks"

// storedMark is a document of marksIndex.
type storedMark struct {
	Number   int64  `json:"number"`
	Position string `json:"position"`
	Ceiling  int64  `json:"ceiling"`
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
	return targets.Mark{Number: answer.Source.Number, Position: answer.Source.Position, Ceiling: answer.Source.Ceiling}, nil
}

// WriteMark replaces the document of the state, and makes the index first where there is none. The mark's
// number is the document's version, so that a request that lands late replaces nothing.
func (t *Target) WriteMark(ctx context.Context, state string, mark targets.Mark) error {
	body, err := jsonBody(storedMark{
		Number: mark.Number, Position: mark.Position, Ceiling: mark.Ceiling, At: time.Now().UTC().Format(time.RFC3339),
	})
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

// Ceiling looks for the highest one of all documents, after it has made them searchable.
func (t *Target) Ceiling(ctx context.Context) (int64, error) {
	err := t.refresh(ctx, marksIndex)
	if hasStatus(err, http.StatusNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for the highest mark: %w", err)
	}
	body, err := jsonBody(property{
		"size": 1, "track_total_hits": false,
		"sort": property{"ceiling": property{"order": "desc", "missing": "_last", "unmapped_type": "long"}},
	})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				Source storedMark `json:"_source"`
			}
		}
	}
	partial := false
	if err := t.client.do(ctx, esapi.SearchRequest{Index: []string{marksIndex}, Body: body, AllowPartialSearchResults: &partial}, &answer); err != nil {
		return 0, fmt.Errorf("look for the highest mark: %w", err)
	}
	if len(answer.Hits.Hits) == 0 {
		return 0, nil
	}
	return answer.Hits.Hits[0].Source.Ceiling, nil
}

// marksBlueprint is the body of the request that makes the index.
func marksBlueprint() property {
	return property{
		"settings": property{"index.hidden": true, "index.number_of_shards": 1, "index.auto_expand_replicas": "0-1"},
		"mappings": property{"dynamic": "strict", "properties": property{
			"number": property{"type": "long"}, "ceiling": property{"type": "long"}, "at": property{"type": "date"},
			"position": property{"type": "keyword", "index": false, "doc_values": false},
		}},
	}
}

// makeMarks makes the index once per process; one that is deleted meanwhile is made anew by the next.
func (t *Target) makeMarks(ctx context.Context) error {
	if t.marksMade.Load() {
		return nil
	}
	blueprint := marksBlueprint()
	body, err := jsonBody(blueprint)
	if err != nil {
		return err
	}
	err = t.client.do(ctx, esapi.IndicesCreateRequest{Index: marksIndex, Body: body}, nil)
	var answer *statusError
	if errors.As(err, &answer) && answer.Type == "resource_already_exists_exception" {
		if body, err = jsonBody(blueprint["mappings"]); err != nil {
			return err
		}
		// It may be of a program that knew fewer fields.
		err = t.client.do(ctx, esapi.IndicesPutMappingRequest{Index: []string{marksIndex}, Body: body}, nil)
	}
	if err == nil {
		t.marksMade.Store(true)
	}
	return err
}
