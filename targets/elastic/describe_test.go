package elastic_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// TestDescribe_IsWhatPrepareSends: the request that is shown is the one that makes the index, and leaves Prepare nothing to do.
func TestDescribe_IsWhatPrepareSends(t *testing.T) {
	p, _, dest := throughProxy(t, elastic.Config{})
	fill := func(dest *targets.Destination) {
		dest.Options = tree{"routing": []any{"id"}, "settings": tree{"number_of_shards": int64(2)}, "mappings": tree{"properties": tree{"all": tree{"type": "text"}, "name": tree{"copy_to": "all"}}}}
		dest.Fields = append(append([]targets.Field{}, fields...), targets.Field{Name: "place.point", Kind: targets.KindGeometry, Native: "point", As: "geo_point"},
			targets.Field{Name: "place.code", Kind: targets.KindInt, Native: "int", Bits: 32, As: "keyword"})
	}
	sent, run := *dest, *dest
	sent.Name, run.Name = dest.Name+"-sent", dest.Name+"-run"
	fill(&sent)
	fill(&run)
	var log bytes.Buffer
	target := open(t, elastic.Config{URLs: []string{p.server.URL}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := target.Prepare(t.Context(), []*targets.Destination{&sent}); err != nil {
		t.Fatal(err)
	}
	text, err := elastic.Describe(&sent)
	if err != nil {
		t.Fatal(err)
	}
	line, shown, _ := strings.Cut(text, "\n")
	requests := p.all(strings.TrimPrefix(line, "PUT "))
	var put []byte
	for _, r := range requests {
		if r.method == http.MethodPut {
			put = r.body
		}
	}
	var want, got any
	if err := json.Unmarshal(put, &want); err != nil {
		t.Fatalf("of %d requests: %v", len(requests), err)
	}
	if err := json.Unmarshal([]byte(shown), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("sent: %s\nshown: %s", put, shown)
	}

	if text, err = elastic.Describe(&run); err != nil {
		t.Fatal(err)
	}
	line, shown, _ = strings.Cut(text, "\n")
	server := servertest.OpenElasticNames(t, run.Name)
	if status, answer := server.Do(t, http.MethodPut, strings.TrimPrefix(line, "PUT "), shown); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	log.Reset()
	if err := target.Prepare(t.Context(), []*targets.Destination{&run}); err != nil || log.Len() > 0 {
		t.Errorf("something was left to do: %v, %s", err, log.String())
	}
	if found := check(t, server.URL, &run); worst(found) > targets.Note {
		t.Errorf("check: %+v", found)
	}
}
