package elastic_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

type tree = map[string]any

// TestOptions_Routing: documents are where their routing says, and are written, marked, deleted, read and listed there.
func TestOptions_Routing(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := marking(server, "docs")
	dest.Options = tree{"routing": []any{"tenant"}, "settings": tree{"number_of_shards": int64(5)}}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	routed := func(op targets.Op) targets.Op {
		op.Routing = "tenant" + string(op.ID[:1])
		return op
	}
	var ops []targets.Op
	var ids []targets.ID
	for i := range 40 {
		id := targets.ID(fmt.Sprintf("%d|%d", i%4, i))
		ids = append(ids, id)
		ops = append(ops, routed(upsert(dest, id, 1, "a", nil, nil)))
	}
	if err := target.Write(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	read := func(id targets.ID) targets.Doc {
		t.Helper()
		docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{id, "missing"})
		if err != nil || len(docs) != 2 || docs[0].ID != id || docs[1].Found {
			t.Fatalf("read %s: %+v, %v", id, docs, err)
		}
		return docs[0]
	}
	for _, id := range ids {
		if doc := read(id); !doc.Found || doc.Version != 1 {
			t.Errorf("document %s: %+v", id, doc)
		}
	}
	if err := target.Write(t.Context(), []targets.Op{routed(markDeleted(dest, ids[0], 2)), routed(remove(dest, ids[1], 2)), routed(upsert(dest, ids[2], 2, "b", nil, nil))}); err != nil {
		t.Fatal(err)
	}
	if doc := read(ids[0]); string(doc.Body) != `{"name":"a","size":null,"gone":"2026-01-02T03:04:05Z"}` || doc.Version != 2 {
		t.Errorf("marked: %s", doc.Body)
	}
	if doc := read(ids[1]); doc.Found {
		t.Errorf("deleted: %s", doc.Body)
	}
	failed := targettest.ExpectFailures(t, target, []targets.Op{routed(upsert(dest, ids[2], 1, "old", nil, nil)), upsert(dest, "9|9", 1, "lost", nil, nil)}, "0 4 version conflict", "1 3 routing_missing")
	t.Log(failed)
	got, _, err := target.ScanIDs(t.Context(), dest.Name, "", 100)
	want := append([]targets.ID{ids[0]}, ids[2:]...)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("ids %q, %v", got, err)
	}
	status, answer := server.Do(t, http.MethodGet, "/"+dest.Name+"/_search?routing=tenant2&size=0&filter_path=_shards.total,hits.total.value", nil)
	if status != http.StatusOK || !strings.Contains(string(answer), `"total":1`) {
		t.Errorf("a search with a routing: %s", answer)
	}
	for name, change := range map[string]func(*targets.Destination){
		"routed by tenant, and the mapping says their ids": func(d *targets.Destination) { d.Options = nil },
		"routed by tenant, and the mapping says id":        func(d *targets.Destination) { d.Options = tree{"routing": []any{"id"}} },
	} {
		other := *dest
		change(&other)
		wantFinding(t, check(t, server.URL, &other), targets.Fatal, dest.Name, name)
	}
}

// TestOptions_Pipeline: documents go through it. The test server has no processors, but it looks for the pipeline.
func TestOptions_Pipeline(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := marking(server, "docs")
	pipeline := server.Prefix + "clean"
	dest.Options = tree{"pipeline": pipeline}
	wantFinding(t, check(t, server.URL, dest), targets.Fatal, dest.Name, "there is no ingest pipeline ["+pipeline+"]", "PUT /_ingest/pipeline/"+pipeline)
	if status, answer := server.Do(t, http.MethodPut, "/_ingest/pipeline/"+pipeline, `{"processors":[]}`); status != http.StatusOK {
		t.Fatalf("make a pipeline: %s", answer)
	}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "a", nil, nil)}); err != nil {
		t.Fatal(err)
	}
	server.Do(t, http.MethodDelete, "/_ingest/pipeline/"+pipeline, nil)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "2", 1, "b", nil, nil), markDeleted(dest, "1", 2)}, "0 3 illegal_argument_exception: pipeline with id")
	expectBodies(t, target, dest, map[targets.ID]string{"1": `{"name":"a","size":null,"gone":"2026-01-02T03:04:05Z"}`, "2": ""})
}

// TestOptions_Index: an index is made with what the mapping says, one that exists keeps what it has, and check says so.
func TestOptions_Index(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := destination(server, "docs")
	dest.Options = tree{
		"settings": tree{"number_of_shards": int64(2), "analysis": tree{"normalizer": tree{"lower": tree{"type": "custom", "filter": []any{"lowercase"}}}}},
		"mappings": tree{"properties": tree{"name": tree{"type": "keyword", "normalizer": "lower"}, "size": tree{"doc_values": false}, "all": tree{"type": "text"}}},
	}
	for range 2 {
		if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
			t.Fatal(err)
		}
	}
	if found := check(t, server.URL, dest); worst(found) >= targets.Warning {
		t.Errorf("what was made as it was said: %+v", found)
	}
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "ÄB", int64(1))}); err != nil {
		t.Fatal(err)
	}
	server.Refresh(t, dest.Name)
	_, answer := server.Do(t, http.MethodGet, "/"+dest.Name+"/_search?q=name:%C3%A4b&filter_path=hits.total.value,_shards.total", nil)
	if want := `{"_shards":{"total":2},"hits":{"total":{"value":1}}}`; string(answer) != want {
		t.Errorf("a search: %s, want %s", answer, want)
	}

	other := *dest
	other.Options = tree{
		"settings": tree{"number_of_shards": int64(3), "refresh_interval": "30s"},
		"mappings": tree{"properties": tree{"name": tree{"type": "keyword", "normalizer": "other"}, "size": tree{"doc_values": true}}},
	}
	found := check(t, server.URL, &other)
	wantFinding(t, found, targets.Warning, dest.Name, "setting index.number_of_shards of index", "is 2, and the mapping says 3")
	wantFinding(t, found, targets.Warning, dest.Name, "setting index.refresh_interval of index", "is not set, and the mapping says 30s", `_settings {"index.refresh_interval": "30s"}`)
	wantFinding(t, found, targets.Warning, dest.Name+".name", `normalizer is "lower" in index`, `the mapping says "other"`)
	wantFinding(t, found, targets.Warning, dest.Name+".size", "doc_values is false in index", "the mapping says true")
	if err := target.Prepare(t.Context(), []*targets.Destination{&other}); err != nil {
		t.Errorf("what differs in an index that exists: %v", err)
	}
	other.Options = tree{"mappings": tree{"properties": tree{"name": tree{"type": "text"}}}}
	wantFinding(t, check(t, server.URL, &other), targets.Fatal, dest.Name, "field name of index", "is keyword, where text is wanted")

}

// TestOptions_ServerRefuses: check foretells what the server would not take, types that it lacks among it, and nothing is made.
func TestOptions_ServerRefuses(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	for want, change := range map[string]func(d *targets.Destination){
		"[number_of_shards]":               func(d *targets.Destination) { d.Options = tree{"settings": tree{"number_of_shards": "many"}} },
		"unknown setting [index.nonsense]": func(d *targets.Destination) { d.Options = tree{"settings": tree{"nonsense": int64(1)}} },
		"analyzer [nope] has not been configured": func(d *targets.Destination) {
			d.Options = tree{"mappings": tree{"properties": tree{"name": tree{"analyzer": "nope"}}}}
		},
		"No handler for type [scaled_float]": func(d *targets.Destination) { d.Fields[1].As, d.Fields[1].Scale = "scaled_float", 100 },
	} {
		dest := destination(server, "refused")
		dest.Fields = slices.Clone(dest.Fields)
		change(dest)
		wantFinding(t, check(t, server.URL, dest), targets.Fatal, dest.Name, "the server would not make the index", strings.Trim(want, "[]"))
		err := target.Prepare(t.Context(), []*targets.Destination{dest})
		var hint *targets.HintError
		if !errors.As(err, &hint) {
			t.Errorf("%s: prepare: %v", want, err)
		}
		if status, _ := server.Do(t, http.MethodHead, "/"+dest.Name, nil); status != http.StatusNotFound {
			t.Errorf("%s: status %d", want, status)
		}
	}
	fine := destination(server, "fine")
	fine.Options = tree{"settings": tree{"number_of_shards": int64(2)}, "mappings": tree{"properties": tree{"name": tree{"analyzer": "whitespace"}}}}
	if found := check(t, server.URL, fine); worst(found) > targets.Note {
		t.Errorf("what the server takes: %+v", found)
	}
	if status, _ := server.Do(t, http.MethodHead, "/"+fine.Name, nil); status != http.StatusNotFound {
		t.Errorf("check has made it: status %d", status)
	}
}
