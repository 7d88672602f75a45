package mysql

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// reconcile says before a change of a table that the log does not tell all that it means for rows:
// the table is then copied and looked through anew.
func (d *logDecoder) reconcile(ctx context.Context, c tableChange) error {
	if !d.matches(c.Table) {
		return nil
	}
	if c.Action != source.Alter {
		for _, t := range []source.Table{c.Table, c.To} {
			delete(d.met, t)
			delete(d.gone, t)
		}
		return nil
	}
	why, err := d.untold(ctx, c)
	if why == "" || err != nil {
		return err
	}
	d.src.log.InfoContext(ctx, "a table's change may have changed rows that the log does not tell of: the table has to be copied anew",
		slog.String("table", c.Table.String()), slog.String("why", why))
	d.add(source.Event{Action: source.Gap, Table: c.Table})
	return nil
}

// untold finds out what an Alter means for rows beyond what the log says; empty: nothing.
func (d *logDecoder) untold(ctx context.Context, c tableChange) (string, error) {
	if c.effect&(onLayout|onNames|onValues) == 0 {
		if c.effect&onRows != 0 {
			return "rows may have come or gone", nil
		}
		return "", nil
	}
	def, err := d.src.describe(ctx, d.fenceInside(), c.Table)
	if err != nil && !errors.Is(err, source.ErrNoTable) && !errors.Is(err, source.ErrDenied) {
		return "", &passingError{err}
	}
	before, decoded := d.met[c.Table]
	gone := append(d.gone[c.Table], c.lost...)
	d.met[c.Table], d.gone[c.Table] = def.defs, gone
	switch {
	case err != nil:
		return "", nil // that comes as an event of its own
	case c.effect&onRows != 0:
		return "rows may have come or gone", nil
	case decoded && before == nil: // said already
		return "", nil
	case anyNamed(gone, c.gained), anyNamed(c.lost, namesOf(def.defs)):
		return "a column has taken the place of another one of its name", nil
	case len(c.gained) > 0 && !decoded:
		return "whether a column of this name was there before is not known any more", nil
	case c.effect&onValues == 0 && d.info.rowMetadataFull && !d.unnamed[c.Table]:
		return "", nil // rows of before are read by the names of their columns
	case !decoded:
		return "with which columns its rows were read is not known any more", nil
	case slices.Equal(before, def.defs):
		// Had the catalog been older than the change, it would differ now.
		return "its rows may have been read with columns of later", nil
	case c.effect&onValues != 0 && converted(before, def.defs):
		return "values may have been converted", nil
	}
	return "", nil
}

func namesOf(defs []columnDef) []string {
	names := make([]string, len(defs))
	for i, d := range defs {
		names[i] = d.name
	}
	return names
}

// anyNamed reports whether the lists of columns have a name in common.
func anyNamed(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return strings.EqualFold(x, y) })
	})
}

// converted reports whether values of a column may be others after its definition was changed. A
// column that is gone or new is not meant: whoever reads it sees that.
func converted(before, after []columnDef) bool {
	for _, now := range after {
		at := slices.IndexFunc(before, func(was columnDef) bool { return strings.EqualFold(was.name, now.name) })
		if at >= 0 && !keeps(before[at], now) {
			return true
		}
	}
	return false
}

// The sizes of types whose larger ones hold all values of the smaller ones.
var (
	integerSizes = map[string]int{"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 5}
	textSizes    = map[string]int{"tinytext": 1, "text": 2, "mediumtext": 3, "longtext": 4}
	blobSizes    = map[string]int{"tinyblob": 1, "blob": 2, "mediumblob": 3, "longblob": 4}
)

// keeps reports whether every value of a column is the same in a wider one.
func keeps(was, now columnDef) bool {
	if was.nullable && !now.nullable || was.generated != now.generated {
		return false
	}
	// A key's order and text depend on more: a copy goes by the order, and ids are made of the text.
	if was.keySeq.Valid && (was.charset != now.charset || was.collation != now.collation || was.digits != now.digits || was.scale != now.scale) {
		return false
	}
	unsigned := func(c columnDef) bool { return strings.Contains(c.native, "unsigned") }
	if from, ok := integerSizes[was.dataType]; ok {
		return from <= integerSizes[now.dataType] && unsigned(was) == unsigned(now)
	}
	if !keepsCharset(was.charset.String, now.charset.String) {
		return false
	}
	for _, sizes := range []map[string]int{textSizes, blobSizes} {
		if from, ok := sizes[was.dataType]; ok {
			return from <= sizes[now.dataType]
		}
	}
	if was.native == now.native {
		return true
	}
	wider := was.length.Int64 <= now.length.Int64 && was.scale == now.scale && was.precision.Int64 <= now.precision.Int64 &&
		was.digits.Int64 <= now.digits.Int64
	switch was.dataType {
	case "varchar", "varbinary", "decimal", "datetime", "timestamp", "time":
		return was.dataType == now.dataType && wider && unsigned(was) == unsigned(now)
	case "enum", "set": // labels were added at the end
		return was.dataType == now.dataType && strings.HasPrefix(now.native, strings.TrimSuffix(was.native, ")")+",")
	}
	return false
}

// keepsCharset reports whether every text of a charset can be written in another one.
func keepsCharset(was, now string) bool {
	return was == now || now == "utf8mb4" && (was == "utf8mb3" || was == "utf8" || was == "ascii")
}
