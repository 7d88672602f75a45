package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Marker = (*Target)(nil)

// mark is a targets.Mark as it is stored.
type mark struct {
	State    string    `bson:"_id"`
	Number   int64     `bson:"number"`
	Position string    `bson:"position"`
	Ceiling  int64     `bson:"ceiling"`
	At       time.Time `bson:"at"` // for people
}

// ReadMark reads the document of the state.
func (t *Target) ReadMark(ctx context.Context, state string) (targets.Mark, error) {
	m, err := t.findMark(ctx, bson.D{{Key: "_id", Value: state}})
	if err != nil {
		return targets.Mark{}, fmt.Errorf("read mark: %w", err)
	}
	return targets.Mark{Number: m.Number, Position: m.Position, Ceiling: m.Ceiling}, nil
}

// Ceiling looks for the highest one of all states.
func (t *Target) Ceiling(ctx context.Context) (int64, error) {
	m, err := t.findMark(ctx, bson.D{})
	if err != nil {
		return 0, fmt.Errorf("look for the highest mark: %w", err)
	}
	return m.Ceiling, nil
}

// findMark returns the one with the highest ceiling; the zero mark where there is none.
func (t *Target) findMark(ctx context.Context, filter bson.D) (m mark, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	client, marks, err := t.own(ctx, "marks")
	if err != nil {
		return m, err
	}
	err = marks.FindOne(ctx, filter, options.FindOne().SetSort(bson.D{{Key: "ceiling", Value: -1}})).Decode(&m)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return mark{}, nil
	}
	return m, t.refused(ctx, client, err)
}

// WriteMark replaces the document of the state unless it has a higher number: then there is none to replace, and none more
// can be made.
func (t *Target) WriteMark(ctx context.Context, state string, m targets.Mark) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	client, marks, err := t.own(ctx, "marks")
	if err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	filter := bson.D{{Key: "_id", Value: state}, {Key: "number", Value: bson.D{{Key: "$lte", Value: m.Number}}}}
	_, err = marks.ReplaceOne(ctx, filter, mark{state, m.Number, m.Position, m.Ceiling, time.Now().UTC()}, options.Replace().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("write mark: %w", t.refused(ctx, client, err))
	}
	return nil
}
