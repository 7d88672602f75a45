package mongo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

// destination is what we know of a collection.
type destination struct {
	mu       sync.Mutex
	looked   time.Time // zero: not yet
	uuid     string
	prepared *targets.Destination
	known    *targets.Destination // that nobody has prepared, see Know
}

func (t *Target) destination(name string) *destination {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.dests[name]
	if d == nil {
		d = &destination{}
		t.dests[name] = d
	}
	return d
}

// existing is a collection that the server has.
type existing struct {
	kind    string // "collection", "view", "timeseries"
	options bson.Raw
	uuid    string // or the name of our marker, where the server gives none; empty: there is no marker either
}

// markerPrefix begins the name of an index that some collections get. A collection that was dropped has it no more, when a
// write has made it again; that is how servers are asked that give collections no uuid, such as Amazon DocumentDB. The
// index is sparse and of a field that no document has, so that it costs nothing.
const markerPrefix = "meepo_replicate_"

// look asks the server for a collection; nil: it is not there.
func (t *Target) look(ctx context.Context, dest string) (*existing, error) {
	client, err := t.client(ctx)
	if err != nil {
		return nil, err
	}
	database, name, _ := strings.Cut(dest, ".")
	found, err := client.Database(database).ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: name}})
	if err != nil {
		return nil, fmt.Errorf("look for collection %s: %w", dest, t.refused(ctx, client, err))
	}
	for _, spec := range found { // not every server heeds the filter
		if spec.Name != name {
			continue
		}
		e := &existing{kind: spec.Type, options: spec.Options}
		if spec.UUID != nil {
			e.uuid = hex.EncodeToString(spec.UUID.Data)
		} else if e.uuid, err = t.marker(ctx, client.Database(database).Collection(name)); err != nil {
			return nil, fmt.Errorf("look at the indexes of %s: %w", dest, t.refused(ctx, client, err))
		}
		return e, nil
	}
	return nil, nil
}

// marker is the name of the marker that a collection has; empty if it has none.
func (t *Target) marker(ctx context.Context, c *mongo.Collection) (string, error) {
	indexes, err := c.Indexes().ListSpecifications(ctx)
	for _, index := range indexes {
		if strings.HasPrefix(index.Name, markerPrefix) {
			return index.Name, err
		}
	}
	return "", err
}

// setMarker gives a collection a marker.
func (t *Target) setMarker(ctx context.Context, c *mongo.Collection, word string) (string, error) {
	keys := bson.D{{Key: markerPrefix + "marker", Value: 1}}
	return c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: options.Index().SetName(markerPrefix + word).SetSparse(true)})
}

var (
	errNotThere = errors.New("the collection is not there")
	errReplaced = errors.New("the collection was dropped, and made again")
)

// claim sees to it that a write does not make a collection, nor goes to another one of the same name.
func (t *Target) claim(ctx context.Context, dest string) error {
	d := t.destination(dest)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.looked.IsZero() && time.Since(d.looked) < t.lookAgain {
		return nil
	}
	found, err := t.look(ctx, dest)
	switch {
	case err != nil:
		return err
	case found == nil:
		return errNotThere
	case !d.looked.IsZero() && found.uuid != d.uuid:
		return errReplaced
	}
	d.looked, d.uuid = time.Now(), found.uuid
	return nil
}

// record is what is kept of a destination beside its collection.
type record struct {
	Dest   string        `bson:"_id"`
	Made   string        `bson:"made"` // a word that no other one has
	Key    []recordField `bson:"key"`
	Fields []recordField `bson:"fields"`
}

type recordField struct {
	Name string   `bson:"name"`
	Type bsonType `bson:"type"`
}

// own is a collection of this product's own.
func (t *Target) own(ctx context.Context, name string) (*mongo.Client, *mongo.Collection, error) {
	client, err := t.client(ctx)
	if err != nil {
		return nil, nil, err
	}
	database := t.config.Database()
	if database == "" {
		database = ownDatabase
	}
	return client, client.Database(database).Collection(ownPrefix + name), nil
}

// recordOf reads what is kept of a destination; nil: nothing.
func (t *Target) recordOf(ctx context.Context, dest string) (*record, error) {
	client, records, err := t.own(ctx, "destinations")
	if err != nil {
		return nil, err
	}
	var r record
	err = records.FindOne(ctx, bson.D{{Key: "_id", Value: dest}}).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", dest, t.refused(ctx, client, err))
	}
	return &r, nil
}

// recordType tells a uuid from other binaries, which its subtype does in a document.
func recordType(field targets.Field, key bool) bsonType {
	if field.Kind == targets.KindUUID && (key || field.As == "") || field.As == "uuid" && !key {
		return "uuid"
	}
	return typeOf(field, key)
}

// newRecord is what is to be kept of a destination: of fields that it has no more, what was kept before.
func newRecord(dest *targets.Destination, before *record) *record {
	r := &record{Dest: dest.Name, Made: bson.NewObjectID().Hex()}
	for _, field := range dest.Key {
		r.Key = append(r.Key, recordField{field.Name, recordType(field, true)})
	}
	named := map[string]bool{}
	for _, field := range dest.Fields {
		named[field.Name] = true
		r.Fields = append(r.Fields, recordField{field.Name, recordType(field, false)})
	}
	if before != nil {
		r.Made = before.Made
		for _, field := range before.Fields {
			if !named[field.Name] {
				r.Fields = append(r.Fields, field)
			}
		}
	}
	return r
}
