package mongo

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
)

type tree = map[string]any

func TestCheckOptions(t *testing.T) {
	for _, c := range []struct {
		options tree
		want    []string
	}{
		{tree{"options": tree{"validator": tree{"a": int64(1)}, "validationAction": "warn"}}, nil},
		{tree{"validator": tree{}, "options": "x"}, []string{
			"options: want a map, as in {validator: {total: {$gte: 0}}, validationAction: warn, storageEngine: {wiredTiger: {configString: block_compressor=zstd}}}",
			"validator: there is no such option"}},
		{tree{"options": tree{"capped": true, "collation": tree{"locale": "de"}, "create": "x"}}, []string{
			"options.capped: documents would go when others come; leave it out",
			"options.collation: it may take different texts for one key; give an index a collation instead; leave it out",
			"options.create: there is no such option of a collection, or none that is known here"}},
	} {
		var got []string
		if err := CheckOptions(&targets.Destination{Name: "a.b", Options: c.options}); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

var validated = tree{"options": tree{"validator": tree{"total": tree{"$gte": int64(0), "$lt": int64(100)}}, "validationLevel": "strict"}}

// TestDescribe_IsWhatPrepareSends: the command that is shown is the one that makes the collection. The test server takes it, but keeps
// nothing of its options.
func TestDescribe_IsWhatPrepareSends(t *testing.T) {
	d := servertest.OpenMongo(t)
	dest := &targets.Destination{
		Name: d.Name + ".a", Key: []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true}},
		Fields: []targets.Field{{Name: "total", Kind: targets.KindInt, Native: "int", Bits: 32}}, Options: validated,
	}
	shown, err := Describe(dest)
	if err != nil {
		t.Fatal(err)
	}
	want := `db.getSiblingDB("` + d.Name + `").runCommand({
  "create": "a",
  "validationLevel": "strict",
  "validator": {
    "total": {
      "$gte": 0,
      "$lt": 100
    }
  }
})
`
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	var mu sync.Mutex
	var sent []bson.Raw
	target, err := Open(t.Context(), Config{URL: d.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close(t.Context())
	target.monitor = &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if e.CommandName == "create" {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, append(bson.Raw(nil), e.Command...))
		}
	}}
	for range 2 {
		if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 1 {
		t.Fatalf("%d commands, want 1", len(sent))
	}
	_, shown, _ = strings.Cut(shown, "runCommand(")
	var command bson.D
	if err := bson.UnmarshalExtJSON([]byte(strings.TrimSuffix(shown, ")\n")), false, &command); err != nil {
		t.Fatal(err)
	}
	for _, option := range command {
		if got, want := shownOption(sent[0].Lookup(option.Key)), shownOption(option.Value); got != want {
			t.Errorf("%s is sent as %s, and shown as %s", option.Key, got, want)
		}
	}
	elements, err := sent[0].Elements()
	for _, e := range elements { // and nothing else but what each command has
		if name := e.Key(); !strings.HasPrefix(name, "$") && name != "lsid" && name != "maxTimeMS" && !strings.Contains(shown, `"`+name+`"`) {
			t.Errorf("%s is sent and not shown, %v", name, err)
		}
	}
}

// TestCheckCreated: a collection that exists keeps its options, and check says where they differ.
func TestCheckCreated(t *testing.T) {
	options, err := bson.Marshal(ordered(validated["options"]))
	if err != nil {
		t.Fatal(err)
	}
	warnings := func(said tree) []string {
		var found targets.Findings
		checkCreated(&targets.Destination{Name: "app.a", Options: said}, &existing{options: options}, &found)
		var texts []string
		for _, f := range found {
			texts = append(texts, f.Message)
		}
		return texts
	}
	if texts := warnings(validated); texts != nil {
		t.Errorf("what was made as it was said: %q", texts)
	}
	if diff := cmp.Diff([]string{
		"option validationAction is not set, and the mapping says \"warn\": a collection that exists keeps its options",
		`option validator is {"total":{"$gte":0,"$lt":100}}, and the mapping says {"total":1}: a collection that exists keeps its options`,
	}, warnings(tree{"options": tree{"validator": tree{"total": int64(1)}, "validationAction": "warn", "comment": "x"}})); diff != "" {
		t.Error(diff)
	}
}
