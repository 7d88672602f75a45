package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// docsPage is how many documents one search of Docs asks for.
const docsPage = 5000

// Elastic is one test's part of an Elasticsearch server: all indexes whose names
// begin with Prefix.
type Elastic struct {
	URL    string // http://host:port, without a slash at the end
	Prefix string // random, lower case
}

// OpenElastic gives the test a prefix of its own on the shared Elasticsearch of
// MEEPO_TEST_ELASTIC_URL. Every index Prefix* is deleted when the test ends.
func OpenElastic(t testing.TB) *Elastic {
	t.Helper()
	return OpenElasticNames(t, randomName("t")+"-")
}

// OpenElasticNames is OpenElastic for a prefix of the test's choice, which no other test may have.
func OpenElasticNames(t testing.TB, prefix string) *Elastic {
	t.Helper()
	server := serverEnv(t, elasticEnv, "Elasticsearch")
	e := &Elastic{URL: strings.TrimRight(server, "/"), Prefix: prefix}
	t.Cleanup(func() {
		if err := e.deleteIndexes(); err != nil {
			t.Errorf("servertest: delete indexes %s*: %v", e.Prefix, err)
		}
	})
	return e
}

// deleteIndexes resolves the names first: a server refuses to delete by wildcard.
func (e *Elastic) deleteIndexes() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var indexes []struct{ Index string }
	if err := e.call(ctx, http.MethodGet, "/_cat/indices/"+e.Prefix+"*?format=json&h=index&expand_wildcards=all", nil, &indexes); err != nil {
		return err
	}
	for _, i := range indexes {
		if err := e.call(ctx, http.MethodDelete, "/"+url.PathEscape(i.Index), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Do sends a request and returns the answer, whatever its status. body may be
// nil, a string, a []byte, or a value that is sent as JSON. A path ending in
// _bulk is sent as NDJSON.
func (e *Elastic) Do(t testing.TB, method, path string, body any) (status int, answer []byte) {
	t.Helper()
	status, answer, err := e.do(t.Context(), method, path, body)
	if err != nil {
		t.Fatalf("elastic: %v", err)
	}
	return status, answer
}

// Refresh makes all writes to the index visible to searches.
func (e *Elastic) Refresh(t testing.TB, index string) {
	t.Helper()
	if err := e.call(t.Context(), http.MethodPost, "/"+index+"/_refresh", nil, nil); err != nil {
		t.Fatalf("elastic: %v", err)
	}
}

// Count refreshes the index and returns the number of its documents.
func (e *Elastic) Count(t testing.TB, index string) int {
	t.Helper()
	e.Refresh(t, index)
	var answer struct{ Count int }
	if err := e.call(t.Context(), http.MethodGet, "/"+index+"/_count", nil, &answer); err != nil {
		t.Fatalf("elastic: %v", err)
	}
	return answer.Count
}

// Docs refreshes the index and returns all its documents by their ids. Numbers
// are json.Numbers, so that none is rounded.
func (e *Elastic) Docs(t testing.TB, index string) map[string]map[string]any {
	t.Helper()
	e.Refresh(t, index)
	docs, err := e.allDocs(t.Context(), index)
	if err != nil {
		t.Fatalf("elastic: read all documents of %s: %v", index, err)
	}
	return docs
}

type searchHit struct {
	ID     string            `json:"_id"`
	Source map[string]any    `json:"_source"`
	Sort   []json.RawMessage `json:"sort"`
}

func (e *Elastic) allDocs(ctx context.Context, index string) (map[string]map[string]any, error) {
	var pit struct{ ID string }
	if err := e.call(ctx, http.MethodPost, "/"+index+"/_pit?keep_alive=1m", nil, &pit); err != nil {
		return nil, err
	}
	docs := map[string]map[string]any{}
	search := map[string]any{"size": docsPage, "track_total_hits": false, "sort": []string{"_shard_doc"}}
	for {
		search["pit"] = map[string]string{"id": pit.ID, "keep_alive": "1m"}
		var page struct {
			PIT  string `json:"pit_id"`
			Hits struct{ Hits []searchHit }
		}
		if err := e.call(ctx, http.MethodPost, "/_search", search, &page); err != nil {
			return nil, err
		}
		for _, hit := range page.Hits.Hits {
			docs[hit.ID] = hit.Source
		}
		if n := len(page.Hits.Hits); n < docsPage {
			return docs, e.call(ctx, http.MethodDelete, "/_pit", map[string]string{"id": page.PIT}, nil)
		}
		pit.ID = page.PIT
		search["search_after"] = page.Hits.Hits[docsPage-1].Sort
	}
}

// call sends a request that must succeed and decodes its answer.
func (e *Elastic) call(ctx context.Context, method, path string, body, answer any) error {
	status, data, err := e.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, status, data)
	}
	if answer == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(answer); err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return nil
}

func (e *Elastic) do(ctx context.Context, method, path string, body any) (int, []byte, error) {
	data, err := encodeBody(body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: encode body: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, e.URL+"/"+strings.TrimPrefix(path, "/"), bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	if len(data) > 0 {
		req.Header.Set("Content-Type", contentType(req.URL.Path))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return resp.StatusCode, answer, nil
}

func contentType(path string) string {
	if strings.HasSuffix(path, "/_bulk") {
		return "application/x-ndjson"
	}
	return "application/json"
}

func encodeBody(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(b), nil
	case []byte:
		return b, nil
	default:
		return json.Marshal(b)
	}
}
