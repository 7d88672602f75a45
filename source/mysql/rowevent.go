package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// logTypes are the types that the log has for a type of the catalog. Types that are not here are
// not compared.
var logTypes = map[string][]byte{
	"tinyint": {gomysql.MYSQL_TYPE_TINY}, "smallint": {gomysql.MYSQL_TYPE_SHORT}, "mediumint": {gomysql.MYSQL_TYPE_INT24},
	"int": {gomysql.MYSQL_TYPE_LONG}, "bigint": {gomysql.MYSQL_TYPE_LONGLONG},
	"float": {gomysql.MYSQL_TYPE_FLOAT}, "double": {gomysql.MYSQL_TYPE_DOUBLE}, "decimal": {gomysql.MYSQL_TYPE_NEWDECIMAL},
	"bit": {gomysql.MYSQL_TYPE_BIT}, "year": {gomysql.MYSQL_TYPE_YEAR}, "date": {gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_NEWDATE},
	"time": {gomysql.MYSQL_TYPE_TIME, gomysql.MYSQL_TYPE_TIME2}, "datetime": {gomysql.MYSQL_TYPE_DATETIME, gomysql.MYSQL_TYPE_DATETIME2},
	"timestamp": {gomysql.MYSQL_TYPE_TIMESTAMP, gomysql.MYSQL_TYPE_TIMESTAMP2},
	"char":      {gomysql.MYSQL_TYPE_STRING}, "binary": {gomysql.MYSQL_TYPE_STRING}, "enum": {gomysql.MYSQL_TYPE_STRING}, "set": {gomysql.MYSQL_TYPE_STRING},
	"varchar": {gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING}, "varbinary": {gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING},
	"tinytext": {gomysql.MYSQL_TYPE_BLOB}, "text": {gomysql.MYSQL_TYPE_BLOB}, "mediumtext": {gomysql.MYSQL_TYPE_BLOB}, "longtext": {gomysql.MYSQL_TYPE_BLOB},
	"tinyblob": {gomysql.MYSQL_TYPE_BLOB}, "blob": {gomysql.MYSQL_TYPE_BLOB}, "mediumblob": {gomysql.MYSQL_TYPE_BLOB}, "longblob": {gomysql.MYSQL_TYPE_BLOB},
	"json": {gomysql.MYSQL_TYPE_JSON},
}

// rows turns a rows event into events of its keys.
func (d *logDecoder) rows(ctx context.Context, kind replication.EventType, re *replication.RowsEvent) error {
	plan, err := d.planFor(ctx, re.Table)
	if plan == nil || err != nil {
		return err
	}
	body := d.body
	in := images{columns: int(re.ColumnCount), before: re.ColumnBitmap1}
	action := source.Update
	switch kind {
	case replication.WRITE_ROWS_EVENTv0, replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2, replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:
		action = source.Insert
	case replication.DELETE_ROWS_EVENTv0, replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		action = source.Delete
	default:
		in.after, in.partial = re.ColumnBitmap2, kind == replication.PARTIAL_UPDATE_ROWS_EVENT
	}
	switch kind {
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		if body, err = gomysql.DecompressMariadbData(body); err != nil {
			return fmt.Errorf("rows of %s: decompress: %w", plan.table, err)
		}
	}
	rows, err := plan.image.read(body, in)
	if err == nil {
		d.addRows(ctx, plan, action, rows, in)
	}
	if err != nil {
		return fmt.Errorf("rows of %s: %w", plan.table, err)
	}
	return nil
}

// addRows makes events of rows. One that gives no key is left out, and a Gap says so: it is older than the
// key that the table has now, or has a value that no key can hold.
func (d *logDecoder) addRows(ctx context.Context, plan *rowPlan, action source.Action, rows [][]any, in images) {
	step := 1
	if in.after != nil {
		step = 2
	}
	for i := 0; i < len(rows); i += step {
		former, err := plan.past(rows[i], in.before, false)
		if former && err == nil {
			continue // it is not of the table as a SELECT shows it
		}
		if err != nil {
			d.keyless(ctx, plan, err)
		}
		old, key, err := plan.decode(rows[i], in.before, nil)
		if err != nil {
			d.keyless(ctx, plan, err)
		}
		e := source.Event{Action: action, Table: plan.table, Key: key}
		switch {
		case action == source.Update:
			d.addUpdate(ctx, plan, e, old, rows[i+1], in.after)
		case key == "":
		case action == source.Insert:
			e.New = plan.extra(old)
			d.add(e)
		case action == source.Delete:
			e.Old = plan.extra(old)
			d.add(e)
		}
	}
}

// addUpdate tells a changed key as the end of one row and the beginning of another.
func (d *logDecoder) addUpdate(ctx context.Context, plan *rowPlan, e source.Event, old []source.Value, after []any, present []byte) {
	former, err := plan.past(after, present, false)
	if err != nil {
		d.keyless(ctx, plan, err)
	}
	if former { // its time has ended
		if e.Key != "" {
			d.add(source.Event{Action: source.Delete, Table: e.Table, Key: e.Key, Old: plan.extra(old)})
		}
		return
	}
	now, key, err := plan.decode(after, present, old)
	if err != nil {
		d.keyless(ctx, plan, err)
	}
	if key == e.Key && key != "" {
		e.Old, e.New = plan.extra(old), plan.extra(now)
		d.add(e)
		return
	}
	if e.Key != "" {
		d.add(source.Event{Action: source.Delete, Table: e.Table, Key: e.Key, Old: plan.extra(old)})
	}
	if key != "" {
		d.add(source.Event{Action: source.Insert, Table: e.Table, Key: key, New: plan.extra(now)})
	}
}

// keyless says that a row of a plan was left out.
func (d *logDecoder) keyless(ctx context.Context, plan *rowPlan, why error) {
	if plan.gap.difference == "" {
		plan.gap.difference = why.Error()
	}
	d.tellGap(ctx, plan)
}

// decode returns the wanted columns of an image, and its key; empty with an error where it gives none.
// The values are nil then.
func (p *rowPlan) decode(row []any, present []byte, before []source.Value) ([]source.Value, source.Key, error) {
	values, err := p.values(row, present, before)
	if err != nil {
		return nil, "", err
	}
	key, err := p.key(values)
	if err != nil {
		return nil, "", err
	}
	return values, key, nil
}

// values decodes the wanted columns of an image. What a partial image does not have is as it was
// before.
func (p *rowPlan) values(row []any, present []byte, before []source.Value) ([]source.Value, error) {
	values := make([]source.Value, len(p.want))
	for i, k := range p.want {
		raw := row[p.slots[i]]
		switch {
		case !hasBit(present, p.cols[i]):
			if before != nil {
				values[i] = before[i]
			}
			continue
		case raw == nil:
			continue
		}
		v, err := k.fromLog(raw, p.meta[i])
		if err != nil {
			return nil, err
		}
		if text, ok := v.(string); ok && i >= p.keys {
			v = strings.Clone(text) // it may point into the event
		}
		values[i] = v
	}
	return values, nil
}

func (p *rowPlan) key(values []source.Value) (source.Key, error) {
	for i, v := range values[:p.keys] {
		if v == nil {
			return "", fmt.Errorf("key column %s is not in the log's row, or NULL", p.want[i].Name)
		}
	}
	return source.NewKey(values[:p.keys]...)
}

// extra returns the subscribed columns beyond the key, nil if there are none, or no values at all.
func (p *rowPlan) extra(values []source.Value) []source.Value {
	if len(values) <= p.keys {
		return nil
	}
	return values[p.keys:]
}

// uncompressColumns makes MariaDB's compressed columns look like the plain ones in a table map.
// The library does not know their types and would misread all metadata behind them; in the rows
// they are bytes behind a length like the others.
func uncompressColumns(raw []byte) {
	const blobCompressed, varcharCompressed = 140, 141
	types, err := columnTypes(raw[replication.EventHeaderSize:])
	if err != nil {
		return // the library's error says more
	}
	for i, kind := range types {
		switch kind {
		case blobCompressed:
			types[i] = gomysql.MYSQL_TYPE_BLOB
		case varcharCompressed:
			types[i] = gomysql.MYSQL_TYPE_VARCHAR
		}
	}
}

// columnTypes returns the part of a table map that holds them.
func columnTypes(body []byte) ([]byte, error) {
	at := 8 // table id, flags
	for range 2 {
		if at >= len(body) {
			return nil, errors.New("table map is cut short")
		}
		at += int(body[at]) + 2 // schema, table: a length before, a zero behind
	}
	if at >= len(body) {
		return nil, errors.New("table map is cut short")
	}
	count, n, err := lengthEncoded(body[at:])
	if err != nil {
		return nil, errors.New("table map is cut short")
	}
	at += n
	if count > uint64(len(body)-at) {
		return nil, errors.New("table map is cut short")
	}
	return body[at : at+int(count)], nil
}
