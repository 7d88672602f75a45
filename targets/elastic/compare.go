package elastic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Comparer = (*Target)(nil)

// maxCompareBytes is about how large the documents of one request may be together.
const maxCompareBytes = 8 << 20

// comparing is one call of Compare.
type comparing struct {
	target  *Target
	layouts map[*targets.Destination]*layout
	differs map[*targets.Destination]*targets.Differ
	ops     []targets.Op
	wanted  [][]byte // of upserts
	results []targets.Compared
}

// Know does nothing: all that is to be known of an index stands in its documents.
func (t *Target) Know([]*targets.Destination) {}

// Compare reads documents with what was written last, searchable or not, and holds the JSON that would be sent against their
// _source. TYPES.md says what counts as equal.
func (t *Target) Compare(ctx context.Context, ops []targets.Op) ([]targets.Compared, error) {
	c := &comparing{
		target: t, ops: ops, wanted: make([][]byte, len(ops)), results: make([]targets.Compared, len(ops)),
		layouts: map[*targets.Destination]*layout{}, differs: map[*targets.Destination]*targets.Differ{},
	}
	var asked []int
	size := 0
	for i := range ops {
		if !c.encode(i) {
			continue
		}
		asked = append(asked, i)
		if size += len(c.wanted[i]); len(asked) == maxReadIDs || size > maxCompareBytes {
			if err := c.look(ctx, asked); err != nil {
				return nil, err
			}
			asked, size = asked[:0], 0
		}
	}
	return c.results, c.look(ctx, asked)
}

// encode makes the document of an upsert. False: the target need not be asked, the result is there.
func (c *comparing) encode(i int) bool {
	op := &c.ops[i]
	err := checkID(op.ID)
	if op.Verb != targets.Upsert {
		return err == nil // no document can have the id
	}
	if err == nil {
		l := c.layouts[op.Dest]
		if l == nil {
			l = newLayout(op.Dest)
			c.layouts[op.Dest] = l
		}
		c.wanted[i], err = l.appendDoc(nil, op.Doc)
	}
	if err != nil {
		c.results[i] = targets.Compared{Change: targets.Refuse, Reason: err.Error()}
	}
	return err == nil
}

// look gets the documents of ops and compares them.
func (c *comparing) look(ctx context.Context, asked []int) error {
	if len(asked) == 0 {
		return nil
	}
	refs := make([]docRef, len(asked))
	for n, i := range asked {
		refs[n] = docRef{dest: c.ops[i].Dest.Name, id: c.ops[i].ID, routing: c.ops[i].Routing}
	}
	found, err := c.target.getDocs(ctx, refs)
	if err != nil {
		return fmt.Errorf("compare documents of %s: %w", refs[0].dest, err)
	}
	for n, i := range asked {
		if c.results[i], err = c.compare(i, found[n]); err != nil {
			return fmt.Errorf("compare document %q of %s: %w", refs[n].id, refs[n].dest, err)
		}
		c.wanted[i] = nil // it may be large
	}
	return nil
}

func (c *comparing) compare(i int, got gotDoc) (targets.Compared, error) {
	op := &c.ops[i]
	switch {
	case got.Error != nil && got.Error.Type == "index_not_found_exception":
		got = gotDoc{}
	case got.Error != nil:
		return targets.Compared{}, errors.New(got.Error.serverText())
	}
	result := targets.Compared{Version: got.Version}
	var err error
	switch {
	case op.Verb == targets.Upsert && !got.Found:
		result.Change = targets.Create
	case op.Verb == targets.Upsert:
		result.Differences, err = c.differ(op.Dest).Diff(c.wanted[i], got.Source)
	case !got.Found:
	case op.Verb == targets.Delete:
		result.Change = targets.Remove
	default:
		result.Differences, err = targets.Unmarked(*op, got.Source)
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

// alike compares what the index holds as dates: one moment in two ways of writing it.
func alike(field *targets.Field, want, have any) bool {
	switch field.Kind {
	case targets.KindDate, targets.KindDateTime, targets.KindTimestamp:
	default:
		return false
	}
	if field.As != "" { // a keyword, say: what is written is what is found
		return false
	}
	a, aText := want.(string)
	b, bText := have.(string)
	return aText && bText && sameMoment(a, b)
}

// sameMoment compares two texts of strict_date_optional_time, in which a time without a zone is one of UTC.
func sameMoment(a, b string) bool {
	x, y := moment(a), moment(b)
	return !x.IsZero() && x.Equal(y)
}

// moments are the layouts of such texts; fractions of seconds are read without being named.
var moments = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly}

// moment is the zero time for what is none.
func moment(text string) time.Time {
	for _, layout := range moments {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
