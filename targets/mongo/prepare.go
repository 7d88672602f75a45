package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

// work is what Prepare has to do for a destination.
type work struct {
	dest   *targets.Destination
	found  *existing // nil: it has to be made
	before *record   // nil: none, or one of a collection that is gone
}

// Prepare makes collections that are not there, and keeps what their fields are. It looks at all of them first.
func (t *Target) Prepare(ctx context.Context, dests []*targets.Destination) error {
	all, err := targets.ExamineAll(ctx, dests, t.examine)
	if err != nil {
		return err
	}
	for _, w := range all {
		if err := t.makeReady(ctx, w); err != nil {
			return fmt.Errorf("prepare %s: %w", w.dest.Name, err)
		}
	}
	return nil
}

// examine compares a destination with what is there. Problems are what an operator has to mend; the error is for what kept
// us from looking.
func (t *Target) examine(ctx context.Context, dest *targets.Destination) (work, []error, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	w := work{dest: dest}
	if err := checkDestination(dest); err != nil {
		return w, []error{&targets.HintError{Err: err, Advice: "change `to`, the field or the options in the mapping, or leave the field out"}}, nil
	}
	var err error
	if w.found, err = t.look(ctx, dest.Name); err != nil || w.found == nil {
		return w, nil, err
	}
	var problems []error
	problem := func(advice, format string, args ...any) {
		problems = append(problems, targets.Mismatch(dest.Name, advice, format, args...))
	}
	if w.found.kind != "collection" && w.found.kind != "" {
		problem("give the mapping another destination", "it is a %s, not a collection", w.found.kind)
		return w, problems, nil
	}
	if why := unfit(w.found.options); why != "" {
		problem("give the mapping another destination", "%s", why)
	}
	if w.before, err = t.recordOf(ctx, dest.Name); err != nil || w.before == nil {
		return w, problems, err
	}
	now := newRecord(dest, nil)
	if !slices.EqualFunc(w.before.Key, now.Key, func(a, b recordField) bool { return a.Name == b.Name && a.Type.sort() == b.Type.sort() }) {
		problem("drop the collection, or give the mapping another destination",
			"its documents have the key (%s), and the mapping's is (%s)", keyNames(w.before.Key), keyNames(now.Key))
	}
	for i, field := range now.Fields {
		at := slices.IndexFunc(w.before.Fields, func(f recordField) bool { return f.Name == field.Name })
		if at >= 0 && w.before.Fields[at].Type.sort() != field.Type.sort() {
			problem("drop the collection, or give the mapping another destination", "field %s: its documents have it as %s, and %s wants %s",
				field.Name, w.before.Fields[at].Type, dest.Fields[i].Native, field.Type)
		}
	}
	return w, problems, nil
}

// unfit says why a collection with these options cannot hold documents by key; "" if it can.
func unfit(options bson.Raw) string {
	var o struct {
		Capped    bool     `bson:"capped"`
		Collation bson.Raw `bson:"collation"`
	}
	if len(options) == 0 || bson.Unmarshal(options, &o) != nil {
		return ""
	}
	switch locale, _ := o.Collation.Lookup("locale").StringValueOK(); {
	case o.Capped:
		return "it is capped: documents go when others come"
	case len(o.Collation) > 0 && locale != "simple":
		return "it has a collation (" + locale + "), which may take different texts for one key"
	}
	return ""
}

func checkDestination(dest *targets.Destination) error {
	err := CheckName(dest.Name)
	if err == nil {
		err = CheckFields(dest.Fields)
	}
	if err == nil {
		err = CheckOptions(dest)
	}
	if err == nil && len(dest.Key) == 0 {
		err = errors.New("it has no key")
	}
	for _, field := range dest.Key {
		if err == nil && len(dest.Key) > 1 {
			err = checkKeyName(field.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("destination %s: %w: %w", dest.Name, err, targets.ErrMismatch)
	}
	return nil
}

func keyNames(key []recordField) string {
	names := make([]string, len(key))
	for i, field := range key {
		names[i] = field.Name + " " + string(field.Type)
	}
	return strings.Join(names, ", ")
}

// makeReady makes a collection, keeps its record, and takes in what is there then.
func (t *Target) makeReady(ctx context.Context, w work) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	client, records, err := t.own(ctx, "destinations")
	if err != nil {
		return err
	}
	if w.before != nil && w.found.uuid == "" {
		w.before.Made = bson.NewObjectID().Hex() // the marker went with the collection that was filled
	}
	now := newRecord(w.dest, w.before)
	// Before the collection, so that there is none of ours without a record.
	_, err = records.ReplaceOne(ctx, bson.D{{Key: "_id", Value: w.dest.Name}}, now, options.Replace().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("keep what its fields are: %w", t.refused(ctx, client, err))
	}
	database, name, _ := strings.Cut(w.dest.Name, ".")
	found := w.found
	if found == nil {
		err = client.Database(database).RunCommand(ctx, createCommand(w.dest)).Err()
		if err != nil && !hasCode(err, codeExists) {
			return fmt.Errorf("make the collection: %w", t.refused(ctx, client, err))
		}
		if found, err = t.look(ctx, w.dest.Name); err != nil {
			return err
		}
		if found == nil {
			return fmt.Errorf("it was dropped at once: %w", targets.ErrReplaced)
		}
		t.config.Logger.InfoContext(ctx, "collection created", slog.String("collection", w.dest.Name))
	}
	if found.uuid == "" {
		if found.uuid, err = t.setMarker(ctx, client.Database(database).Collection(name), now.Made); err != nil {
			return fmt.Errorf("mark the collection: %w", t.refused(ctx, client, err))
		}
	}
	d := t.destination(w.dest.Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked, d.uuid, d.prepared = time.Now(), found.uuid, w.dest
	return nil
}
