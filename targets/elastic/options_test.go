package elastic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/targets"
)

type tree = map[string]any

func TestCheckOptions(t *testing.T) {
	for _, c := range []struct {
		options tree
		want    []string
	}{
		{nil, nil},
		{tree{"routing": []any{"tenant"}, "pipeline": "clean", "settings": tree{"number_of_shards": int64(3), "index": tree{"translog.durability": "request"}},
			"mappings": tree{"_meta": tree{"team": "search"}, "dynamic": false, "properties": tree{"a": tree{"type": "text"}}}}, nil},
		{tree{"rooting": "x", "routing": "tenant", "pipeline": int64(1)}, []string{
			"pipeline: want a text, as in clean", "rooting: there is no such option", "routing: want a list of key columns, as in [tenant_id]"}},
		{tree{"settings": tree{"index": tree{"gc_deletes": "1m"}, "translog": tree{"durability": "async"}, "index.blocks.write": true, "mapping.source.mode": "synthetic"}}, []string{
			"settings.blocks.write: nothing could be written; leave it out",
			"settings.gc_deletes: a request that lands late would bring a deleted document back; an index is made with 1h, leave it out",
			"settings.mapping.source.mode: documents are read back as they were written, to be marked and compared; leave it out",
			"settings.translog.durability: a document that was answered to has to be on disk, since the position moves on; leave it out"}},
		{tree{"mappings": tree{"_source": tree{"enabled": false}, "_routing": tree{}, "_meta": tree{"meepo": int64(1)}, "properties": tree{"a.b": tree{}, "c": "text",
			"d": tree{"properties": tree{"e": int64(1)}}}}}, []string{
			"mappings._meta.meepo: it is this program's own; choose another name", "mappings._routing: say routing instead",
			"mappings._source: documents are read back whole, to be marked and compared; leave it out",
			"mappings.properties.a.b: write fields of an object within it: {a: {properties: {b: …}}}", "mappings.properties.c: want a map, as in {type: keyword}",
			"mappings.properties.d.properties.e: want a map, as in {type: keyword}"}},
	} {
		var got []string
		if err := CheckOptions(&targets.Destination{Name: "d", Options: c.options}); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestDescribe_Golden shows what a mapping's options make of an index.
func TestDescribe_Golden(t *testing.T) {
	text, err := Describe(&targets.Destination{
		Name: "shop.films", Mark: "gone",
		Fields: []targets.Field{
			{Name: "id", Kind: targets.KindInt, Bits: 64}, {Name: "title", Kind: targets.KindText, Length: 100}, {Name: "note", Kind: targets.KindText, Length: 100},
			{Name: "place.city", Kind: targets.KindText, Length: 100}, {Name: "gone", Kind: targets.KindTimestamp},
			{Name: "place.code", Kind: targets.KindText, Length: 10, As: "keyword"}, {Name: "price", Kind: targets.KindDecimal, Scale: 100, As: "scaled_float"},
		},
		Options: tree{
			"routing": []any{"tenant", "id"}, "settings": tree{"number_of_shards": int64(3), "analysis": tree{"analyzer": tree{"plain": tree{"type": "custom", "filter": []any{"lowercase"}}}}},
			"mappings": tree{"_meta": tree{"team": "search"}, "date_detection": false, "properties": tree{
				"title": tree{"analyzer": "plain", "copy_to": "all"}, "note": tree{"type": "text", "index": false}, "all": tree{"type": "text"},
				"place": tree{"properties": tree{"code": tree{"type": "text"}, "point": tree{"type": "geo_point"}}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "testdata/describe.golden.json", strings.Split(text, "\n"))
}
