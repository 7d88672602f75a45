package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// passingError is a failure that a new connection may mend, to ask the catalog above all, unlike what is
// wrong in the log.
type passingError struct{ err error }

func (e *passingError) Error() string { return e.err.Error() }
func (e *passingError) Unwrap() error { return e.err }

// shape is what the catalog says of a table.
type shape struct {
	def  tableDef
	skip bool // its rows are of no use: no such table, or its key is refused
	// hidden is set for a table that may not be seen, which can end at any time without a sign.
	hidden error
	want   []keyColumn // the key, then the columns of the subscription
}

// rowPlan is how the rows of one version of a table are read from the log.
type rowPlan struct {
	table source.Table
	skip  bool
	gap   *gap
	want  []keyColumn // the key, then the columns of the subscription
	keys  int         // so many of want are the key
	cols  []int       // of want: its place in the log's row
	slots []int       // of want: its place in an extracted row
	meta  []logColumn // of want
	image *imageReader

	versioned    bool // former rows are in the log, too
	end, endSlot int  // then: the place of the end of rows, as in cols and slots
}

// gap is why rows cannot be read, and for whom that was told.
type gap struct {
	difference string // empty: they can
	refused    bool   // the table has no key that serves, as the catalog says
	told       bool   // for rows of no XA transaction
	toldXA     int    // for those of an XA transaction, by its number
}

// planFor returns the plan for a table map; nil means that its rows are not wanted.
func (d *logDecoder) planFor(ctx context.Context, te *replication.TableMapEvent) (*rowPlan, error) {
	table := source.Table{Schema: string(te.Schema), Name: string(te.Table)}
	plan, ok := d.plans[te.TableID]
	if d.denied[table] && !d.src.isHidden(table) {
		d.reveal(ctx, table)
		ok = false
	}
	if !ok || plan.table != table {
		plan = &rowPlan{table: table, skip: !d.matches(table), gap: &gap{}}
		if !plan.skip {
			d.known[table] = true
			if err := d.plan(ctx, plan, te); err != nil {
				return nil, err
			}
		}
		d.plans[te.TableID] = plan
	}
	if plan.skip && plan.gap.difference != "" {
		d.tellGap(ctx, plan)
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
		if sh.hidden != nil {
			d.hide(ctx, plan, sh.hidden)
			return nil
		}
		if sh.skip {
			d.refused(plan, sh.def)
			return nil
		}
		columns, mismatch := d.locate(te, sh)
		if mismatch == "" {
			d.met[plan.table] = sh.def.defs
			if len(te.ColumnNameString()) == 0 {
				d.unnamed[plan.table] = true
			}
			return plan.build(d.format, d.info, te, sh, columns)
		}
		if fresh {
			plan.skip, plan.gap.difference = true, mismatch
			d.met[plan.table] = nil
		}
	}
	return nil
}

// refused notes that rows of a table are left out since it has no key that serves: by now it may have one
// again, so that nobody else notices. All its plans tell that as one.
func (d *logDecoder) refused(plan *rowPlan, def tableDef) {
	if def.Refused == "" {
		return
	}
	if d.passed[plan.table] == nil {
		d.passed[plan.table] = &gap{difference: def.Refused, refused: true}
	}
	plan.gap = d.passed[plan.table]
}

// hide leaves out the rows of a table that may not be seen, and says so among the events, so that whoever
// follows it looks at the table and finds out. It is said once.
func (d *logDecoder) hide(ctx context.Context, plan *rowPlan, why error) {
	plan.skip = true
	if d.denied[plan.table] {
		return
	}
	d.denied[plan.table] = true
	d.src.setHidden(plan.table, true)
	d.src.log.WarnContext(ctx, "rows in the log are of a table that may not be seen: they are skipped",
		slog.String("table", plan.table.String()), slog.String("error", why.Error()))
	d.add(source.Event{Action: source.Gap, Table: plan.table})
}

// revealAll looks between two transactions for tables that may be seen again, since no row of them may
// come for long.
func (d *logDecoder) revealAll(ctx context.Context) {
	for table := range d.denied {
		if !d.group.open && !d.src.isHidden(table) {
			d.reveal(ctx, table)
			d.whole = len(d.events)
		}
	}
}

// reveal says that rows were skipped before, of a table that may be seen again.
func (d *logDecoder) reveal(ctx context.Context, table source.Table) {
	delete(d.denied, table)
	d.forget(table)
	d.src.log.InfoContext(ctx, "the table may be seen again: it has to be copied anew", slog.String("table", table.String()))
	d.add(source.Event{Action: source.Gap, Table: table})
}

// tellGap says in order among the events that rows of a table were left out: the table has changed since
// they were logged, and the change comes later in the log, with a table map of its own; or they give no
// key. It is said once, since whoever copies the table then sees what such rows have become, and again for
// each XA transaction, since what that changes is visible later than the rest.
func (d *logDecoder) tellGap(ctx context.Context, plan *rowPlan) {
	g := plan.gap
	if inXA := d.group.xid != ""; inXA && g.toldXA == d.xas || !inXA && g.told {
		return
	} else if inXA {
		g.toldXA = d.xas
	} else {
		g.told = true
	}
	if g.refused {
		d.debug(ctx, "rows of a table are skipped", plan.table, g.difference)
	} else {
		d.src.log.WarnContext(ctx, "rows in the log are older than the table's definition, or give no key: they are skipped and the table has to be copied anew",
			slog.String("table", plan.table.String()), slog.String("difference", g.difference),
			slog.String("fix", "for later changes: SET GLOBAL binlog_row_metadata = FULL, binlog_row_image = FULL"))
	}
	d.add(source.Event{Action: source.Gap, Table: plan.table})
}

// untell makes what was said of tables, but not handed out, be said again: where it stands in the log, since
// it is forgotten that it was said, and at once where it is a gap, which not all come from the log.
func (d *logDecoder) untell() []source.Event {
	var again []source.Event
	for _, e := range d.events {
		if e.Key != "" {
			continue
		}
		for _, t := range []source.Table{e.Table, e.To} {
			delete(d.met, t)
			delete(d.denied, t)
		}
		if gap := (source.Event{Action: source.Gap, Table: e.Table}); e.Action == source.Gap && !slices.ContainsFunc(again, func(a source.Event) bool { return a.Table == e.Table }) {
			again = append(again, gap)
		}
	}
	return again
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
	case errors.Is(err, source.ErrDenied):
		sh.skip, sh.hidden = true, err
	case err != nil:
		return nil, &passingError{err}
	case def.Refused != "":
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
func (d *logDecoder) locate(te *replication.TableMapEvent, sh *shape) (columns []int, mismatch string) {
	names := te.ColumnNameString()
	if len(names) == 0 {
		if mismatch := d.unlike(te, sh.def); mismatch != "" {
			return nil, mismatch
		}
	}
	for _, k := range sh.want {
		at := k.Ordinal - 1
		if len(names) > 0 {
			if at = slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, k.Name) }); at < 0 {
				return nil, "there was no column " + k.Name
			}
			if now := sh.def.defs[k.Ordinal-1]; !alike(te.ColumnType[at], now.dataType) {
				return nil, fmt.Sprintf("column %s was of another type than now (%s)", k.Name, now.native)
			}
		}
		columns = append(columns, at)
	}
	return columns, ""
}

// alike reports whether values that were logged with a type can be decoded for a column that has the
// given type now. Integers can, whatever their size.
func alike(logged byte, now string) bool {
	types, known := logTypes[now]
	if !known || slices.Contains(types, logged) {
		return true
	}
	integer := []byte{gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG, gomysql.MYSQL_TYPE_LONGLONG}
	return slices.Contains(integer, types[0]) && slices.Contains(integer, logged)
}

// unlike compares a table map that has no names with the catalog, and says what differs; empty if
// nothing does, so that columns can be told by their place.
func (d *logDecoder) unlike(te *replication.TableMapEvent, def tableDef) string {
	have, want := int(te.ColumnCount), len(def.defs)
	// MariaDB appends columns that its catalog hides: of system versioning, of long unique keys.
	if have < want || have > want && d.info.flavor == flavorMySQL {
		return fmt.Sprintf("it had %d columns, now it has %d", have, want)
	}
	for i, c := range def.defs {
		if types, known := logTypes[c.dataType]; known && !slices.Contains(types, te.ColumnType[i]) {
			return fmt.Sprintf("column %d was of another type than %s is now (%s)", i+1, c.name, c.native)
		}
	}
	return ""
}

// build prepares the plan.
func (p *rowPlan) build(format []byte, info server, te *replication.TableMapEvent, sh *shape, columns []int) error {
	unsigned, charsets, labelSets, labels := te.UnsignedMap(), te.CollationMap(), te.EnumSetCollationMap(), te.EnumStrValueMap()
	p.want, p.keys, p.cols = sh.want, len(sh.def.keys), columns
	p.end, p.versioned = endOf(te, sh.def)
	kept := slices.Clone(columns)
	if p.versioned {
		kept = append(kept, p.end)
	}
	slices.Sort(kept)
	kept = slices.Compact(kept)
	p.endSlot, _ = slices.BinarySearch(kept, p.end)
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
