package postgres

import (
	"fmt"
	"strings"
)

// The text of Columns.Incarnation is of the table's number and of what else changes rows without row events. Where
// the log tells of definitions, that is only a partition that got new files, as TRUNCATE gives it. Else it is all
// files, so that a rewritten table is noticed, what partitions there are, how labels are spelled, and the
// expressions of generated columns.

const sqlToldIncarnation = `c.oid::text || coalesce((SELECT ':' || md5(string_agg(p.relid::oid::text || '/' || pc.relfilenode::text, ',' ORDER BY p.relid::oid))
 FROM pg_partition_tree(c.oid) p JOIN pg_class pc ON pc.oid = p.relid WHERE c.relkind = 'p' AND pc.relkind = 'r' AND pc.relfilenode <> pc.oid), '')`

const sqlIncarnation = `c.oid::text || '/' || c.relfilenode::text || ':' || md5(
 coalesce((SELECT string_agg(p.relid::oid::text || '/' || pc.relfilenode::text, ',' ORDER BY p.relid::oid)
  FROM pg_partition_tree(c.oid) p JOIN pg_class pc ON pc.oid = p.relid WHERE c.relkind = 'p'), '') ||
 coalesce((SELECT string_agg(e.oid::text || '/' || e.enumlabel, ',' ORDER BY e.oid)
  FROM pg_attribute a JOIN pg_enum e ON e.enumtypid = a.atttypid WHERE a.attrelid = c.oid AND NOT a.attisdropped), '') ||
 coalesce((SELECT string_agg(d.adnum::text || '/' || pg_get_expr(d.adbin, d.adrelid), ',' ORDER BY d.adnum)
  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = c.oid AND a.attgenerated <> ''), ''))`

// sqlMembership is since when a publication, which stands for the second %s, holds the table's changes of all kinds: its own row's
// version, and the numbers of what makes the table one of it, which are others after it was taken out for a while.
const sqlMembership = `coalesce((SELECT '@' || p.oid::text || '.' || p.xmin::text || coalesce('.' || (SELECT min(r.oid)::text FROM pg_publication_rel r
 WHERE r.prpubid = p.oid AND r.prrelid IN (SELECT c.oid UNION SELECT a.relid FROM pg_partition_ancestors(c.oid) a)), '')%s
 FROM pg_publication p WHERE p.pubname = %s), '')`

// sqlSchemaMembership is the same for publications of all tables of a schema, from 15 on.
const sqlSchemaMembership = ` || coalesce('.' || (SELECT min(s.oid)::text FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid IN (
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
