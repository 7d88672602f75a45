package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// sqlUntold looks for what keeps the log from telling the changes of a table ($1) under its name, with its key ($2): the
// table itself, or a partition, which has a replica identity of its own (none is foreign, under a key); or one that the table is a partition of, under whose
// name the publication ($3) has its changes. %s is whether a publication p holds a table g.
const sqlUntold = `SELECT n.nspname, l.relname, l.oid = c.oid, x.why FROM pg_class c JOIN pg_class l ON l.relkind = 'r' AND l.oid IN ` + sqlTree + ` JOIN pg_namespace n ON n.oid = l.relnamespace
LEFT JOIN pg_index i ON i.indrelid = l.oid AND CASE l.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary END
CROSS JOIN LATERAL (SELECT CASE WHEN l.relpersistence = 'u' THEN 'unlogged' WHEN l.relreplident = 'n' THEN 'nothing'
 WHEN l.relreplident = 'i' AND i.indexrelid IS NULL THEN 'dropped'
 WHEN l.relreplident IN ('i', 'd') AND NOT $2::text[] <@ ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = l.oid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) THEN 'other' END AS why) x
WHERE c.oid = $1 AND x.why IS NOT NULL
UNION ALL
SELECT n.nspname, g.relname, false, 'root' FROM pg_class c JOIN pg_class g ON g.oid <> c.oid AND g.oid IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) a) JOIN pg_namespace n ON n.oid = g.relnamespace
WHERE c.oid = $1 AND c.relispartition AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = $3 AND p.pubviaroot AND (p.puballtables OR %s))
ORDER BY 1, 2 LIMIT 1`

// untold says why the log does not tell all changes of a table with its key, or nothing.
func (s *Source) untold(ctx context.Context, tx pgx.Tx, def tableDef) (string, error) {
	var key []string
	for _, k := range def.KeyColumns() {
		key = append(key, k.Name)
	}
	var at source.Table
	var itself bool
	var why string
	err := tx.QueryRow(ctx, fmt.Sprintf(sqlUntold, s.holds()), def.oid, key, s.cfg.Publication).Scan(&at.Schema, &at.Name, &itself, &why)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name := quoteTable(at)
	what, identity := "it", "its replica identity"
	if !itself {
		what, identity = "its partition "+name, "the replica identity of its partition "+name
	}
	switch why {
	case "root":
		return "it is a partition of " + name + ", which the publication has, too, so that the log tells its changes as those of " + name + ": name that one instead, or a publication without it with --source-publication", nil
	case "unlogged":
		return what + " is unlogged, so the log has none of its changes: ALTER TABLE " + name + " SET LOGGED", nil
	case "nothing":
		return identity + " is NOTHING, so the log does not say which rows are deleted: ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT", nil
	case "dropped":
		return identity + " is an index that was dropped, so the log does not say which rows are deleted: ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT", nil
	}
	return identity + " lacks columns of the key (" + strings.Join(key, ", ") + "), so the log does not say which rows are deleted: ALTER TABLE " + name +
		" REPLICA IDENTITY USING INDEX with the index of these columns, or FULL", nil
}
