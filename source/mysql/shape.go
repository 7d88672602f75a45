package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// lookupError is a failure to ask the catalog. Unlike what is wrong in the log it passes.
type lookupError struct{ err error }

func (e *lookupError) Error() string { return e.err.Error() }
func (e *lookupError) Unwrap() error { return e.err }

// shape is what the catalog says of a table.
type shape struct {
	def  tableDef
	skip bool        // its rows are of no use: no such table, or its key is refused
	want []keyColumn // the key, then the columns of the subscription
}

// rowPlan is how the rows of one version of a table are read from the log.
type rowPlan struct {
	table source.Table
	skip  bool
	want  []keyColumn // the key, then the columns of the subscription
	keys  int         // so many of want are the key
	cols  []int       // of want: its place in the log's row
	slots []int       // of want: its place in an extracted row
	meta  []logColumn // of want
	image *imageReader
}

// planFor returns the plan for a table map; nil means that its rows are not wanted.
func (d *logDecoder) planFor(ctx context.Context, te *replication.TableMapEvent) (*rowPlan, error) {
	table := source.Table{Schema: string(te.Schema), Name: string(te.Table)}
	plan, ok := d.plans[te.TableID]
	if !ok || plan.table != table {
		plan = &rowPlan{table: table, skip: !d.matches(table)}
		if !plan.skip {
			d.known[table] = true
			if err := d.plan(ctx, plan, te); err != nil {
				return nil, err
			}
		}
		d.plans[te.TableID] = plan
	}
	if plan.skip {
		return nil, nil
	}
	return plan, nil
}

func (d *logDecoder) plan(ctx context.Context, plan *rowPlan, te *replication.TableMapEvent) error {
	for _, fresh := range []bool{false, true} {
		if fresh {
			delete(d.shapes, plan.table)
		}
		sh, err := d.shapeOf(ctx, plan.table)
		if err != nil {
			return err
		}
		plan.skip = sh.skip
		if sh.skip {
			return nil
		}
		columns, mismatch := d.locate(ctx, te, sh)
		if mismatch == "" {
			return plan.build(d.format, d.info, te, sh, columns)
		}
		if fresh {
			return d.mismatch(plan.table, mismatch)
		}
	}
	return nil
}

func (d *logDecoder) mismatch(t source.Table, what string) error {
	advice := "start with a new state file to copy the tables anew"
	if !d.info.rowMetadataFull {
		advice += ", and let the log name its columns from now on: SET GLOBAL binlog_row_metadata = FULL"
	}
	return &source.HintError{
		Err:    fmt.Errorf("table %s has changed since this part of the log was written: %s", t, what),
		Advice: advice,
	}
}

// shapeOf asks the catalog as of the last commit.
func (d *logDecoder) shapeOf(ctx context.Context, t source.Table) (*shape, error) {
	if sh, ok := d.shapes[t]; ok {
		return sh, nil
	}
	def, err := d.src.describe(ctx, d.at.fence(), t)
	sh := &shape{def: def}
	switch {
	case errors.Is(err, source.ErrNoTable):
		// It is dropped or renamed further on in the log, and that will come as an event.
		d.debug(ctx, "rows of a table are skipped", t, err.Error())
		sh.skip = true
	case err != nil:
		return nil, &lookupError{err}
	case def.Refused != "":
		d.debug(ctx, "rows of a table are skipped", t, def.Refused)
		sh.skip = true
	default:
		sh.want = append(sh.want, def.keys...)
		for _, name := range d.wanted(t) {
			at := slices.IndexFunc(def.Columns.Columns, func(c source.Column) bool { return c.Name == name })
			if at < 0 {
				return nil, fmt.Errorf("subscribed column %s of %s: %w", name, t, source.ErrStale)
			}
			sh.want = append(sh.want, keyColumn{Column: def.Columns.Columns[at], charset: def.defs[at].charset.String, sets: d.src.charsets})
		}
	}
	d.shapes[t] = sh
	return sh, nil
}

// wanted returns the columns that the first subscription of the table asks for.
func (d *logDecoder) wanted(t source.Table) []string {
	for _, sub := range d.subs {
		if d.src.matches(sub.Tables, t) {
			return sub.Columns
		}
	}
	return nil
}

// locate finds the wanted columns in the log's rows: by name where the log tells names, else by
// place, if the columns of the log and of the catalog are alike in number and type.
func (d *logDecoder) locate(ctx context.Context, te *replication.TableMapEvent, sh *shape) (columns []int, mismatch string) {
	names := te.ColumnNameString()
	if len(names) == 0 {
		if mismatch := d.unlike(ctx, te, sh.def); mismatch != "" {
			return nil, mismatch
		}
	}
	for _, k := range sh.want {
		at := k.Ordinal - 1
		if len(names) > 0 {
			if at = slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, k.Name) }); at < 0 {
				return nil, "there was no column " + k.Name
			}
		}
		columns = append(columns, at)
	}
	return columns, ""
}

// unlike compares a table map that has no names with the catalog, and says what keeps the key from
// being found by its place; empty if nothing does.
func (d *logDecoder) unlike(ctx context.Context, te *replication.TableMapEvent, def tableDef) string {
	have, want := int(te.ColumnCount), len(def.defs)
	shared, same, differs := min(have, want), 0, ""
	for i, c := range def.defs[:shared] {
		types, known := logTypes[c.dataType]
		if !known || slices.Contains(types, te.ColumnType[i]) {
			same++
		} else if differs == "" {
			differs = fmt.Sprintf("column %d was of another type than %s is now (%s)", i+1, c.name, c.native)
		}
	}
	// MariaDB appends columns that its catalog hides: of system versioning, of long unique keys.
	if have < want || have > want && d.info.flavor == flavorMySQL {
		differs = fmt.Sprintf("it had %d columns, now it has %d", have, want)
	}
	if differs == "" {
		return ""
	}
	// Columns come and go behind the key, as a rule. If the key is in front, and that and most of the
	// rest is as it was, nothing has moved.
	unsigned := te.UnsignedMap()
	for _, at := range def.Key {
		if at >= len(def.Key) || at >= shared {
			return differs
		}
		c := def.defs[at]
		_, nullable := te.Nullable(at)
		sign, signed := unsigned[at]
		if nullable || signed && sign != strings.Contains(c.native, "unsigned") || !slices.Contains(logTypes[c.dataType], te.ColumnType[at]) {
			return differs
		}
	}
	if 2*same < len(def.Key)+shared {
		return differs
	}
	d.src.log.WarnContext(ctx, "a table was altered since this part of the log was written, and the log does not name its columns: its key is taken by place",
		slog.String("table", def.Table.String()), slog.String("difference", differs))
	return ""
}

// build prepares the plan.
func (p *rowPlan) build(format []byte, info server, te *replication.TableMapEvent, sh *shape, columns []int) error {
	unsigned, charsets, labelSets, labels := te.UnsignedMap(), te.CollationMap(), te.EnumSetCollationMap(), te.EnumStrValueMap()
	p.want, p.keys, p.cols = sh.want, len(sh.def.keys), columns
	kept := slices.Compact(slices.Sorted(slices.Values(columns)))
	for _, at := range columns {
		slot, _ := slices.BinarySearch(kept, at)
		p.slots = append(p.slots, slot)
		sign, known := unsigned[at]
		meta := logColumn{Unsigned: sign, UnsignedKnown: known, EnumLabels: labels[at], Collation: charsets[at]}
		if te.IsEnumOrSetColumn(at) {
			meta.Collation = labelSets[at]
		}
		p.meta = append(p.meta, meta)
	}
	var err error
	p.image, err = newImageReader(format, info, te, kept)
	return err
}
