package servertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Mongo is one test's database on a server of MongoDB's protocol.
type Mongo struct {
	URL  string // of the server: mongodb://host:port, without a slash at the end
	Name string // of the database, random
}

// OpenMongo gives the test a database of its own on the shared server of MEEPO_TEST_MONGO_URL. It is dropped when the test
// ends.
func OpenMongo(t testing.TB) *Mongo {
	t.Helper()
	return OpenMongoDatabase(t, randomName("t"))
}

// OpenMongoDatabase is OpenMongo for a name of the test's choice, which no other test may have.
func OpenMongoDatabase(t testing.TB, name string) *Mongo {
	t.Helper()
	m := &Mongo{URL: strings.TrimRight(serverEnv(t, mongoEnv, "MongoDB"), "/"), Name: name}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := m.do(ctx, func(db *mongo.Database) error { return db.Drop(ctx) }); err != nil {
			t.Errorf("servertest: drop database %s: %v", m.Name, err)
		}
	})
	return m
}

// Do lets do use the database by a connection of its own.
func (m *Mongo) Do(t testing.TB, do func(db *mongo.Database) error) {
	t.Helper()
	if err := m.do(t.Context(), do); err != nil {
		t.Fatalf("mongo: %v", err)
	}
}

func (m *Mongo) do(ctx context.Context, do func(db *mongo.Database) error) error {
	client, err := mongo.Connect(options.Client().ApplyURI(m.URL).SetServerSelectionTimeout(30 * time.Second))
	if err != nil {
		return err
	}
	err = do(client.Database(m.Name))
	if closing := client.Disconnect(context.WithoutCancel(ctx)); err == nil {
		err = closing
	}
	return err
}

// Docs returns all documents of a collection, in the order of their _id.
func (m *Mongo) Docs(t testing.TB, collection string) []bson.D {
	t.Helper()
	var docs []bson.D
	m.Do(t, func(db *mongo.Database) error {
		found, err := db.Collection(collection).Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return err
		}
		return found.All(t.Context(), &docs)
	})
	return docs
}
