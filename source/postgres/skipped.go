package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/source"
)

// Rows of a table that cannot be read are passed over, and so are those of one that has no key, or is gone. That may be
// wrong by now: the log can be ahead of the catalog, a right can be given back. So the catalog is asked again at each look
// at definitions, and a table that can be read then has a gap, which stands for the rows that were passed over.

// ready returns the table of a row, described, or nil if its rows are nothing to us.
func (d *decoder) ready(ctx context.Context, oid uint32) (*relation, error) {
	rel := d.tables[oid]
	if rel == nil {
		return nil, fmt.Errorf("the log has a row of table %d, and has not said which table that is", oid)
	}
	if !rel.wanted {
		return nil, nil
	}
	if rel.keys == nil && !rel.skipped {
		if err := d.describe(ctx, rel); err != nil {
			return nil, err
		}
	}
	if rel.skipped {
		rel.missed = true
		d.note()
		return nil, nil
	}
	return rel, nil
}

// describe finds out how a table's key is read. A table that is gone, or has no key now, has no rows for us; one
// whose definition is not that of the log any more has to be copied anew.
func (d *decoder) describe(ctx context.Context, rel *relation) error {
	def, err := d.src.describeOID(ctx, rel.oid)
	switch {
	case errors.Is(err, source.ErrNoTable), err == nil && def.Refused != "":
		rel.skipped = true
		return nil
	case err == nil:
		err = rel.compile(def)
	case !errors.Is(err, source.ErrDenied):
		return err
	}
	if err != nil {
		d.unreadable(rel, err)
	}
	return nil
}

// unreadable has a table copied anew, of which the log has a row that cannot be read with what is known of it. It is said
// once, until it can be read.
func (d *decoder) unreadable(rel *relation, why error) {
	rel.skipped, rel.missed = true, true
	if rel.said {
		return
	}
	rel.said = true
	d.src.log.Warn("a row in the log does not fit the table as it is now, the table is copied again", "table", rel.table.String(), "why", why)
	d.add(source.Event{Action: source.Gap, Table: rel.table})
}

// revive asks the catalog again about a table whose rows were passed over.
func (d *decoder) revive(ctx context.Context, rel *relation) error {
	rel.skipped, rel.keys, rel.others = false, nil, nil
	if err := d.describe(ctx, rel); err != nil || rel.skipped {
		rel.skipped = true
		return err
	}
	d.makeUp(rel)
	return nil
}

// described takes in what the log says anew of a table.
func (d *decoder) described(rel *relation) {
	if before := d.tables[rel.oid]; before != nil && before.missed && rel.wanted {
		d.makeUp(rel)
	}
	d.tables[rel.oid] = rel
}

// makeUp says that rows were passed over.
func (d *decoder) makeUp(rel *relation) {
	rel.said, rel.missed = false, false
	d.add(source.Event{Action: source.Gap, Table: rel.table})
}
