package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// tableDef is a table with what the log side needs beyond source.Columns.
type tableDef struct {
	source.Columns
	defs []columnDef // of all columns, in their order
	keys []keyColumn // of the key columns, in key order; nil if refused

	versioned bool // MariaDB: it keeps its former rows
}

// columnDef is a column as information_schema prints it.
type columnDef struct {
	name, native, dataType, extra    string
	nullable                         bool
	charset, collation, generated    sql.NullString
	length, precision, scale, digits sql.NullInt64
	keySeq, keyPrefix                sql.NullInt64 // place in the primary key, from 1; characters of it in the key
	jsonChecked                      bool          // MariaDB: what was declared as JSON
}

// The two hints are for MySQL, and comments to MariaDB: row estimates as they are now, not as they
// were yesterday, and no write to the server's cache of them.
const sqlTables = `SELECT /*+ SET_VAR(information_schema_stats_expiry=0) */ TABLE_SCHEMA, TABLE_NAME
FROM information_schema.TABLES
WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')`

const sqlRows = `SELECT /*+ SET_VAR(information_schema_stats_expiry=0) */ TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS
FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`

const sqlColumns = `SELECT c.COLUMN_NAME, c.COLUMN_TYPE, c.DATA_TYPE, c.EXTRA, c.IS_NULLABLE = 'YES',
c.CHARACTER_SET_NAME, c.COLLATION_NAME, c.GENERATION_EXPRESSION,
c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION, c.NUMERIC_SCALE, c.DATETIME_PRECISION,
k.SEQ_IN_INDEX, k.SUB_PART
FROM information_schema.COLUMNS c
LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME
AND k.INDEX_NAME = 'PRIMARY' AND k.COLUMN_NAME = c.COLUMN_NAME AND k.TABLE_SCHEMA = ? AND k.TABLE_NAME = ?
WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ?
ORDER BY c.ORDINAL_POSITION`

// MariaDB's JSON is LONGTEXT with a check of its own making.
const sqlJSONChecks = `SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`

// Tables lists the tables that the patterns select.
func (s *Source) Tables(ctx context.Context, fence source.Fence, patterns []source.Pattern) ([]source.Table, error) {
	var tables []source.Table
	err := s.fenced(ctx, fence, func(ctx context.Context, q *session) error {
		tables = nil
		for _, p := range patterns {
			// Of a table that is created right now under a lock fence a glob may not know yet; its
			// event comes, and names it.
			if t, literal := p.Literal(); literal {
				if err := q.settle(ctx, t); err != nil {
					return err
				}
			}
		}
		for _, p := range patterns {
			found, err := s.listTables(ctx, q, p)
			if err != nil {
				return err
			}
			tables = append(tables, found...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	slices.SortFunc(tables, source.Table.Compare)
	return slices.Compact(tables), nil
}

// listTables lists the tables of one pattern. It names the schema and the table where it can: MariaDB
// opens every table that it lists, and waits for each that is being altered.
func (s *Source) listTables(ctx context.Context, q *session, p source.Pattern) ([]source.Table, error) {
	query, args := sqlTables, []any(nil)
	if !source.IsGlob(p.Schema) {
		query, args = query+" AND TABLE_SCHEMA = ?", append(args, p.Schema)
	}
	if !source.IsGlob(p.Name) {
		query, args = query+" AND TABLE_NAME = ?", append(args, p.Name)
	}
	rows, err := q.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []source.Table
	for rows.Next() {
		var t source.Table
		if err := rows.Scan(&t.Schema, &t.Name); err != nil {
			return nil, err
		}
		if s.matches(p, t) {
			tables = append(tables, t)
		}
	}
	return tables, rows.Err()
}

// matches compares names as the server does: some fold case.
func (s *Source) matches(p source.Pattern, t source.Table) bool {
	if s.server().lowerCaseTableNames != 0 {
		p = source.Pattern{Schema: strings.ToLower(p.Schema), Name: strings.ToLower(p.Name)}
		t = source.Table{Schema: strings.ToLower(t.Schema), Name: strings.ToLower(t.Name)}
	}
	return p.Match(t)
}

// same compares names like matches, but none is a pattern.
func (s *Source) same(a, b source.Table) bool {
	if s.server().lowerCaseTableNames != 0 {
		return strings.EqualFold(a.Schema, b.Schema) && strings.EqualFold(a.Name, b.Name)
	}
	return a == b
}

// Columns describes a table.
func (s *Source) Columns(ctx context.Context, fence source.Fence, table source.Table) (source.Columns, error) {
	def, err := s.describe(ctx, fence, table)
	if err == nil {
		s.setHidden(table, false)
	}
	return def.Columns, err
}

// setHidden notes that a table may not be seen, so that the stream skips its rows; or, when somebody has
// seen it who may follow it from now on, that it may, so that the stream tells them again.
func (s *Source) setHidden(table source.Table, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !is {
		delete(s.hidden, table)
		return
	}
	if s.hidden == nil {
		s.hidden = map[source.Table]bool{}
	}
	s.hidden[table] = true
}

func (s *Source) isHidden(table source.Table) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden[table]
}

// describe is Columns for the log side, which also wants the key columns ready to decode.
func (s *Source) describe(ctx context.Context, fence source.Fence, table source.Table) (tableDef, error) {
	var def tableDef
	err := s.fenced(ctx, fence, func(ctx context.Context, q *session) error {
		if err := q.settle(ctx, table); err != nil {
			return err
		}
		var err error
		def, err = s.read(ctx, q, table)
		return err
	})
	if err != nil {
		return tableDef{}, fmt.Errorf("describe table: %s: %w", table, denied(table, err))
	}
	return def, nil
}

func (s *Source) read(ctx context.Context, q *session, table source.Table) (tableDef, error) {
	var kind string
	var estimate sql.NullInt64
	var actual source.Table
	err := q.conn.QueryRowContext(ctx, sqlRows, table.Schema, table.Name).Scan(&actual.Schema, &actual.Name, &kind, &estimate)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return tableDef{}, q.unlisted(ctx, table)
	case err != nil:
		return tableDef{}, err
	case strings.HasSuffix(kind, "VIEW") && s.same(table, actual):
		return tableDef{}, &source.HintError{Err: fmt.Errorf("%w: it is a view, which has no changes of its own in the log", source.ErrNoTable), Advice: "name the tables that it reads"}
	case kind != "BASE TABLE" && kind != systemVersioned, !s.same(table, actual):
		return tableDef{}, source.ErrNoTable
	}
	def := tableDef{Columns: source.Columns{Table: actual, Rows: -1}, versioned: kind == systemVersioned}
	if estimate.Valid {
		def.Rows = estimate.Int64
	}
	if def.defs, err = readColumns(ctx, q, actual); err != nil {
		return tableDef{}, err
	}
	if len(def.defs) == 0 {
		return tableDef{}, source.ErrNoTable // dropped between the two statements
	}
	if s.server().flavor == flavorMariaDB {
		if err := markJSON(ctx, q, actual, def.defs); err != nil {
			return tableDef{}, err
		}
	}
	s.compile(&def)
	return def, nil
}

// unlisted says why the catalog does not list a table: it hides those that the account may not read.
func (q *session) unlisted(ctx context.Context, table source.Table) error {
	_, err := q.conn.ExecContext(ctx, "SELECT 1 FROM "+quoteTable(table)+" LIMIT 0")
	_, answered := serverAnswer(err)
	if err == nil || answered && !isErrno(err, errTableDenied, errColumnDenied, errDatabaseDenied, errLockTimeout) {
		return source.ErrNoTable // no error: it has come since
	}
	return err
}

func readColumns(ctx context.Context, q *session, t source.Table) ([]columnDef, error) {
	rows, err := q.conn.QueryContext(ctx, sqlColumns, t.Schema, t.Name, t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var defs []columnDef
	for rows.Next() {
		var d columnDef
		err := rows.Scan(&d.name, &d.native, &d.dataType, &d.extra, &d.nullable, &d.charset, &d.collation, &d.generated,
			&d.length, &d.precision, &d.scale, &d.digits, &d.keySeq, &d.keyPrefix)
		if err != nil {
			return nil, err
		}
		d.dataType, d.extra = strings.ToLower(d.dataType), strings.ToUpper(d.extra)
		defs = append(defs, d)
	}
	return defs, rows.Err()
}

func markJSON(ctx context.Context, q *session, t source.Table, defs []columnDef) error {
	if !slices.ContainsFunc(defs, func(d columnDef) bool { return d.dataType == "longtext" }) {
		return nil
	}
	rows, err := q.conn.QueryContext(ctx, sqlJSONChecks, t.Schema, t.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, clause string
		if err := rows.Scan(&name, &clause); err != nil {
			return err
		}
		for i := range defs {
			if defs[i].name == name && defs[i].dataType == "longtext" && strings.HasPrefix(strings.ToLower(clause), "json_valid(") {
				defs[i].jsonChecked = true
			}
		}
	}
	return rows.Err()
}

// compile fills in columns, key and refusal from what was read.
func (s *Source) compile(def *tableDef) {
	type part struct{ seq, at int }
	var parts []part
	for i, d := range def.defs {
		def.Columns.Columns = append(def.Columns.Columns, columnOf(d, i+1))
		if d.keySeq.Valid && !d.isRowEnd() {
			parts = append(parts, part{int(d.keySeq.Int64), i})
		}
	}
	if len(parts) == 0 {
		def.Refused = "no primary key: add one, such as ALTER TABLE " + quoteTable(def.Table) +
			" ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY"
		return
	}
	if def.Refused = refuseVersions(def.defs); def.Refused != "" {
		return
	}
	slices.SortFunc(parts, func(a, b part) int { return a.seq - b.seq })
	for _, p := range parts {
		d := def.defs[p.at]
		if reason := s.refuseKey(d); reason != "" {
			def.Refused = fmt.Sprintf("key column %s is %s: %s", d.name, d.native, reason)
			def.Key, def.keys = nil, nil
			return
		}
		def.Key = append(def.Key, p.at)
		def.keys = append(def.keys, keyColumn{Column: def.Columns.Columns[p.at], charset: d.charset.String, sets: s.charsets})
	}
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteTable(t source.Table) string { return quote(t.Schema) + "." + quote(t.Name) }
