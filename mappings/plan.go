package mappings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings/expressions"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// PlanID identifies a plan in the state, across restarts: a mapping and one of its tables.
type PlanID string

// DocKey is what can be dirty: the document, or documents, that a plan makes of a key.
type DocKey struct {
	Plan PlanID
	Key  source.Key
}

// Plan is a mapping compiled for one table. It does not change, and its methods may be called
// concurrently. A changed mapping or table is compiled anew; see Fingerprint.
type Plan struct {
	id          PlanID
	name        string
	selection   source.Selection
	key         []targets.Field // of the key's columns
	dest        *targets.Destination
	spread      *spread // nil: all rows go to dest
	idForm      *idForm // nil: the key's texts
	where       *expressions.Program
	whereArgs   []int // the condition's columns in the row
	steps       []step
	routing     []int // columns of the key that route a document; nil: by the id
	fingerprint string
	definition  Definition
	policies    Policies
	adopts      bool
	named       bool // the mapping names the table; otherwise a glob has found it
}

// ID identifies the plan. It stays the same as long as the mapping's name and the table do.
func (p *Plan) ID() PlanID { return p.id }

// Name is the mapping's name, for people; without a mapping it is the table's.
func (p *Plan) Name() string { return p.name }

// Table is the table whose rows the plan maps.
func (p *Plan) Table() source.Table { return p.selection.Table }

// Destination is where the documents go. It is the same pointer in every op of the plan, unless that is Spread.
func (p *Plan) Destination() *targets.Destination { return p.dest }

// Selection is what has to be read of a row. The caller does not change it.
func (p *Plan) Selection() source.Selection { return p.selection }

// Fingerprint changes exactly if the same rows may become other documents, or get other ids: then
// what the target holds has to be made anew.
func (p *Plan) Fingerprint() string { return p.fingerprint }

// Dirty appends the documents that an event makes dirty: for a row event of the plan's table the
// one of its key, for all other events none.
func (p *Plan) Dirty(dst []DocKey, e source.Event) []DocKey {
	if !e.Action.OfRow() || e.Table != p.selection.Table {
		return dst
	}
	return append(dst, DocKey{Plan: p.id, Key: e.Key})
}

// Ops appends what is to be written for a row: an upsert of its document, or, where the row was
// not found or does not meet the mapping's condition, a delete of it, or its mark. Whether absence is
// proof enough to delete is for the caller to decide. A row with an Err, or of which something cannot be
// computed, gives that error, and no op.
func (p *Plan) Ops(dst []targets.Op, row source.Row, version int64) ([]targets.Op, error) {
	if row.Err != nil {
		return dst, p.failed(row, row.Err)
	}
	op, err := p.opOf(row.Key, version)
	if err != nil {
		return dst, p.failed(row, err)
	}
	if !row.Found {
		return append(dst, p.gone(op)), nil
	}
	if len(row.Values) != len(p.selection.Columns) {
		return dst, p.failed(row, fmt.Errorf("%d values for %d columns", len(row.Values), len(p.selection.Columns)))
	}
	if p.where != nil {
		meets, err := p.where.True(picked(row.Values, p.whereArgs))
		if err != nil {
			return dst, p.failed(row, fmt.Errorf("where: %w", err))
		}
		if !meets {
			return append(dst, p.gone(op)), nil
		}
	}
	op.Doc = make([]any, len(p.steps))
	for i := range p.steps {
		if s := &p.steps[i]; s.plain() {
			op.Doc[i] = row.Values[s.at]
		} else if op.Doc[i], err = s.value(row); err != nil {
			return dst, p.failed(row, err)
		}
	}
	return append(dst, op), nil
}

// opOf makes an upsert that has no document yet.
func (p *Plan) opOf(key source.Key, version int64) (targets.Op, error) {
	var buf [4]string // on the stack, as long as nothing keeps it
	texts, err := keyTexts(buf[:0], key, len(p.key))
	if err != nil {
		return targets.Op{}, err
	}
	dest := p.dest
	if p.spread != nil {
		if dest, err = p.spread.destination(p.dest, texts); err != nil {
			return targets.Op{}, err
		}
	}
	op := targets.Op{Verb: targets.Upsert, Dest: dest, Version: version, Routing: p.route(texts)}
	if p.idForm != nil {
		op.ID = p.idForm.join(texts)
	} else {
		op.ID = plainID(texts)
	}
	return op, nil
}

// MayFail reports whether there may be rows of which something cannot be computed or converted.
func (p *Plan) MayFail() bool {
	return p.where != nil || slices.ContainsFunc(p.steps, func(s step) bool { return s.program != nil || len(s.changes) > 0 })
}

// gone makes of an upsert what is written for a row that has no document.
func (p *Plan) gone(op targets.Op) targets.Op {
	op.Verb = targets.Delete
	if p.dest.Mark != "" {
		op.Verb = targets.MarkDeleted
		op.Doc = []any{markTime(time.UnixMicro(op.Version))}
	}
	return op
}

// MarkedAt gives marks their time. Versions, which are microseconds of the source's clock drawn before the read, serve
// as that where they are not ahead of it: they go above those of somebody else.
func MarkedAt(ops []targets.Op, now time.Time) {
	for i := range ops {
		if ops[i].Verb == targets.MarkDeleted && time.UnixMicro(ops[i].Version).After(now) {
			ops[i].Doc = []any{markTime(now)}
		}
	}
}

func markTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func (p *Plan) failed(row source.Row, err error) error {
	return fmt.Errorf("map row %s of %s: %w", row.Key.Text(), p.selection.Table, err)
}

func (p *Plan) route(key []string) string {
	switch len(p.routing) {
	case 0:
		return ""
	case 1:
		return key[p.routing[0]]
	}
	parts := make([]string, len(p.routing))
	for i, at := range p.routing {
		parts[i] = key[at]
	}
	return strings.Join(parts, "|")
}

// KeyOf returns the key whose document has this id. An id that no key of the table can have given
// is an error: the document is not of this plan.
func (p *Plan) KeyOf(id targets.ID) (source.Key, error) {
	var texts []string
	var err error
	if p.idForm != nil {
		texts, err = p.idForm.split(id)
	} else {
		texts, err = splitPlain(id, len(p.key))
	}
	if err == nil {
		var key source.Key
		if key, err = keyOf(texts, p.key); err == nil {
			return key, nil
		}
	}
	return "", fmt.Errorf("key of document %q of %s: %w", id, p.dest.Name, err)
}
