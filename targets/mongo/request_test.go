package mongo

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestRequest_GivenUp: every write tells the server when to give it up, which is not after we do, and has one verb.
func TestRequest_GivenUp(t *testing.T) {
	const patience = 7 * time.Second
	d := servertest.OpenMongo(t)
	target, err := Open(t.Context(), Config{URL: d.URL, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close(context.WithoutCancel(t.Context())) }()
	var mu sync.Mutex
	limits := map[string][]int64{}
	target.monitor = &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		limit, _ := e.Command.Lookup("maxTimeMS").AsInt64OK()
		mu.Lock()
		defer mu.Unlock()
		limits[e.CommandName] = append(limits[e.CommandName], limit)
	}}
	dest := &targets.Destination{Name: d.Name + ".limits", Key: []targets.Field{{Name: "id", Kind: targets.KindInt, Bits: 64}}, Fields: []targets.Field{{Name: "v", Kind: targets.KindText}}}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	clear(limits)
	if err := target.Write(t.Context(), []targets.Op{
		{Verb: targets.Upsert, Dest: dest, ID: "1", Doc: []any{"a"}, Version: 1}, {Verb: targets.Delete, Dest: dest, ID: "2", Version: 1},
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"update", "delete"} {
		if got := limits[name]; len(got) != 1 || got[0] < 1 || got[0] > patience.Milliseconds() {
			t.Errorf("%s: maxTimeMS %v, want one up to %d", name, got, patience.Milliseconds())
		}
	}
}

func TestUnfit(t *testing.T) {
	for name, c := range map[string]struct {
		options bson.D
		fits    bool
	}{
		"none":             {bson.D{}, true},
		"a validator":      {bson.D{{Key: "validator", Value: bson.D{{Key: "a", Value: 1}}}}, true},
		"simple collation": {bson.D{{Key: "collation", Value: bson.D{{Key: "locale", Value: "simple"}}}}, true},
		"a collation":      {bson.D{{Key: "collation", Value: bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: 2}}}}, false},
		"capped":           {bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 4096}}, false},
	} {
		raw, err := bson.Marshal(c.options)
		if err != nil {
			t.Fatal(err)
		}
		if why := unfit(raw); (why == "") != c.fits {
			t.Errorf("%s: %q", name, why)
		}
	}
	if why := unfit(nil); why != "" {
		t.Error(why)
	}
}

// TestIDOf_Binaries: a binary of another subtype is somebody else's.
func TestIDOf_Binaries(t *testing.T) {
	data := make([]byte, 16)
	for kind, subtype := range map[targets.Kind]byte{targets.KindUUID: bson.TypeBinaryUUID, targets.KindBinary: bson.TypeBinaryGeneric} {
		for _, stored := range []byte{bson.TypeBinaryUUID, bson.TypeBinaryGeneric} {
			raw, err := bson.Marshal(bson.D{{Key: "_id", Value: bson.Binary{Subtype: stored, Data: data}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := idOf([]targets.Field{{Name: "k", Kind: kind}}, bson.Raw(raw).Lookup("_id")); ok != (stored == subtype) {
				t.Errorf("kind %d, subtype %d: %v", kind, stored, ok)
			}
		}
	}
}
