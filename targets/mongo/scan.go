package mongo

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

// brackets are the types of an _id in the order in which the server sorts values of several types, see "Comparison/Sort
// Order". A comparison finds values of one bracket only.
var brackets = [][]bson.Type{
	{bson.TypeMinKey}, {bson.TypeNull}, {bson.TypeDouble, bson.TypeInt32, bson.TypeInt64, bson.TypeDecimal128},
	{bson.TypeSymbol, bson.TypeString}, {bson.TypeEmbeddedDocument}, {bson.TypeBinary}, {bson.TypeObjectID}, {bson.TypeBoolean},
	{bson.TypeDateTime}, {bson.TypeTimestamp}, {bson.TypeRegex}, {bson.TypeMaxKey},
}

// keyTypes are the types that an _id of ours can have.
var keyTypes = []bson.Type{
	bson.TypeInt32, bson.TypeInt64, bson.TypeDecimal128, bson.TypeString, bson.TypeEmbeddedDocument, bson.TypeBinary, bson.TypeBoolean, bson.TypeDateTime,
}

// place is a Cursor: the last _id.
type place struct {
	ID bson.RawValue `bson:"_id"`
}

// ScanIDs goes through the collection by _id. Documents whose _id is none of the destination's are passed over: they are
// not of this product.
func (t *Target) ScanIDs(ctx context.Context, dest string, after targets.Cursor, limit int) ([]targets.ID, targets.Cursor, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	key, err := t.keyOf(ctx, dest)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, err)
	}
	filter := bson.D{}
	if after != "" {
		var last place
		if err := bson.UnmarshalExtJSON([]byte(after), true, &last); err != nil {
			return nil, "", fmt.Errorf("scan %s: %w", dest, targets.ErrCursor)
		}
		filter = beyond(last.ID)
	}
	c, err := t.collection(ctx, dest)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, err)
	}
	found, err := c.Find(ctx, filter, options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}).
		SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(limit)))
	var pages []place
	if err == nil {
		err = found.All(ctx, &pages)
	}
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, t.refused(ctx, c.Database().Client(), err))
	}
	ids := make([]targets.ID, 0, len(pages))
	for _, page := range pages {
		if id, ok := idOf(key, page.ID); ok {
			ids = append(ids, id)
		}
	}
	if len(pages) < limit {
		return ids, "", t.there(ctx, dest)
	}
	next, err := bson.MarshalExtJSON(pages[len(pages)-1], true, false)
	return ids, targets.Cursor(next), err
}

// beyond is the filter for what comes after an _id: greater ones of its bracket, and those of ours of the
// brackets behind.
func beyond(last bson.RawValue) bson.D {
	greater := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}}}
	at := slices.IndexFunc(brackets, func(types []bson.Type) bool { return slices.Contains(types, last.Type) })
	if at < 0 {
		return greater
	}
	either := bson.A{greater}
	for _, types := range brackets[at+1:] {
		for _, typ := range types {
			if slices.Contains(keyTypes, typ) {
				either = append(either, bson.D{{Key: "_id", Value: bson.D{{Key: "$type", Value: int32(typ)}}}})
			}
		}
	}
	return bson.D{{Key: "$or", Value: either}}
}

// keyOf returns the key columns of a destination that was prepared.
func (t *Target) keyOf(ctx context.Context, dest string) ([]targets.Field, error) {
	d := t.destination(dest)
	d.mu.Lock()
	prepared := d.prepared
	if prepared == nil {
		prepared = d.known
	}
	d.mu.Unlock()
	if prepared != nil {
		return prepared.Key, nil
	}
	if err := t.there(ctx, dest); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("collection %s has not been prepared", dest)
}
