package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// tableDef is a table with what the log side needs beyond source.Columns.
type tableDef struct {
	source.Columns
	defs     []columnDef
	typeOIDs map[string]uint32 // of the columns as declared, by name
	identity string            // pg_class.relreplident: d default, i index, f full, n nothing
	oid      uint32
	shape    string // by which a look at definitions knows columns and keys again
	parent   bool   // a plain table that others inherit from
}

// Partitions are told of by the name of the table that they are part of, so they are listed only by their own
// full names.
const sqlTables = `SELECT c.oid, n.nspname, c.relname, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meepo_ddl')`

// sqlTree are the numbers of a table c and of all its partitions. The server's own functions for them, and for the size of a
// table, lock what they look at, and wait for a VACUUM FULL of any partition.
const sqlTree = `(WITH RECURSIVE tree(id) AS (SELECT c.oid UNION ALL SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.id WHERE c.relkind = 'p') SELECT id FROM tree)`

// sqlEstimate is about how many rows a table c has, all its partitions together; one that was never analyzed is
// judged by the statistics of its changes.
const sqlEstimate = `(SELECT sum(greatest(l.reltuples, pg_stat_get_live_tuples(l.oid)))::float8 FROM pg_class l WHERE l.relkind = 'r' AND l.oid IN ` + sqlTree + `)`

const sqlTable = `SELECT c.oid, c.relkind::text, c.relpersistence::text, c.relreplident::text,
` + sqlEstimate + `, %s,
c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
` + sqlDefinition + `, n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE `

// sqlColumns resolves domains. The key is that of the replica identity's index where there is one, so that the
// log has it, and else the primary key.
const sqlColumns = `WITH RECURSIVE base(attnum, typid, typmod, depth) AS (
 SELECT a.attnum, a.atttypid, a.atttypmod, 0 FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
 UNION ALL
 SELECT b.attnum, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END, b.depth + 1
 FROM base b JOIN pg_type t ON t.oid = b.typid WHERE t.typtype = 'd')
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, t.typname, n.nspname, t.typtype::text, t.typcategory::text,
 b.typmod, a.attnotnull, a.attgenerated <> '',
 ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
 coalesce((SELECT p FROM array_position(k.indkey::int2[], a.attnum) AS p WHERE p < k.indnkeyatts), -1), a.attnum::int
FROM (SELECT DISTINCT ON (attnum) * FROM base ORDER BY attnum, depth DESC) b
JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = b.attnum
JOIN pg_type t ON t.oid = b.typid JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN (SELECT indkey, indnkeyatts FROM pg_index WHERE indrelid = $1 AND (indisreplident OR indisprimary) AND indisvalid
 AND (indimmediate OR (SELECT relreplident = 'f' FROM pg_class WHERE oid = $1))
 ORDER BY indisreplident DESC, indisprimary DESC LIMIT 1) k ON true
ORDER BY a.attnum`

// Tables lists the tables that the patterns select.
func (s *Source) Tables(ctx context.Context, fence source.Fence, patterns []source.Pattern) ([]source.Table, error) {
	var tables []source.Table
	err := s.inSnapshot(ctx, fence, func(ctx context.Context, tx pgx.Tx) error {
		found, err := selectTables(ctx, tx, patterns)
		tables = slices.SortedFunc(maps.Values(found), source.Table.Compare)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	s.descriptions.listed(patterns, tables)
	return tables, nil
}

// selectTables returns the tables that patterns select, by their numbers.
func selectTables(ctx context.Context, q querier, patterns []source.Pattern) (map[uint32]source.Table, error) {
	rows, err := q.Query(ctx, sqlTables)
	if err != nil {
		return nil, err
	}
	found := map[uint32]source.Table{}
	var oid uint32
	var t source.Table
	var partition bool
	_, err = pgx.ForEachRow(rows, []any{&oid, &t.Schema, &t.Name, &partition}, func() error {
		if slices.ContainsFunc(patterns, func(p source.Pattern) bool {
			one, literal := p.Literal()
			return literal && one == t || !partition && p.Match(t)
		}) {
			found[oid] = t
		}
		return nil
	})
	return found, err
}

// Columns describes a table.
func (s *Source) Columns(ctx context.Context, fence source.Fence, table source.Table) (source.Columns, error) {
	def, err := s.describe(ctx, fence, "n.nspname = $1 AND c.relname = $2", table.Schema, table.Name)
	s.descriptions.given(table, def, err)
	if err != nil {
		return source.Columns{}, fmt.Errorf("describe table: %s: %w", table, err)
	}
	return def.Columns, nil
}

// describeOID describes a table as it is now, whatever its name is.
func (s *Source) describeOID(ctx context.Context, oid uint32) (tableDef, error) {
	return s.describe(ctx, "", "c.oid = $1", oid)
}

func (s *Source) describe(ctx context.Context, fence source.Fence, which string, args ...any) (tableDef, error) {
	var def tableDef
	err := s.inSnapshot(ctx, fence, func(ctx context.Context, tx pgx.Tx) error {
		told, err := s.hasTriggers(ctx, tx)
		if err == nil {
			def, err = readTable(ctx, tx, s.incarnation(told), which, args...)
		}
		if err == nil && def.Refused == "" {
			if def.Refused, err = s.untold(ctx, tx, def); def.Refused != "" {
				def.Key = nil
			}
		}
		return err
	})
	return def, err
}

func readTable(ctx context.Context, tx pgx.Tx, incarnation, which string, args ...any) (tableDef, error) {
	def := tableDef{typeOIDs: map[string]uint32{}}
	var kind, persistence string
	var estimate *float64
	var readable bool
	err := tx.QueryRow(ctx, strings.Replace(sqlTable, "%s", incarnation, 1)+which, args...).Scan(&def.oid, &kind, &persistence, &def.identity, &estimate, &def.Incarnation, &def.parent, &def.shape, &def.Table.Schema, &def.Table.Name, &readable)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return def, source.ErrNoTable
	case err != nil:
		return def, err
	case kind != "r" && kind != "p" || persistence != "p":
		return def, noTable(def.Table, kind, persistence)
	case !readable:
		return def, &source.HintError{Err: fmt.Errorf("%w: the account lacks SELECT", source.ErrDenied),
			Advice: "GRANT USAGE ON SCHEMA " + quote(def.Table.Schema) + ", and GRANT SELECT ON " + quoteTable(def.Table) + ", TO the account"}
	}
	if estimate != nil { // a partitioned table without partitions has none
		def.Rows = int64(*estimate)
	}
	rows, err := tx.Query(ctx, sqlColumns, def.oid)
	if err != nil {
		return def, err
	}
	var d columnDef
	into := []any{&d.name, &d.native, &d.typeOID, &d.base, &d.namespace, &d.class, &d.category, &d.mod, &d.notNull, &d.generated, &d.labels, &d.keySeq, &d.number}
	_, err = pgx.ForEachRow(rows, into, func() error {
		d.keySeq++ // array positions of an int2vector count from 0
		d.labels = slices.Clone(d.labels)
		def.defs, def.typeOIDs[d.name] = append(def.defs, d), d.typeOID
		return nil
	})
	if err != nil {
		return def, err
	}
	def.compile()
	return def, nil
}

// noTable says what stands where a table is looked for.
func noTable(t source.Table, kind, persistence string) error {
	what, advice := "", "name the tables that it reads"
	switch {
	case kind == "v":
		what = "a view, which has no changes of its own in the log"
	case kind == "m":
		what = "a materialized view, which the log does not tell of"
	case kind == "f":
		what, advice = "a foreign table, whose changes are in another server's log", "replicate from that server"
	case persistence == "u":
		what, advice = "an unlogged table, so the log has none of its changes", "ALTER TABLE "+quoteTable(t)+" SET LOGGED;"
	case persistence == "t":
		what, advice = "a temporary table, so the log has none of its changes", "name a permanent one"
	default:
		return source.ErrNoTable
	}
	return &source.HintError{Err: fmt.Errorf("%w: it is %s", source.ErrNoTable, what), Advice: advice}
}

// compile fills in columns, key and refusal from what was read.
func (def *tableDef) compile() {
	var parts []int
	for i, d := range def.defs {
		def.Columns.Columns = append(def.Columns.Columns, columnOf(d, i+1))
		if d.keySeq > 0 {
			parts = append(parts, i)
		}
	}
	name := quoteTable(def.Table)
	switch {
	case def.parent:
		def.Refused = "other tables inherit from it: a SELECT shows their rows, the log does not. Name those tables instead"
		return
	case len(parts) == 0:
		def.Refused = "no primary key, or one that is deferrable: add one, such as ALTER TABLE " + name + " ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
		return
	case def.identity == "n":
		def.Refused = "its replica identity is NOTHING, so the log does not say which rows are deleted: ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT"
		return
	}
	slices.SortFunc(parts, func(a, b int) int { return def.defs[a].keySeq - def.defs[b].keySeq })
	for _, at := range parts {
		d := def.defs[at]
		if reason := refuseKey(d); reason != "" {
			def.Refused, def.Key = fmt.Sprintf("key column %s is %s: %s", d.name, d.native, reason), nil
			return
		}
		def.Key = append(def.Key, at)
	}
}
