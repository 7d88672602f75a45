package elastic_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestCheck_Templates: a template that matches a new index is named, with what it changes; the one of the highest priority
// counts, and one for data streams keeps the index from being made.
func TestCheck_Templates(t *testing.T) {
	server := servertest.OpenElastic(t)
	put := func(kind, name string, body map[string]any) {
		t.Helper()
		path := "/" + kind + "/" + server.Prefix + name
		wantStatus(t, server, http.MethodPut, path, body, http.StatusOK)
		t.Cleanup(func() {
			request, err := http.NewRequest(http.MethodDelete, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		})
	}
	plain, changed, stream, old := destination(server, "plain"), destination(server, "changed"), destination(server, "stream"), destination(server, "old")
	put("_index_template", "low", map[string]any{"index_patterns": []string{server.Prefix + "ch*"}, "priority": 5000001, "template": map[string]any{"settings": map[string]any{"number_of_replicas": 0}}})
	put("_index_template", "high", map[string]any{"index_patterns": []string{server.Prefix + "chang*"}, "priority": 5000002, "template": map[string]any{
		"settings": map[string]any{"number_of_shards": 3, "gc_deletes": "1m"}, "aliases": map[string]any{server.Prefix + "all": map[string]any{}},
		"mappings": map[string]any{"_source": map[string]any{"excludes": []string{"x"}}, "dynamic": true, "properties": map[string]any{"size": map[string]any{"type": "long"}, "theirs": map[string]any{"type": "keyword"}}}}})
	put("_index_template", "streams", map[string]any{"index_patterns": []string{server.Prefix + "strea*"}, "priority": 5000003, "data_stream": map[string]any{}})
	put("_template", "old", map[string]any{"index_patterns": []string{server.Prefix + "ol*"}, "settings": map[string]any{"number_of_shards": 2},
		"mappings": map[string]any{"properties": map[string]any{"size": map[string]any{"type": "byte", "doc_values": false}}}})
	found := check(t, server.URL, plain, changed, stream, old)
	wantFinding(t, found, targets.Warning, changed.Name, "high] (priority 5000002, patterns "+server.Prefix+"chang*)", "index.number_of_shards = 3", "mappings._source", "fields that no column fills: theirs", "aliases: "+server.Prefix+"all")
	wantFinding(t, found, targets.Fatal, stream.Name, "makes data streams", "another name")
	for _, f := range found {
		if strings.Contains(f.Message, "gc_deletes") || strings.Contains(f.Message, "dynamic") || strings.Contains(f.Message, "fields that no column fills: size") {
			t.Errorf("what is ours wins: %+v", f)
		}
		if f.Subject == plain.Name && f.Severity > targets.Note {
			t.Errorf("%+v", f)
		}
	}
	wantFinding(t, found, targets.Warning, old.Name, "old template ["+server.Prefix+"old]", "index.number_of_shards = 2", "parameters of fields: size")
}
