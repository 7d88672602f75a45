package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Checker = (*Target)(nil)

// oldest is the oldest version that is supported, as server_version_num has it.
const oldest = 130000

// Check looks at the server and the account, then at each destination.
func (t *Target) Check(ctx context.Context, dests []*targets.Destination) ([]targets.Finding, error) {
	var found targets.Findings
	if err := t.checkServer(ctx, &found); err != nil {
		return nil, fmt.Errorf("check postgres: %w", targets.Advise(refused(err)))
	}
	if err := t.checkExcess(ctx, &found); err != nil {
		return nil, fmt.Errorf("check postgres: %w", err)
	}
	for _, dest := range dests {
		if err := t.checkDestination(ctx, dest, &found); err != nil {
			return nil, fmt.Errorf("check %s: %w", dest.Name, err)
		}
	}
	return found.WorstFirst(), nil
}

func (t *Target) checkServer(ctx context.Context, found *targets.Findings) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	var number int
	var version, encoding string
	var standby, readOnly, create, ownThere bool
	err := t.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'),
		pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool,
		has_database_privilege(current_database(), 'CREATE'), to_regnamespace('`+ownSchema+`') IS NOT NULL`).
		Scan(&number, &version, &encoding, &standby, &readOnly, &create, &ownThere)
	if err != nil {
		return err
	}
	switch {
	case number < oldest:
		found.Add(targets.Fatal, "server", "PostgreSQL "+version+" is older than 13", "upgrade to PostgreSQL 13 or later")
	default:
		found.Add(targets.Note, "server", "PostgreSQL "+version, "")
	}
	if standby || readOnly {
		found.Add(targets.Fatal, "server", "it takes no writes: it is a standby, or its transactions are read-only", "name the primary in target.url")
	}
	if encoding != "UTF8" {
		found.Add(targets.Warning, "server", "the database's encoding is "+encoding+": characters that it has not are rejected", "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")
	}
	if !create && !ownThere {
		found.Add(targets.Fatal, "privileges", "the account may not make the schema "+ownSchema+", which holds marks and epochs",
			"CREATE SCHEMA "+ownSchema+" AUTHORIZATION the_account")
	}
	return nil
}

// checkDestination foretells what Prepare would say.
func (t *Target) checkDestination(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	w, wrong, err := t.examine(ctx, dest)
	if err != nil {
		return err
	}
	found.AddUnfit(dest.Name, wrong)
	if w.table == nil {
		return nil
	}
	found.AddLosses(dest.Name, t.Losses(dest))
	if len(wrong) > 0 {
		return nil
	}
	if w.found == nil {
		return t.checkSchema(ctx, dest, found)
	}
	checkStorage(dest, w.found, found)
	checkLeftovers(w, found)
	return t.checkTable(ctx, dest, w, found)
}

// checkSchema looks whether the account may make a table.
func (t *Target) checkSchema(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	schema, _, _ := strings.Cut(dest.Name, ".")
	var may bool
	err := t.pool.QueryRow(ctx, "SELECT coalesce((SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_namespace n WHERE n.nspname = $1),"+
		" has_database_privilege(current_database(), 'CREATE'))", schema).Scan(&may)
	if err != nil {
		return refused(err)
	}
	if !may {
		found.Add(targets.Fatal, dest.Name, "the table is not there, and the account may not make it in the schema "+schema,
			"make the table, or: GRANT CREATE ON SCHEMA "+quote(schema)+" TO the_account (where there is no such schema, GRANT CREATE ON DATABASE)")
	}
	return nil
}

// checkTable looks for what makes a table of others risky.
func (t *Target) checkTable(ctx context.Context, dest *targets.Destination, w work, found *targets.Findings) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	if len(w.missing) > 0 {
		found.Add(targets.Note, dest.Name, fmt.Sprintf("%d columns will be added", len(w.missing)), "")
	}
	for _, c := range w.table.columns {
		if w.found.columns[c.field.Name].generated {
			found.Add(targets.Note, dest.Name+"."+c.field.Name, "the server computes this column; the source's values are not written", "")
		}
	}
	var foreign []string
	err := t.pool.QueryRow(ctx, "SELECT ARRAY(SELECT conname::text FROM pg_constraint WHERE conrelid = $1 AND contype = 'f' ORDER BY 1)", w.found.oid).Scan(&foreign)
	if err != nil {
		return refused(err)
	}
	if len(foreign) > 0 {
		found.Add(targets.Warning, dest.Name, "it has foreign keys ("+strings.Join(foreign, ", ")+
			"): rows of different tables come in no order, and one whose other row does not come becomes a dead letter", "drop them in the target: the source sees to them")
	}
	for _, index := range w.found.unique {
		if !sameSet(index, w.table.keyNames()) {
			found.Add(targets.Warning, dest.Name, "it has a further unique index, on ("+strings.Join(index, ", ")+"): rows come in no order, and one that is in another's way"+
				" for longer than some tries, as two that swap their values are, becomes a dead letter", "drop it in the target: the source sees to it")
		}
	}
	var may bool
	err = t.pool.QueryRow(ctx, "SELECT has_table_privilege($1::oid, 'SELECT') AND has_table_privilege($1::oid, 'INSERT') AND"+
		" has_table_privilege($1::oid, 'UPDATE') AND has_table_privilege($1::oid, 'DELETE')", w.found.oid).Scan(&may)
	if err != nil {
		return refused(err)
	}
	if !may {
		found.Add(targets.Fatal, dest.Name, "the account lacks a privilege on the table", "GRANT SELECT, INSERT, UPDATE, DELETE ON "+quoteTable(dest.Name)+" TO the_account")
	}
	return nil
}
