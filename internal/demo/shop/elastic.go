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

	"github.com/meepo-replicate/meepo/targets"
)

// elastic is Elasticsearch, by the few requests that a look at it needs. They are what a person would send with curl.
type elastic struct{ base, shop string }

func openElastic(_ context.Context, address, shop string) (target, error) {
	return elastic{strings.TrimSuffix(address, "/"), shop}, nil
}

func (elastic) close(context.Context) error { return nil }

// place is the alias that a table has without any mapping.
func (e elastic) place(table string) place {
	return place{noun: "index", name: strings.ToLower(e.shop + "." + table), items: "documents"}
}

// found is Elasticsearch's answer to a search.
type found struct {
	Scroll string `json:"_scroll_id"`
	Took   int
	Hits   struct {
		Total struct{ Value int }
		Hits  []struct {
			ID     string         `json:"_id"`
			Source map[string]any `json:"_source"`
		}
	}
}

func (e elastic) one(ctx context.Context, table string, key []string) (map[string]any, error) {
	var answer found
	id := string(targets.JoinID(key...))
	query := map[string]any{"query": map[string]any{"ids": map[string]any{"values": []string{id}}}}
	if err := e.call(ctx, http.MethodPost, e.path(table, "_search"), query, &answer); err != nil || len(answer.Hits.Hits) == 0 {
		return nil, err
	}
	return answer.Hits.Hits[0].Source, nil
}

func (e elastic) count(ctx context.Context, table string) (int, error) {
	var answer struct{ Count int }
	err := e.call(ctx, http.MethodPost, e.path(table, "_count"), map[string]any{"query": map[string]any{"match_all": map[string]any{}}}, &answer)
	return answer.Count, err
}

func (e elastic) search(ctx context.Context, table, column, words string) (hits, error) {
	var answer found
	err := e.call(ctx, http.MethodPost, e.path(table, "_search"), map[string]any{
		"query": map[string]any{"match": map[string]any{column: map[string]any{"query": words, "operator": "and"}}},
		"size":  hitsShown, "track_total_hits": true,
	}, &answer)
	all := hits{total: answer.Hits.Total.Value, took: answer.Took}
	for _, h := range answer.Hits.Hits {
		all.list = append(all.list, hit{h.ID, h.Source})
	}
	return all, err
}

// each reads an index by a scroll.
func (e elastic) each(ctx context.Context, table string, use func(id string, fields map[string]any) error) (err error) {
	const page = 5000
	var answer found
	first := map[string]any{"size": page, "sort": []string{"_doc"}}
	if err := e.call(ctx, http.MethodPost, e.path(table, "_search?scroll=1m"), first, &answer); err != nil {
		return err
	}
	defer func() {
		ended := e.call(ctx, http.MethodDelete, "_search/scroll", map[string]any{"scroll_id": answer.Scroll}, &struct{}{})
		if err == nil {
			err = ended
		}
	}()
	for len(answer.Hits.Hits) > 0 {
		for _, h := range answer.Hits.Hits {
			if err := use(h.ID, h.Source); err != nil {
				return err
			}
		}
		next := map[string]any{"scroll": "1m", "scroll_id": answer.Scroll}
		answer = found{}
		if err := e.call(ctx, http.MethodPost, "_search/scroll", next, &answer); err != nil {
			return err
		}
	}
	return nil
}

func (e elastic) path(table, action string) string {
	return url.PathEscape(e.place(table).name) + "/" + action
}

func (e elastic) call(ctx context.Context, method, path string, body, answer any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("ask elasticsearch: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, e.base+"/"+path, bytes.NewReader(content))
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
