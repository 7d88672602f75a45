-- What a log of rows does not say: that a table was made, altered, renamed, rewritten or dropped, and that a partition
-- came or went. With these event triggers each such statement puts a message into the log, in order with the rows.
-- They want a superuser, in each database that is replicated. DROP SCHEMA meepo_ddl CASCADE takes them out again.
CREATE SCHEMA IF NOT EXISTS meepo_ddl;

-- The tables as they were called last, and their partitions.
CREATE TABLE IF NOT EXISTS meepo_ddl.known (id oid PRIMARY KEY, schema name NOT NULL, name name NOT NULL, parts oid[] NOT NULL);

CREATE OR REPLACE VIEW meepo_ddl.now AS
SELECT c.oid AS id, n.nspname AS schema, c.relname AS name,
  ARRAY(SELECT p.relid::oid FROM pg_catalog.pg_partition_tree(c.oid) AS p WHERE c.relkind = 'p' AND p.relid <> c.oid ORDER BY 1) AS parts
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meepo_ddl');

INSERT INTO meepo_ddl.known SELECT * FROM meepo_ddl.now
ON CONFLICT (id) DO UPDATE SET schema = excluded.schema, name = excluded.name, parts = excluded.parts;

CREATE OR REPLACE FUNCTION meepo_ddl.say(action text, id oid, schema name, name name, to_schema name DEFAULT NULL, to_name name DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
  SELECT pg_catalog.pg_logical_emit_message(true, 'meepo_ddl', pg_catalog.json_build_object('action', action, 'id', id::int8,
    'schema', schema, 'name', name, 'to_schema', to_schema, 'to_name', to_name)::text)
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.ended() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  command record;
  renamed record;
  ids oid[] := '{}';
BEGIN
  FOR renamed IN SELECT k.schema, k.name, n.id, n.schema AS to_schema, n.name AS to_name FROM meepo_ddl.known AS k JOIN meepo_ddl.now AS n USING (id)
    WHERE (k.schema, k.name) <> (n.schema, n.name) ORDER BY 3
  LOOP
    PERFORM meepo_ddl.say('rename', renamed.id, renamed.schema, renamed.name, renamed.to_schema, renamed.to_name);
    UPDATE meepo_ddl.known SET schema = renamed.to_schema, name = renamed.to_name WHERE id = renamed.id;
    ids := ids || renamed.id;
  END LOOP;
  FOR command IN SELECT DISTINCT ON (c.objid) c.objid, c.object_type, c.command_tag, n.*, k.id AS was, k.parts AS old_parts
    FROM pg_event_trigger_ddl_commands() AS c LEFT JOIN meepo_ddl.now AS n ON n.id = c.objid LEFT JOIN meepo_ddl.known AS k ON k.id = c.objid
    WHERE c.classid = 'pg_class'::regclass AND c.objsubid = 0 OR c.object_type = 'type' OR c.object_type = 'table column'
  LOOP
    IF command.object_type = 'type' THEN -- a label may have been renamed
      PERFORM meepo_ddl.say('gap', n.id, n.schema, n.name) FROM meepo_ddl.now AS n
        WHERE EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = n.id AND a.atttypid = command.objid AND NOT a.attisdropped)
        AND current_query() ~* 'rename';
      CONTINUE;
    END IF;
    CONTINUE WHEN command.id IS NULL OR command.id = ANY (ids);
    IF command.was IS NULL THEN
      PERFORM meepo_ddl.say('create', command.id, command.schema, command.name)
        WHERE NOT (SELECT c.relispartition FROM pg_class AS c WHERE c.oid = command.id); -- its rows are another's
    ELSIF command.command_tag = 'ALTER TABLE' THEN
      IF command.parts <> command.old_parts THEN
        PERFORM meepo_ddl.say('gap', command.id, command.schema, command.name);
      END IF;
      PERFORM meepo_ddl.say('alter', command.id, command.schema, command.name);
    END IF;
  END LOOP;
  -- A partition that was made is empty, so that is no change of its table's rows.
  INSERT INTO meepo_ddl.known SELECT n.* FROM meepo_ddl.now AS n LEFT JOIN meepo_ddl.known AS k USING (id) WHERE k.id IS NULL OR k.parts <> n.parts
    ON CONFLICT (id) DO UPDATE SET parts = excluded.parts;
END
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.dropped() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  gone record;
BEGIN
  FOR gone IN SELECT k.* FROM pg_event_trigger_dropped_objects() AS d JOIN meepo_ddl.known AS k ON k.id = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
  LOOP
    PERFORM meepo_ddl.say('drop', gone.id, gone.schema, gone.name);
    PERFORM meepo_ddl.say('gap', k.id, k.schema, k.name) FROM meepo_ddl.known AS k WHERE gone.id = ANY (k.parts);
    UPDATE meepo_ddl.known SET parts = array_remove(parts, gone.id) WHERE gone.id = ANY (parts);
    DELETE FROM meepo_ddl.known WHERE id = gone.id;
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION meepo_ddl.rewritten() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM meepo_ddl.say('gap', k.id, k.schema, k.name) FROM meepo_ddl.known AS k
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
