package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/targets"
)

// mongodb is MongoDB, by its driver.
type mongodb struct{ database *mongo.Database }

func openMongo(_ context.Context, address, shop string) (target, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(address).SetServerSelectionTimeout(30 * time.Second))
	if err != nil {
		return nil, errors.New("open target: not a URL that MongoDB's driver takes") // its own message may hold the password
	}
	// The collections are in the database of the URL, or in one that is called as the source's.
	name := shop
	if u, err := url.Parse(address); err == nil && strings.Trim(u.Path, "/") != "" {
		name = strings.Trim(u.Path, "/")
	}
	return mongodb{client.Database(name)}, nil
}

func (m mongodb) close(ctx context.Context) error { return m.database.Client().Disconnect(ctx) }

// place is the collection that a table has without any mapping.
func (m mongodb) place(table string) place {
	return place{noun: "collection", name: m.database.Name() + "." + table, items: "documents", millis: true}
}

func (m mongodb) count(ctx context.Context, table string) (int, error) {
	n, err := m.database.Collection(table).CountDocuments(ctx, bson.D{})
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", m.place(table), err)
	}
	return int(n), nil
}

func (m mongodb) one(ctx context.Context, table string, key []string) (map[string]any, error) {
	columns, _ := demo.Columns(table)
	filter := bson.D{}
	for i, text := range key {
		filter = append(filter, bson.E{Key: columns[i].Name, Value: text})
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && columns[i].Kind == demo.Number {
			filter[i].Value = n
		}
	}
	var fields map[string]any
	err := m.find(ctx, table, filter, func(_ string, found map[string]any) error {
		fields = found
		return nil
	})
	return fields, err
}

func (m mongodb) each(ctx context.Context, table string, use func(id string, fields map[string]any) error) error {
	return m.find(ctx, table, bson.D{}, use)
}

// search looks for texts with all of the words, one after the other: the shop has no index of words there.
func (m mongodb) search(ctx context.Context, table, column, words string) (hits, error) {
	began := time.Now()
	var all hits
	every := bson.A{}
	for _, word := range strings.Fields(words) {
		every = append(every, bson.D{{Key: column, Value: bson.Regex{Pattern: `\b` + regexp.QuoteMeta(word) + `\b`, Options: "i"}}})
	}
	err := m.find(ctx, table, bson.D{{Key: "$and", Value: every}}, func(id string, fields map[string]any) error {
		if all.total++; len(all.list) < hitsShown {
			all.list = append(all.list, hit{id, fields})
		}
		return nil
	})
	all.took = int(time.Since(began).Milliseconds())
	return all, err
}

func (m mongodb) find(ctx context.Context, table string, filter bson.D, use func(id string, fields map[string]any) error) error {
	found, err := m.database.Collection(table).Find(ctx, filter)
	if err != nil {
		return fmt.Errorf("read %s: %w", m.place(table), err)
	}
	defer found.Close(ctx)
	for found.Next(ctx) {
		var doc bson.D
		if err := found.Decode(&doc); err != nil {
			return fmt.Errorf("read %s: %w", m.place(table), err)
		}
		var id string
		fields := map[string]any{}
		for _, element := range doc {
			if element.Key == "_id" {
				id = documentID(element.Value)
				continue
			}
			fields[element.Key] = ordinary(element.Value)
		}
		if err := use(id, fields); err != nil {
			return err
		}
	}
	if err := found.Err(); err != nil {
		return fmt.Errorf("read %s: %w", m.place(table), err)
	}
	return nil
}

// documentID writes an _id as the other targets have it. That of a key of several columns is a document of them.
func documentID(id any) string {
	columns, several := id.(bson.D)
	if !several {
		return fmt.Sprint(id)
	}
	var parts []string
	for _, column := range columns {
		parts = append(parts, fmt.Sprint(column.Value))
	}
	return string(targets.JoinID(parts...))
}

// ordinary turns what the driver returns into Go's own types, and moments into texts.
func ordinary(value any) any {
	switch v := value.(type) {
	case bson.D:
		members := map[string]any{}
		for _, element := range v {
			members[element.Key] = ordinary(element.Value)
		}
		return members
	case bson.A:
		list := make([]any, len(v))
		for i := range v {
			list[i] = ordinary(v[i])
		}
		return list
	case bson.DateTime:
		return v.Time().UTC().Format("2006-01-02T15:04:05.000Z")
	case bson.Binary:
		return v.Data
	case bson.Decimal128:
		return v.String()
	}
	return value
}
