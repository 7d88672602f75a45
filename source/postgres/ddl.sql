-- What a log of rows does not say: that a table was made, altered, renamed, rewritten or dropped, and that a partition
-- came or went. With these event triggers each such statement puts a message into the log, in order with the rows.
-- They want a superuser, in each database that is replicated. DROP SCHEMA meepo_ddl CASCADE takes them out again.
CREATE SCHEMA IF NOT EXISTS meepo_ddl;

-- The tables as they were last: whether they are partitions, what partitions they have, what else their documents depend
-- on, and by what the log says which row was deleted.
CREATE TABLE IF NOT EXISTS meepo_ddl.known (id oid PRIMARY KEY, schema name NOT NULL, name name NOT NULL, part boolean NOT NULL,
  parts oid[] NOT NULL, shape text[] NOT NULL, keys text[] NOT NULL);

-- Nothing here may lock a table: whoever runs a statement would wait for all who hold one of its partitions. A label and an
-- expression are elements of the shape by themselves, so that one that is added leaves the others; a composite type is one.
CREATE OR REPLACE VIEW meepo_ddl.now AS
WITH RECURSIVE tree (root, id) AS (
  SELECT c.oid, c.oid FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p')
  UNION ALL
  SELECT t.root, i.inhrelid FROM tree AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.id AND c.relkind = 'p' JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.id
), held (id, type) AS ( -- the types of columns, and those within them
  SELECT a.attrelid, a.atttypid FROM pg_catalog.pg_attribute AS a WHERE a.atttypid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT h.id, x.type FROM held AS h JOIN pg_catalog.pg_type AS y ON y.oid = h.type CROSS JOIN LATERAL (
    SELECT y.typelem AS type WHERE y.typcategory = 'A' UNION ALL SELECT y.typbasetype WHERE y.typtype = 'd' UNION ALL
    SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE r.rngtypid = y.oid UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute AS a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS x WHERE x.type >= 16384
), shapes (id, element) AS (
  SELECT h.id, e.oid || '=' || e.enumlabel FROM held AS h JOIN pg_catalog.pg_enum AS e ON e.enumtypid = h.type
  UNION ALL
  SELECT h.id, y.oid || '=' || (SELECT pg_catalog.md5(pg_catalog.string_agg(a.attnum || '/' || a.attname || '/' || a.atttypid, ',' ORDER BY a.attnum))
    FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM held AS h JOIN pg_catalog.pg_type AS y ON y.oid = h.type AND y.typtype = 'c'
  UNION ALL
  SELECT d.adrelid, d.adrelid || '.' || d.adnum || '=' || pg_catalog.md5(d.adbin::text) FROM pg_catalog.pg_attrdef AS d
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> ''
)
SELECT c.oid AS id, n.nspname AS schema, c.relname AS name, c.relispartition AS part,
  ARRAY(SELECT t.id FROM tree AS t WHERE t.root = c.oid AND t.id <> c.oid ORDER BY 1) AS parts,
  ARRAY(SELECT DISTINCT s.element FROM tree AS t JOIN shapes AS s USING (id) WHERE t.root = c.oid ORDER BY 1) AS shape,
  ARRAY(SELECT t.id || '=' || l.relreplident::text || pg_catalog.concat((SELECT pg_catalog.string_agg(i.indexrelid || '/' || i.indkey::text, ',' ORDER BY i.indexrelid)
    FROM pg_catalog.pg_index AS i WHERE i.indrelid = t.id AND i.indisreplident)) FROM tree AS t JOIN pg_catalog.pg_class AS l ON l.oid = t.id WHERE t.root = c.oid ORDER BY 1) AS keys
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meepo_ddl');

-- Takes over how tables are now.
CREATE OR REPLACE FUNCTION meepo_ddl.learn(now meepo_ddl.now) RETURNS void LANGUAGE sql AS $$
  INSERT INTO meepo_ddl.known VALUES (now.*) ON CONFLICT (id) DO UPDATE SET schema = excluded.schema, name = excluded.name,
    part = excluded.part, parts = excluded.parts, shape = excluded.shape, keys = excluded.keys
$$;
SELECT meepo_ddl.learn(n) FROM meepo_ddl.now AS n;

CREATE OR REPLACE FUNCTION meepo_ddl.say(action text, id oid, schema name, name name, part boolean, to_schema name DEFAULT NULL, to_name name DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
  SELECT pg_catalog.pg_logical_emit_message(true, 'meepo_ddl', pg_catalog.json_build_object('action', action, 'id', id::int8,
    'schema', schema, 'name', name, 'part', part, 'to_schema', to_schema, 'to_name', to_name)::text)
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.ended() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT n AS now, n.*, k.id AS was, k.schema AS old_schema, k.name AS old_name, k.part AS old_part, c.altered,
      -- Partitions that came or went with their rows; one that was made is empty, one that was dropped is not known any more.
      k.parts && (SELECT array_agg(o.id) FROM meepo_ddl.known AS o WHERE o.id <> ALL (n.parts))
        OR n.parts && (SELECT array_agg(o.id) FROM meepo_ddl.known AS o WHERE o.id <> ALL (k.parts)) OR NOT k.shape <@ n.shape AS gap,
      NOT k.keys <@ n.keys AS other_keys
    FROM meepo_ddl.now AS n LEFT JOIN meepo_ddl.known AS k USING (id) LEFT JOIN (SELECT objid, bool_or(command_tag = 'ALTER TABLE') AS altered
      FROM pg_event_trigger_ddl_commands() WHERE classid = 'pg_class'::regclass GROUP BY 1) AS c ON c.objid = n.id
    WHERE c.altered OR (k.schema, k.name, k.part, k.parts, k.shape, k.keys) IS DISTINCT FROM (n.schema, n.name, n.part, n.parts, n.shape, n.keys)
    ORDER BY (k.schema, k.name) <> (n.schema, n.name) DESC NULLS LAST, n.id
  LOOP
    IF t.was IS NULL THEN
      PERFORM meepo_ddl.say('create', t.id, t.schema, t.name, t.part);
    ELSIF (t.schema, t.name) <> (t.old_schema, t.old_name) THEN
      PERFORM meepo_ddl.say('rename', t.id, t.old_schema, t.old_name, t.part, t.schema, t.name);
    ELSIF t.part <> t.old_part THEN
      PERFORM meepo_ddl.say(CASE WHEN t.part THEN 'attach' ELSE 'create' END, t.id, t.schema, t.name, t.part);
    ELSE
      IF t.gap THEN
        PERFORM meepo_ddl.say('gap', t.id, t.schema, t.name, t.part);
      END IF;
      IF t.altered OR t.other_keys THEN
        PERFORM meepo_ddl.say('alter', t.id, t.schema, t.name, t.part);
      END IF;
    END IF;
    PERFORM meepo_ddl.learn(t.now);
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.dropped() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  gone record;
  roots oid[] := '{}';
BEGIN
  FOR gone IN SELECT k.* FROM pg_event_trigger_dropped_objects() AS d JOIN meepo_ddl.known AS k ON k.id = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
  LOOP
    PERFORM meepo_ddl.say('drop', gone.id, gone.schema, gone.name, gone.part);
    roots := roots || ARRAY(SELECT k.id FROM meepo_ddl.known AS k WHERE gone.id = ANY (k.parts));
    DELETE FROM meepo_ddl.known WHERE id = gone.id;
  END LOOP;
  IF cardinality(roots) > 0 THEN
    PERFORM meepo_ddl.say('gap', n.id, n.schema, n.name, n.part), meepo_ddl.learn(n) FROM meepo_ddl.now AS n WHERE n.id = ANY (roots);
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.rewritten() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM meepo_ddl.say('gap', k.id, k.schema, k.name, k.part) FROM meepo_ddl.known AS k
    WHERE pg_event_trigger_table_rewrite_oid() = k.id OR pg_event_trigger_table_rewrite_oid() = ANY (k.parts);
END
$$;

DROP EVENT TRIGGER IF EXISTS meepo_ddl_ended;
DROP EVENT TRIGGER IF EXISTS meepo_ddl_dropped;
DROP EVENT TRIGGER IF EXISTS meepo_ddl_rewritten;
CREATE EVENT TRIGGER meepo_ddl_ended ON ddl_command_end EXECUTE FUNCTION meepo_ddl.ended();
CREATE EVENT TRIGGER meepo_ddl_dropped ON sql_drop EXECUTE FUNCTION meepo_ddl.dropped();
CREATE EVENT TRIGGER meepo_ddl_rewritten ON table_rewrite EXECUTE FUNCTION meepo_ddl.rewritten();
-- Also where a replica applies statements.
ALTER EVENT TRIGGER meepo_ddl_ended ENABLE ALWAYS;
ALTER EVENT TRIGGER meepo_ddl_dropped ENABLE ALWAYS;
ALTER EVENT TRIGGER meepo_ddl_rewritten ENABLE ALWAYS;
