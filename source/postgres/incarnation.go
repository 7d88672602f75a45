package postgres

import (
	"fmt"
	"strings"
)

// The text of Columns.Incarnation is of the table's number and of what else changes rows without row events. Where
// the log tells of definitions, that is only a partition that got new files, as TRUNCATE gives it. Else it is all
// files, so that a rewritten table is noticed, what partitions there are, the labels and attributes of the columns' types
// and of those within them, and the expressions of generated columns, of partitions, too.

const sqlToldIncarnation = `c.oid::text || coalesce((SELECT ':' || md5(string_agg(pc.oid::text || '/' || pc.relfilenode::text, ',' ORDER BY pc.oid))
 FROM pg_class pc WHERE c.relkind = 'p' AND pc.relkind = 'r' AND pc.relfilenode <> pc.oid AND pc.oid IN ` + sqlTree + `), '')`

const sqlIncarnation = `c.oid::text || '/' || c.relfilenode::text || ':' || md5(
 coalesce((SELECT string_agg(pc.oid::text || '/' || pc.relfilenode::text, ',' ORDER BY pc.oid)
  FROM pg_class pc WHERE c.relkind = 'p' AND pc.oid IN ` + sqlTree + `), '') ||
 coalesce((WITH RECURSIVE held(type) AS (
   SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
   UNION
   SELECT x.type FROM held h JOIN pg_type y ON y.oid = h.type CROSS JOIN LATERAL (
    SELECT y.typelem AS type WHERE y.typcategory = 'A' UNION ALL SELECT y.typbasetype WHERE y.typtype = 'd' UNION ALL
    SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = y.oid UNION ALL
    SELECT a.atttypid FROM pg_attribute a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped) x WHERE x.type >= 16384)
  SELECT string_agg(h.type::text || coalesce((SELECT string_agg(e.oid::text || '/' || e.enumlabel, ',' ORDER BY e.oid) FROM pg_enum e WHERE e.enumtypid = h.type), '') ||
   coalesce((SELECT string_agg(a.attnum::text || '/' || a.attname || '/' || a.atttypid::text, ',' ORDER BY a.attnum) FROM pg_type y JOIN pg_attribute a ON a.attrelid = y.typrelid
    WHERE y.oid = h.type AND y.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped), ''), ',' ORDER BY h.type) FROM held h), '') ||
 coalesce((SELECT string_agg(d.adrelid::text || '.' || d.adnum::text || '/' || d.adbin::text, ',' ORDER BY d.adrelid, d.adnum)
  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> '' AND d.adrelid IN ` + sqlTree + `), ''))`

// sqlMembership is since when a publication, which stands for the second %s, holds the table's changes of all kinds: its own row's
// version, and the numbers of what makes the table one of it, which are others after it was taken out for a while.
const sqlMembership = `coalesce((SELECT '@' || p.oid::text || '.' || p.xmin::text || coalesce('.' || (SELECT string_agg(r.oid::text, '+' ORDER BY r.oid) FROM pg_publication_rel r
 WHERE r.prpubid = p.oid AND r.prrelid IN (SELECT c.oid UNION SELECT a.relid FROM pg_partition_ancestors(c.oid) a)), '')%s
 FROM pg_publication p WHERE p.pubname = %s), '')`

// sqlSchemaMembership is the same for publications of all tables of a schema, from 15 on.
const sqlSchemaMembership = ` || coalesce('.' || (SELECT string_agg(s.oid::text, '+' ORDER BY s.oid) FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid IN (
 SELECT t.relnamespace FROM pg_class t WHERE t.oid = c.oid OR t.oid IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) a))), '')`

// incarnation is the expression for a table c.
func (s *Source) incarnation(told bool) string {
	of := sqlIncarnation
	if told {
		of = sqlToldIncarnation
	}
	return of + " || " + s.membership()
}

// membership is the expression for what makes a table c one of the publication.
func (s *Source) membership() string {
	schemas := ""
	if s.server().atLeast(15) {
		schemas = sqlSchemaMembership
	}
	return fmt.Sprintf(sqlMembership, schemas, "'"+quoteLiteral(s.cfg.Publication)+"'")
}

func (s *Source) shapesQuery(told bool) string {
	return strings.Replace(sqlShapes, "%s", s.incarnation(told), 1)
}
