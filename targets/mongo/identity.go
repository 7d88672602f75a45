package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	_ targets.Identifier = (*Target)(nil)
	_ targets.Lister     = (*Target)(nil)
)

// List names the collections, database and all, that begin with a prefix.
func (t *Target) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	client, err := t.client(ctx)
	if err != nil {
		return nil, fmt.Errorf("list collections %s…: %w", prefix, err)
	}
	database, _, whole := strings.Cut(prefix, ".")
	databases := []string{database}
	if !whole {
		if databases, err = client.ListDatabaseNames(ctx, bson.D{}); err != nil {
			return nil, fmt.Errorf("list databases %s…: %w", prefix, t.refused(ctx, client, err))
		}
	}
	var names []string
	for _, database := range databases {
		if !whole && !strings.HasPrefix(database, prefix) {
			continue
		}
		collections, err := client.Database(database).ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return nil, fmt.Errorf("list collections %s…: %w", prefix, t.refused(ctx, client, err))
		}
		for _, collection := range collections {
			if name := database + "." + collection; strings.HasPrefix(name, prefix) && CheckName(name) == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// Identify names the collection by the uuid that the server gave it, or by our marker, and the word of its record. That a
// server went back to an earlier time is told by the marks.
func (t *Target) Identify(ctx context.Context, dest string) (string, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	found, err := t.look(ctx, dest)
	if err != nil {
		return "", fmt.Errorf("identify: %w", err)
	}
	if found == nil {
		return "", nil
	}
	kept, err := t.recordOf(ctx, dest)
	if err != nil {
		return "", fmt.Errorf("identify: %w", err)
	}
	if kept == nil {
		return found.uuid + "/", nil
	}
	return found.uuid + "/" + kept.Made, nil
}

// Empty looks for one document. A collection that is not there has none.
func (t *Target) Empty(ctx context.Context, dest string) (bool, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	c, err := t.collection(ctx, dest)
	if err != nil {
		return false, fmt.Errorf("look whether %s is empty: %w", dest, err)
	}
	err = c.FindOne(ctx, bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, mongo.ErrNoDocuments):
		return false, fmt.Errorf("look whether %s is empty: %w", dest, t.refused(ctx, c.Database().Client(), err))
	}
	return true, nil
}

// Count asks for what the server has noted, which is not exact after a crash, or of shards.
func (t *Target) Count(ctx context.Context, dest string) (int64, bool, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	c, err := t.collection(ctx, dest)
	if err != nil {
		return 0, false, fmt.Errorf("count %s: %w", dest, err)
	}
	n, err := c.EstimatedDocumentCount(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("count %s: %w", dest, t.refused(ctx, c.Database().Client(), err))
	}
	return n, false, nil
}

// there returns targets.ErrReplaced (wrapped) where a collection is not there: to read it would be to find it empty.
func (t *Target) there(ctx context.Context, dest string) error {
	found, err := t.look(ctx, dest)
	if err == nil && found == nil {
		err = fmt.Errorf("collection %s is not there: %w", dest, targets.ErrReplaced)
	}
	return err
}
