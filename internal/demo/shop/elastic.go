package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// The few requests that a look at Elasticsearch needs. They are what a person would send with
// curl, on purpose without the replicator's own client.

type hits struct {
	total int
	took  int // milliseconds
	list  []hit
}

type hit struct {
	ID     string         `json:"_id"`
	Source map[string]any `json:"_source"`
}

func search(ctx context.Context, base, index string, query map[string]any, size int) (hits, error) {
	var answer struct {
		Took int
		Hits struct {
			Total struct{ Value int }
			Hits  []hit
		}
	}
	body := map[string]any{"query": query, "size": size, "track_total_hits": true}
	if err := post(ctx, base, index+"/_search", body, &answer); err != nil {
		return hits{}, err
	}
	return hits{total: answer.Hits.Total.Value, took: answer.Took, list: answer.Hits.Hits}, nil
}

func countDocs(ctx context.Context, base, index string) (int, error) {
	var answer struct{ Count int }
	err := post(ctx, base, index+"/_count", map[string]any{"query": map[string]any{"match_all": map[string]any{}}}, &answer)
	return answer.Count, err
}

func post(ctx context.Context, base, path string, body, answer any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("ask elasticsearch: %w", err)
	}
	index, action, _ := strings.Cut(path, "/")
	address := strings.TrimSuffix(base, "/") + "/" + url.PathEscape(index) + "/" + action
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("ask elasticsearch: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask elasticsearch: %w", err)
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("ask elasticsearch: %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask elasticsearch: %s: %s: %.300s", path, response.Status, content)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // ids and barcodes are larger than a float can hold
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("ask elasticsearch: %s: %w", path, err)
	}
	return nil
}

// text renders a field of a document: plain values as they are, others as JSON.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return v
	case json.Number:
		return v.String()
	}
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(buf.String())
}
