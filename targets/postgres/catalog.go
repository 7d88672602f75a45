package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// existing is a column that the server has.
type existing struct {
	typ        typeName // without modifiers
	full       string   // with them, as the server prints it
	scale      int      // fractional digits that it keeps: of a numeric, a time or an interval; anyScale: as many as a value has
	length     int      // characters of a varchar; 0: any
	notNull    bool
	defaulted  bool // has a default, or is an identity
	generated  bool
	always     bool // an identity that only the server may fill
	sameAsByte bool // no collation takes two texts for one
	made       bool // by a run, see madeFor
}

// existingTable is a table that the server has.
type existingTable struct {
	oid     uint32
	kind    string // of pg_class.relkind
	columns map[string]existing
	unique  [][]string // the columns of each unique index that ON CONFLICT can use

	parameters map[string]string // of storage, with those of the TOAST table
	tablespace string
}

// anyScale is more than any column can be limited to.
const anyScale = 9999

// lookColumns: how modifiers are made is in the server's source, see numerictypmodin, intervaltypmodin and anychar_typmodin. An
// interval of some fields only keeps less than whole seconds.
const lookColumns = `SELECT a.attname, format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod),
	CASE WHEN a.atttypmod < 0 THEN 9999 WHEN a.atttypid = 'numeric'::regtype THEN ((a.atttypmod - 4) & 2047 # 1024) - 1024
	WHEN a.atttypid = ANY ('{timestamp,timestamptz,time,timetz}'::regtype[]) THEN a.atttypmod
	WHEN a.atttypid <> 'interval'::regtype THEN 9999 WHEN a.atttypmod >> 16 & 32767 <> 32767 THEN -9999
	WHEN a.atttypmod & 65535 = 65535 THEN 9999 ELSE a.atttypmod & 65535 END,
	CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,
	a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '', a.attidentity = 'a', coalesce(c.collisdeterministic, true),
	coalesce(col_description(a.attrelid, a.attnum), '')
	FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
	WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped`

const lookUnique = `SELECT array_agg(a.attname::text ORDER BY k.n)
	FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, n), pg_attribute a
	WHERE i.indrelid = $1 AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
	AND k.n <= i.indnkeyatts AND a.attrelid = i.indrelid AND a.attnum = k.attnum GROUP BY i.indexrelid`

const lookStorage = `SELECT coalesce(c.reloptions, '{}') || ARRAY(SELECT 'toast.' || o FROM pg_class s, unnest(s.reloptions) o WHERE s.oid = c.reltoastrelid),
	coalesce(s.spcname, (SELECT b.spcname FROM pg_database d JOIN pg_tablespace b ON b.oid = d.dattablespace WHERE d.datname = current_database()))::text
	FROM pg_class c LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.oid = $1`

// lookFleeting leaves out partitioned tables themselves: they hold no rows. Temporary tables are none of ours: no destination can
// name their schemas.
const lookFleeting = `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid IN (SELECT $1::oid UNION ALL SELECT relid::oid FROM pg_partition_tree($1::oid::regclass))
	AND c.relpersistence <> 'p' AND c.relkind <> 'p' ORDER BY 1`

// look reads the catalog about a destination; nil: it is not there.
func (t *Target) look(ctx context.Context, dest string) (*existingTable, error) {
	found := &existingTable{columns: map[string]existing{}}
	err := t.pool.QueryRow(ctx, "SELECT oid, relkind::text FROM pg_class WHERE oid = to_regclass($1)", quoteTable(dest)).Scan(&found.oid, &found.kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for table %s: %w", dest, refused(err))
	}
	rows, err := t.pool.Query(ctx, lookColumns, found.oid)
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", dest, refused(err))
	}
	var name, comment string
	var c existing
	_, err = pgx.ForEachRow(rows, []any{&name, &c.typ, &c.full, &c.scale, &c.length, &c.notNull, &c.defaulted, &c.generated, &c.always, &c.sameAsByte, &comment}, func() error {
		c.made = comment == madeFor(name)
		found.columns[name] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", dest, refused(err))
	}
	if rows, err = t.pool.Query(ctx, lookUnique, found.oid); err == nil {
		found.unique, err = pgx.CollectRows(rows, pgx.RowTo[[]string])
	}
	if err != nil {
		return nil, fmt.Errorf("indexes of %s: %w", dest, refused(err))
	}
	var parameters []string
	if err := t.pool.QueryRow(ctx, lookStorage, found.oid).Scan(&parameters, &found.tablespace); err != nil {
		return nil, fmt.Errorf("storage of %s: %w", dest, refused(err))
	}
	found.parameters = map[string]string{}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		found.parameters[name] = value
	}
	return found, nil
}

// fleeting are those of a table and its partitions that a crash empties, quoted where they have to be.
func (t *Target) fleeting(ctx context.Context, oid uint32) ([]string, error) {
	rows, err := t.pool.Query(ctx, lookFleeting, oid)
	if err != nil {
		return nil, fmt.Errorf("look at partitions: %w", refused(err))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look at partitions: %w", refused(err))
	}
	return names, nil
}
