package elastic_test

import (
	"net/http"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// bulk calls the method of a target that was just opened, as a process that was started anew would.
func bulk(t *testing.T, server *servertest.Elastic, dest *targets.Destination, call func(*elastic.Target) error) indexAnswer {
	t.Helper()
	if err := call(open(t, elastic.Config{URLs: []string{server.URL}})); err != nil {
		t.Fatal(err)
	}
	return getIndex(t, server, dest.Name)
}

func TestBulkMode_SetAndRestoredByAnother(t *testing.T) {
	server, _, dest := real(t, plainDest)
	begin := func(target *elastic.Target) error { return target.BeginBulk(t.Context(), dest.Name) }
	end := func(target *elastic.Target) error { return target.EndBulk(t.Context(), dest.Name) }
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"/_settings", map[string]any{"index.number_of_replicas": 2}, http.StatusOK)

	for range 2 { // again after a crash
		index := bulk(t, server, dest, begin)
		if index.Settings["index.refresh_interval"] != "-1" || index.Settings["index.number_of_replicas"] != "0" {
			t.Errorf("in bulk mode: %v", index.Settings)
		}
	}
	for range 2 {
		index := bulk(t, server, dest, end)
		if _, set := index.Settings["index.refresh_interval"]; set || index.Settings["index.number_of_replicas"] != "2" {
			t.Errorf("restored: %v", index.Settings)
		}
		if index.Mappings.Meta["meepo"]["bulk"] != nil || index.Mappings.Meta["meepo"]["destination"] != dest.Name {
			t.Errorf("_meta: %v", index.Mappings.Meta)
		}
	}
}

func TestBulkMode_KeepsRefreshIntervalAndOthersMeta(t *testing.T) {
	server, target, dest := real(t, plainDest)
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"/_settings", map[string]any{"index.refresh_interval": "7s"}, http.StatusOK)
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"/_mapping", map[string]any{"_meta": map[string]any{
		"theirs": map[string]any{"a": 1}, "meepo": map[string]any{"format": 1, "destination": dest.Name}}}, http.StatusOK)
	bulk(t, server, dest, func(target *elastic.Target) error { return target.BeginBulk(t.Context(), dest.Name) })
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "a", nil)}); err != nil {
		t.Fatal(err)
	}
	index := bulk(t, server, dest, func(target *elastic.Target) error { return target.EndBulk(t.Context(), dest.Name) })
	if index.Settings["index.refresh_interval"] != "7s" || index.Mappings.Meta["theirs"]["a"] != 1.0 {
		t.Errorf("restored: %v, _meta %v", index.Settings, index.Mappings.Meta)
	}
	// What was written in bulk mode is found without a refresh of the searcher's.
	status, answer := server.Do(t, http.MethodGet, "/"+dest.Name+"/_search?filter_path=hits.total.value", nil)
	if status != http.StatusOK || string(answer) != `{"hits":{"total":{"value":1}}}` {
		t.Errorf("search: %d, %s", status, answer)
	}
}

func TestBulkMode_NotWhereSomebodySearches(t *testing.T) {
	server, _, dest := real(t, plainDest)
	wantStatus(t, server, http.MethodGet, "/"+dest.Name+"/_search", nil, http.StatusOK)
	index := bulk(t, server, dest, func(target *elastic.Target) error { return target.BeginBulk(t.Context(), dest.Name) })
	if _, set := index.Settings["index.refresh_interval"]; set || index.Mappings.Meta["meepo"]["bulk"] != nil {
		t.Errorf("settings: %v", index.Settings)
	}
}

func TestBulkMode_NotOnAnothersIndex(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "own")
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"-x", map[string]any{"aliases": map[string]any{dest.Name: map[string]any{}}}, http.StatusOK)
	for _, call := range []func(target *elastic.Target) error{
		func(target *elastic.Target) error { return target.BeginBulk(t.Context(), dest.Name) },
		func(target *elastic.Target) error { return target.EndBulk(t.Context(), dest.Name) },
	} {
		index := bulk(t, server, dest, call)
		if _, set := index.Settings["index.refresh_interval"]; set || index.Settings["index.number_of_replicas"] != "1" || len(index.Mappings.Meta) != 0 {
			t.Errorf("settings: %v, _meta %v", index.Settings, index.Mappings.Meta)
		}
	}
}

func TestBulkMode_NoSuchDestination(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	if err := target.BeginBulk(t.Context(), server.Prefix+"none"); err != nil {
		t.Error(err)
	}
	if err := target.EndBulk(t.Context(), server.Prefix+"none"); err != nil {
		t.Error(err)
	}
}
