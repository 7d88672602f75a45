package mysql

import (
	"slices"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// MariaDB keeps the former rows of a system-versioned table in the table. A SELECT does not show them,
// but the log does: a DELETE is an update of the row's end, an UPDATE is followed by an insert of what was.
// A row is of now while its end is the last moment there is.
// https://mariadb.com/kb/en/system-versioned-tables/

// lastMoments are the ends of rows of now: of before MariaDB 11.5 and of later.
var lastMoments = []source.Value{"2038-01-19T03:14:07.999999Z", "2106-02-07T06:28:15.999999Z"}

const (
	rowEnd            = "ROW END" // how the catalog says that a column is that
	systemVersioned   = "SYSTEM VERSIONED"
	versionedByNumber = "system-versioned by transactions, whose changes MariaDB logs as statements: " +
		"version it by time (TIMESTAMP(6)), or drop the versioning"
)

// isRowEnd reports whether a column is the end of a row's time. MariaDB appends it to the primary key.
func (d columnDef) isRowEnd() bool {
	return strings.EqualFold(d.generated.String, rowEnd)
}

// refuseVersions says why the versions of a table's rows cannot be told apart; empty if they can.
func refuseVersions(defs []columnDef) string {
	if slices.ContainsFunc(defs, func(d columnDef) bool { return d.isRowEnd() && d.dataType != "timestamp" }) {
		return versionedByNumber
	}
	return ""
}

// endOf finds the column that holds the end of rows in the log; false: it has none, all rows are of
// now. Where the table's maker has not named it, it is hidden from the catalog and among the last in the log.
func endOf(te *replication.TableMapEvent, def tableDef) (column int, is bool) {
	if !def.versioned {
		return 0, false
	}
	at := slices.IndexFunc(def.defs, columnDef.isRowEnd)
	if names := te.ColumnNameString(); len(names) > 0 {
		name := "row_end"
		if at >= 0 {
			name = def.defs[at].name
		}
		at = slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		return max(at, 0), at >= 0
	}
	if at >= 0 {
		return at, at < len(te.ColumnType)
	}
	for at := len(te.ColumnType) - 1; at >= len(def.defs); at-- { // others may be hidden, of long unique keys
		if te.ColumnType[at] == gomysql.MYSQL_TYPE_TIMESTAMP2 {
			return at, true
		}
	}
	return 0, false
}

// endColumn decodes the end of rows.
var endColumn = keyColumn{Column: source.Column{Name: "row_end", Type: source.Type{Kind: source.KindTimestamp, Native: "timestamp(6)", Scale: 6}}}

// past reports whether an image is of a former row. What a partial image does not have is as it was before.
func (p *rowPlan) past(row []any, present []byte, before bool) (bool, error) {
	if !p.versioned {
		return false, nil
	}
	if !hasBit(present, p.end) || row[p.endSlot] == nil {
		return before, nil
	}
	v, err := endColumn.fromLog(row[p.endSlot], logColumn{})
	return err == nil && !slices.Contains(lastMoments, v), err
}
