package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// mongoEnd is a database of MongoDB's protocol behind a proxy that can be shut.
type mongoEnd struct {
	db    *servertest.Mongo
	proxy *faultproxy.TCP
}

func openMongoEnd(t *testing.T) mongoEnd {
	t.Helper()
	return mongoEndOf(t, servertest.OpenMongo(t))
}

func mongoEndOf(t *testing.T, db *servertest.Mongo) mongoEnd {
	t.Helper()
	return mongoEnd{db, faultproxy.StartTCP(t, strings.TrimPrefix(db.URL, "mongodb://"))}
}

func (e mongoEnd) config() (line, prefix string) {
	return fmt.Sprintf("target: {kind: mongo, url: %q}", "mongodb://"+e.proxy.Addr+"/"+e.db.Name), e.db.Name + "."
}

func (e mongoEnd) docs(t *testing.T, table string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, doc := range e.db.Docs(t, table) {
		id, text := fmt.Sprint(doc[0].Value), ""
		for _, field := range doc {
			if field.Key == "_id" || table == "side" && field.Key != "v" {
				continue
			}
			text += said(field.Value)
			if table != "side" {
				text += "|"
			}
		}
		all[id] = text
	}
	return all
}

// said is a value in the words of sourceEnd.rows.
func said(value any) string {
	switch v := value.(type) {
	case nil:
		return "<nil>"
	case bson.DateTime:
		return v.Time().UTC().Format("2006-01-02T15:04:05.000")
	}
	return fmt.Sprint(value)
}

// kept: a date has milliseconds.
func (e mongoEnd) kept(row string) string {
	fields := strings.Split(row, "|")
	if len(fields) < 5 {
		return row
	}
	if at, err := time.Parse("2006-01-02T15:04:05.999999", fields[4]); err == nil {
		fields[4] = at.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000")
	}
	return strings.Join(fields, "|")
}

func (e mongoEnd) refuseLarge(t *testing.T) {
	t.Helper()
	t.Fatal("the tests' server has no validators")
}

func (e mongoEnd) lose(t *testing.T) {
	t.Helper()
	e.db.Do(t, func(db *mongo.Database) error { return db.Collection("goods").Drop(t.Context()) })
}

func (e mongoEnd) overtake(t *testing.T, _ string) {
	t.Helper()
	t.Fatal("this target keeps no versions")
}

func (e mongoEnd) away(_ *testing.T, yes bool) { e.proxy.Close(yes) }
