package mongo_test

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/mongo"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

var (
	intKey = []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true}}
	text   = []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}
)

// openTarget returns a target, and a destination in the test's database that is prepared.
func openTarget(t *testing.T, config mongo.Config, dest *targets.Destination) *mongo.Target {
	t.Helper()
	target, err := mongo.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(t.Context()) })
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	return target
}

func upsert(dest *targets.Destination, id targets.ID, doc ...any) targets.Op {
	return targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Doc: doc, Version: 1}
}

// TestWrite_NoAnswer: a request is held up and its connection cut. Until the server has given it up, nothing is written that
// it could land on.
func TestWrite_NoAnswer(t *testing.T) {
	const patience = 2 * time.Second
	d := servertest.OpenMongo(t)
	proxy := faultproxy.StartTCP(t, strings.TrimPrefix(d.URL, "mongodb://"))
	dest := &targets.Destination{Name: d.Name + ".late", Key: intKey, Fields: text}
	target := openTarget(t, mongo.Config{URL: "mongodb://" + proxy.Addr, Timeout: patience}, dest)
	target.LookSeldom()
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "first")})
	began := time.Now()
	proxy.Freeze()
	lost := make(chan error, 1)
	go func() { lost <- target.Write(t.Context(), []targets.Op{upsert(dest, "1", "held up")}) }()
	servertest.Eventually(t, time.Minute, "the request to be held up", func() (bool, error) { return proxy.Held(), nil })
	proxy.Cut()
	if err := <-lost; err == nil {
		t.Fatal("a request without an answer was taken for done")
	}
	proxy.Thaw()
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "second")})
	if waited := time.Since(began); waited < patience {
		t.Errorf("written again after %s, while the server may still do what it was asked before", waited)
	}
}

// TestWrite_Unique: a conflict in another unique index is of one document, which its neighbours do not share, and is told
// without its values.
func TestWrite_Unique(t *testing.T) {
	d := servertest.OpenMongo(t)
	dest := &targets.Destination{Name: d.Name + ".unique", Key: intKey, Fields: text}
	target := openTarget(t, mongo.Config{URL: d.URL}, dest)
	d.Do(t, func(db *driver.Database) error {
		_, err := db.Collection("unique").Indexes().CreateOne(t.Context(), driver.IndexModel{Keys: bson.D{{Key: "v", Value: 1}}, Options: options.Index().SetUnique(true)})
		return err
	})
	ops := []targets.Op{upsert(dest, "1", "secret one"), upsert(dest, "2", "secret one"), upsert(dest, "3", "secret three")}
	got := targettest.ExpectFailures(t, target, ops, "1 2 ")
	if strings.Contains(got[0], "secret") || !strings.Contains(got[0], "v_1") {
		t.Errorf("the reason is %s", got[0])
	}
	if n := len(d.Docs(t, "unique")); n != 2 {
		t.Errorf("%d documents", n)
	}
	targettest.ExpectFailures(t, target, []targets.Op{{Verb: targets.Delete, Dest: dest, ID: "1", Version: 2}})
	targettest.ExpectFailures(t, target, ops[1:2])
}

// TestWrite_Dropped: a collection that somebody drops under a writer is not made anew unnoticed.
func TestWrite_Dropped(t *testing.T) {
	d := servertest.OpenMongo(t)
	dest := &targets.Destination{Name: d.Name + ".dropped", Key: intKey, Fields: text}
	target := openTarget(t, mongo.Config{URL: d.URL}, dest)
	filled, err := target.Identify(t.Context(), dest.Name)
	if err != nil {
		t.Fatal(err)
	}
	d.Do(t, func(db *driver.Database) error { return db.Collection("dropped").Drop(t.Context()) })
	servertest.Eventually(t, time.Minute, "the write to find another collection", func() (bool, error) {
		return target.Write(t.Context(), []targets.Op{upsert(dest, "1", "a")}) != nil, nil
	})
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")}, "0 5 the collection was dropped, and made again")
	if now, err := target.Identify(t.Context(), dest.Name); err != nil || now == filled {
		t.Errorf("its identity still is %s, %v", now, err)
	}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
	if now, err := target.Identify(t.Context(), dest.Name); err != nil || now == filled {
		t.Errorf("its identity is %s again, %v", now, err)
	}
}

// TestWrite_Refused are documents that the driver does not send.
func TestWrite_Refused(t *testing.T) {
	d := servertest.OpenMongo(t)
	dest := &targets.Destination{Name: d.Name + ".refused", Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText}, {Name: "j", Kind: targets.KindJSON, Native: "json"}}}
	target := openTarget(t, mongo.Config{URL: d.URL}, dest)
	targettest.ExpectFailures(t, target, []targets.Op{
		upsert(dest, "1", strings.Repeat("x", 16<<20), nil),
		upsert(dest, "2", "deep", strings.Repeat("[", 101)+strings.Repeat("]", 101)),
		upsert(dest, "no number", "x", nil),
		upsert(dest, "4", "x", "no json"),
		upsert(dest, "5", "fits", strings.Repeat("[", 90)+strings.Repeat("]", 90)),
		{Verb: targets.Delete, Dest: dest, ID: "no number", Version: 1},
	}, "0 3 the document has 16777", "1 3 field j: nested deeper than 100 levels", "2 3 key column id: the id is not", "3 3 field j: not valid JSON")
	if docs := d.Docs(t, "refused"); len(docs) != 1 || docs[0][0].Value != int64(5) {
		t.Errorf("documents: %v", docs)
	}
}

// TestDocuments_Types looks at what is stored, by the types that other clients see.
func TestDocuments_Types(t *testing.T) {
	d := servertest.OpenMongo(t)
	key := []targets.Field{{Name: "b", Kind: targets.KindInt, Bits: 32, Key: true}, {Name: "a", Kind: targets.KindUUID, Key: true}}
	dest := &targets.Destination{Name: d.Name + ".typed", Key: key, Fields: []targets.Field{
		{Name: "price", Kind: targets.KindDecimal, Precision: 8, Scale: 2}, {Name: "at", Kind: targets.KindTimestamp, Scale: 3},
		{Name: "u", Kind: targets.KindUUID}, {Name: "j", Kind: targets.KindJSON}, {Name: "gone", Kind: targets.KindText},
	}}
	target := openTarget(t, mongo.Config{URL: d.URL}, dest)
	const uuid = "00112233-4455-6677-8899-aabbccddeeff"
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, targets.JoinID("7", uuid), "12.50", "2024-02-29T01:02:03.456Z", uuid,
		`{"n":1,"big":12345678901,"x":1.5,"exact":0.1234567890123456789,"list":[true,null,"t"],"$odd.name":{}}`, nil)})
	price, err := bson.ParseDecimal128("12.50")
	exact, errToo := bson.ParseDecimal128("0.1234567890123456789")
	if err != nil || errToo != nil {
		t.Fatal(err, errToo)
	}
	id := bson.Binary{Subtype: 4, Data: []byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}}
	want := bson.D{
		{Key: "_id", Value: bson.D{{Key: "b", Value: int32(7)}, {Key: "a", Value: id}}},
		{Key: "price", Value: price}, {Key: "at", Value: bson.NewDateTimeFromTime(time.Date(2024, 2, 29, 1, 2, 3, 456e6, time.UTC))}, {Key: "u", Value: id},
		{Key: "j", Value: bson.D{
			{Key: "n", Value: int32(1)}, {Key: "big", Value: int64(12345678901)}, {Key: "x", Value: 1.5}, {Key: "exact", Value: exact},
			{Key: "list", Value: bson.A{true, nil, "t"}}, {Key: "$odd.name", Value: bson.D{}},
		}},
		{Key: "gone", Value: nil},
	}
	wantText, err := bson.MarshalExtJSON(want, true, false)
	if err != nil {
		t.Fatal(err)
	}
	docs := d.Docs(t, "typed")
	if len(docs) != 1 {
		t.Errorf("%d documents", len(docs))
	}
	for _, doc := range docs {
		got, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil || string(got) != string(wantText) {
			t.Errorf("stored is\n%s, %v, want\n%s", got, err, wantText)
		}
	}
}

// TestScan_Brackets: keys that are stored as dates and as text, and documents of somebody else's among them, one by one.
func TestScan_Brackets(t *testing.T) {
	d := servertest.OpenMongo(t)
	dest := &targets.Destination{Name: d.Name + ".days", Fields: text, Key: []targets.Field{{Name: "day", Kind: targets.KindDate, Native: "date", Key: true}}}
	target := openTarget(t, mongo.Config{URL: d.URL}, dest)
	days := []targets.ID{"0000-00-00", "2023-02-30", "1000-01-01", "2024-02-29", "9999-12-31", "infinity", "10000-01-01"}
	var ops []targets.Op
	for _, day := range days {
		ops = append(ops, upsert(dest, day, string(day)))
	}
	targettest.ExpectFailures(t, target, ops)
	d.Do(t, func(db *driver.Database) error {
		for _, id := range []any{bson.NewObjectID(), int32(5), true, bson.D{{Key: "x", Value: 1}}, "2024-02-29", bson.Binary{Data: []byte{1}}} {
			if _, err := db.Collection("days").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[targets.ID]int{}
	var cursor targets.Cursor
	for {
		ids, next, err := target.ScanIDs(t.Context(), dest.Name, cursor, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			seen[id]++
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	for _, day := range days {
		if seen[day] != 1 {
			t.Errorf("%s was listed %d times", day, seen[day])
		}
	}
	if len(seen) != len(days) {
		t.Errorf("listed: %v", seen)
	}
}
