package mongo

import (
	"context"
	"encoding/json"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Comparer = (*Target)(nil)

// Know remembers the keys of destinations.
func (t *Target) Know(dests []*targets.Destination) {
	for _, dest := range dests {
		d := t.destination(dest.Name)
		d.mu.Lock()
		d.known = dest
		d.mu.Unlock()
	}
}

const (
	maxCompareOps   = 1000
	maxCompareBytes = 8 << 20
)

// comparing is one call of Compare.
type comparing struct {
	*Target
	ops     []targets.Op
	results []targets.Compared
	wanted  []bson.Raw // of upserts
	members map[*targets.Destination][]targets.Member
	differs map[*targets.Destination]*targets.Differ
}

// group are the ops of one request.
type group struct {
	dest  string
	ids   bson.A
	at    map[targets.ID][]int // several ops may be about one document
	key   []targets.Field
	bytes int
}

// Compare reads documents by their keys and holds them against what would be stored, both as ReadDocs shows them.
func (t *Target) Compare(ctx context.Context, ops []targets.Op) ([]targets.Compared, error) {
	c := &comparing{Target: t, ops: ops, results: make([]targets.Compared, len(ops)), wanted: make([]bson.Raw, len(ops)),
		members: map[*targets.Destination][]targets.Member{}, differs: map[*targets.Destination]*targets.Differ{}}
	open := map[string]*group{}
	for i, op := range ops {
		id, ok := c.encode(i)
		if !ok {
			continue
		}
		g := open[op.Dest.Name]
		if g == nil {
			g = &group{dest: op.Dest.Name, key: op.Dest.Key, at: map[targets.ID][]int{}}
			open[op.Dest.Name] = g
		}
		g.ids, g.at[op.ID], g.bytes = append(g.ids, id), append(g.at[op.ID], i), g.bytes+len(c.wanted[i])
		if len(g.ids) >= maxCompareOps || g.bytes > maxCompareBytes {
			if err := c.look(ctx, g); err != nil {
				return nil, err
			}
			delete(open, g.dest)
		}
	}
	for _, g := range open {
		if err := c.look(ctx, g); err != nil {
			return nil, err
		}
	}
	return c.results, nil
}

// encode makes the _id of an op and the document of an upsert. False: the server need not be asked.
func (c *comparing) encode(i int) (any, bool) {
	op := c.ops[i]
	id, err := keyOf(op.Dest.Key, op.ID)
	if err == nil && op.Verb == targets.Upsert {
		inside, known := c.members[op.Dest]
		if !known {
			inside = targets.Nest(op.Dest.Fields)
			c.members[op.Dest] = inside
		}
		c.wanted[i], err = document(id, op, inside)
	}
	if err == nil {
		if op.Verb == targets.Upsert {
			c.results[i].Change = targets.Create // until it is found
		}
		return id, true
	}
	if op.Verb == targets.Upsert {
		c.results[i] = targets.Compared{Change: targets.Refuse, Reason: err.Error()}
	}
	return nil, false
}

// look reads the documents of a group.
func (c *comparing) look(ctx context.Context, g *group) error {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	collection, err := c.collection(ctx, g.dest)
	if err != nil {
		return fmt.Errorf("compare documents of %s: %w", g.dest, err)
	}
	found, err := collection.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: g.ids}}}})
	if err != nil {
		return fmt.Errorf("compare documents of %s: %w", g.dest, c.refused(ctx, collection.Database().Client(), err))
	}
	defer func() { _ = found.Close(ctx) }() // what was read is read
	for found.Next(ctx) {
		id, ok := idOf(g.key, found.Current.Lookup("_id"))
		if !ok {
			continue
		}
		for _, i := range g.at[id] {
			if c.results[i], err = c.compare(i, found.Current); err != nil {
				return fmt.Errorf("compare document %q of %s: %w", id, g.dest, err)
			}
			c.wanted[i] = nil // it may be large
		}
	}
	if err := found.Err(); err != nil {
		return fmt.Errorf("compare documents of %s: %w", g.dest, c.refused(ctx, collection.Database().Client(), err))
	}
	return nil
}

// compare holds a stored document against an op.
func (c *comparing) compare(i int, stored bson.Raw) (result targets.Compared, err error) {
	op := &c.ops[i]
	if op.Verb == targets.Delete {
		return targets.Compared{Change: targets.Remove}, nil
	}
	have, err := shown(stored)
	if err != nil {
		return result, err
	}
	if op.Verb == targets.MarkDeleted {
		result.Differences, err = targets.Unmarked(*op, have)
	} else {
		var want []byte
		if want, err = shown(c.wanted[i]); err != nil {
			return result, err
		}
		result.Differences, err = c.differ(op.Dest).Diff(want, have)
	}
	if len(result.Differences) > 0 {
		result.Change = targets.Update
	}
	return result, err
}

func (c *comparing) differ(dest *targets.Destination) *targets.Differ {
	d := c.differs[dest]
	if d == nil {
		d = targets.NewDiffer(dest.Fields, alike)
		c.differs[dest] = d
	}
	return d
}

// alike compares numbers as the server does, whatever their types: decimals are shown as texts.
func alike(field *targets.Field, want, have any) bool {
	if field.Kind != targets.KindDecimal && field.Kind != targets.KindUint {
		return false
	}
	return targets.SameNumber(numberText(want), numberText(have))
}

func numberText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
