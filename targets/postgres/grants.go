package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Granter = (*Target)(nil)

// sqlRights asks what the account is: its name, whether our schema is its own to work in, and what it has too much of.
const sqlRights = `SELECT r.rolname::text, current_database()::text, has_database_privilege(current_database(), 'CONNECT'),
coalesce((SELECT pg_has_role(n.nspowner, 'USAGE') OR has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (SELECT FROM unnest(ARRAY['epochs', 'marks']) t
 WHERE to_regclass(n.nspname || '.' || t) IS NULL OR NOT has_table_privilege(to_regclass(n.nspname || '.' || t), 'SELECT, INSERT, UPDATE'))
 FROM pg_namespace n WHERE n.nspname = '` + ownSchema + `'), false),
array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole AND NOT r.rolsuper THEN 'CREATEROLE' END,
 CASE WHEN r.rolcreatedb AND NOT r.rolsuper THEN 'CREATEDB' END, CASE WHEN r.rolreplication AND NOT r.rolsuper THEN 'REPLICATION' END], NULL)
|| ARRAY(SELECT m.rolname::text FROM pg_roles m WHERE NOT r.rolsuper AND pg_has_role(m.oid, 'USAGE')
 AND m.rolname IN ('pg_write_all_data', 'pg_read_all_data', 'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin') ORDER BY 1)
FROM pg_roles r WHERE r.rolname = current_user`

type rights struct {
	account, database string
	connects, ours    bool
	needless          []string
}

func (t *Target) askRights(ctx context.Context) (r rights, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	err = t.pool.QueryRow(ctx, sqlRights).Scan(&r.account, &r.database, &r.connects, &r.ours, &r.needless)
	return r, refused(err)
}

// excess is what the account has and need not, with the statement that takes it away.
func (r rights) excess() (messages, statements []string) {
	for _, what := range r.needless {
		message, statement := "is a member of "+what, "REVOKE "+quote(what)+" FROM "+quote(r.account)+";"
		if strings.ToUpper(what) == what {
			message, statement = "has "+what, "ALTER ROLE "+quote(r.account)+" NO"+what+";"
		}
		messages, statements = append(messages, "user "+r.account+" "+message+": not needed"), append(statements, statement)
	}
	return messages, statements
}

// checkExcess warns of what the account may do and need not.
func (t *Target) checkExcess(ctx context.Context, found *targets.Findings) error {
	r, err := t.askRights(ctx)
	messages, statements := r.excess()
	for i := range messages {
		found.Add(targets.Warning, "privileges", messages[i], statements[i]+" All at once: meepo-replicate check --grants")
	}
	return err
}

// sqlPlace asks for a destination's schema ($1) and table ($2): whether they are there, and what the account may do there.
const sqlPlace = `SELECT n.oid IS NOT NULL, c.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false), coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
coalesce(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'), false)
FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = $1 LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2`

// Grants lists what the account needs for the destinations.
func (t *Target) Grants(ctx context.Context, dests []*targets.Destination) (targets.Grants, error) {
	r, err := t.askRights(ctx)
	if err != nil {
		return targets.Grants{}, fmt.Errorf("look at grants: %w", targets.Advise(err))
	}
	name := quote(r.account)
	all := targets.Grants{Account: name, Create: "CREATE ROLE " + name + " LOGIN PASSWORD '…';"}
	say := func(held bool, statement string) {
		into := &all.Missing
		if held {
			into = &all.Held
		}
		if !slices.Contains(*into, statement) {
			*into = append(*into, statement)
		}
	}
	say(r.connects, "GRANT CONNECT ON DATABASE "+quote(r.database)+" TO "+name+";")
	say(r.ours, "CREATE SCHEMA "+ownSchema+" AUTHORIZATION "+name+";")
	for _, dest := range dests {
		if err := t.grantsFor(ctx, dest, name, say); err != nil {
			return targets.Grants{}, fmt.Errorf("look at grants of %s: %w", dest.Name, err)
		}
	}
	_, all.Excess = r.excess()
	return all, nil
}

// grantsFor lists what one destination takes: a table that is there is written to, one that is not is made.
func (t *Target) grantsFor(ctx context.Context, dest *targets.Destination, account string, say func(held bool, statement string)) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	schema, table, _ := strings.Cut(dest.Name, ".")
	var hasSchema, hasTable, usage, create, writes bool
	if err := t.pool.QueryRow(ctx, sqlPlace, schema, table).Scan(&hasSchema, &hasTable, &usage, &create, &writes); err != nil {
		return refused(err)
	}
	switch {
	case !hasSchema:
		say(false, "CREATE SCHEMA "+quote(schema)+" AUTHORIZATION "+account+";")
	case !hasTable:
		say(usage && create, "GRANT USAGE, CREATE ON SCHEMA "+quote(schema)+" TO "+account+";")
	default:
		say(usage, "GRANT USAGE ON SCHEMA "+quote(schema)+" TO "+account+";")
		say(writes, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+quoteTable(dest.Name)+" TO "+account+";")
	}
	return nil
}
