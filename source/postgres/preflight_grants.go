package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

var _ source.Granter = (*Source)(nil)

// account is what the account is and may do, beside tables.
type account struct {
	name        string
	database    string
	replicates  bool // may read the log
	super       bool
	makes       bool     // may make a publication of tables that it owns
	connects    bool     // may connect to the database, by a grant of its own or by one to all
	needless    []string // attributes and roles that give more than is needed
	ownsOurs    bool     // owns the publication; true where there is none
	publication bool     // it is there
}

// sqlAccount asks for the account's attributes. On RDS the right to read the log is a role.
const sqlAccount = `SELECT r.rolname::text, current_database()::text, r.rolsuper,
r.rolreplication OR r.rolsuper OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'rds_replication' AND pg_has_role(m.oid, 'USAGE')),
has_database_privilege(current_database(), 'CREATE'), has_database_privilege(current_database(), 'CONNECT'),
coalesce((SELECT pg_has_role(p.pubowner, 'USAGE') FROM pg_publication p WHERE p.pubname = $1), true), EXISTS (SELECT FROM pg_publication p WHERE p.pubname = $1),
array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole AND NOT r.rolsuper THEN 'CREATEROLE' END,
 CASE WHEN r.rolcreatedb AND NOT r.rolsuper THEN 'CREATEDB' END], NULL)
|| ARRAY(SELECT m.rolname::text FROM pg_roles m WHERE NOT r.rolsuper AND pg_has_role(m.oid, 'USAGE')
 AND m.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program', 'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin') ORDER BY 1)
FROM pg_roles r WHERE r.rolname = current_user`

func (p *preflight) askAccount(ctx context.Context) (a account, err error) {
	err = p.s.pool.QueryRow(ctx, sqlAccount, p.s.cfg.Publication).Scan(&a.name, &a.database, &a.super, &a.replicates, &a.makes, &a.connects, &a.ownsOurs, &a.publication, &a.needless)
	return a, err
}

// tableRights is what the account may do with a table.
type tableRights struct {
	source.Table
	usage, reads, owns bool
	keyed              bool // deletes and updates can be published: it has a replica identity
	hidden             bool // policies hide rows from the account
}

const sqlTableRights = `SELECT n.nspname, c.relname, has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'), pg_has_role(c.relowner, 'USAGE'),
c.relreplident IN ('i', 'f') OR c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), row_security_active(c.oid)
FROM unnest($1::text[], $2::text[]) AS t(s, n) JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON n.nspname = t.s AND c.relname = t.n ORDER BY 1, 2`

func (p *preflight) askTables(ctx context.Context, tables []source.Table) ([]tableRights, error) {
	schemas, names := columnsOf(tables)
	rows, err := p.s.pool.Query(ctx, sqlTableRights, schemas, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r tableRights, err error) {
		err = row.Scan(&r.Schema, &r.Name, &r.usage, &r.reads, &r.owns, &r.keyed, &r.hidden)
		return r, err
	})
}

func columnsOf(tables []source.Table) (schemas, names []string) {
	for _, t := range tables {
		schemas, names = append(schemas, t.Schema), append(names, t.Name)
	}
	return schemas, names
}

// grants compares what the account may do with what following takes. What it lacks to read a table is told with the table.
func (p *preflight) grants(ctx context.Context, tables []source.Table) error {
	a, err := p.askAccount(ctx)
	if err != nil {
		return err
	}
	if !a.replicates {
		p.fatal("grants", "the account lacks REPLICATION: the log cannot be read", p.provider.grantReplication(quote(a.name)))
	}
	rights, err := p.askTables(ctx, tables)
	if err != nil {
		return err
	}
	for _, r := range rights {
		if r.hidden {
			p.fatal(r.String(), "its policies (row level security) hide rows from the account, which would be missing in the target",
				"ALTER ROLE "+quote(a.name)+" BYPASSRLS; or ALTER TABLE "+quoteTable(r.Table)+" DISABLE ROW LEVEL SECURITY;")
		}
	}
	wide, err := p.excess(ctx, a, tables)
	for _, x := range wide {
		p.add(source.Warning, "grants", x.message, x.revoke+" All at once: meepo-replicate check --grants")
	}
	return err
}

// excess is what an account may do and need not.
type excess struct{ message, revoke string }

// sqlExcess lists who gives the account rights to change tables ($1 and $2) that it does not own.
const sqlExcess = `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), coalesce(g.rolname::text, ''), array_agg(a.privilege_type::text ORDER BY a.privilege_type)
FROM unnest($1::text[], $2::text[]) AS t(s, n) JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON n.nspname = t.s AND c.relname = t.n
CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND NOT pg_has_role(c.relowner, 'USAGE') AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))
GROUP BY n.nspname, c.relname, g.rolname ORDER BY 2, 1`

func (p *preflight) excess(ctx context.Context, a account, tables []source.Table) ([]excess, error) {
	var found []excess
	for _, what := range a.needless {
		x := excess{"user " + a.name + " is a member of " + what + ": not needed", "REVOKE " + quote(what) + " FROM " + quote(a.name) + ";"}
		if strings.ToUpper(what) == what {
			x = excess{"user " + a.name + " has " + what + ": not needed", "ALTER ROLE " + quote(a.name) + " NO" + what + ";"}
			if what == "SUPERUSER" && !a.publication {
				x.message += ", once a superuser has made the publication"
			}
		}
		found = append(found, x)
	}
	if a.super {
		return found, nil // which is all there is
	}
	schemas, names := columnsOf(tables)
	rows, err := p.s.pool.Query(ctx, sqlExcess, schemas, names)
	if err != nil {
		return nil, err
	}
	type given struct{ to, what string }
	on := map[given][]string{}
	var order []given
	var table, to string
	var privileges []string
	_, err = pgx.ForEachRow(rows, []any{&table, &to, &privileges}, func() error {
		g := given{to, strings.Join(privileges, ", ")}
		if on[g] == nil {
			order = append(order, g)
		}
		on[g] = append(on[g], table)
		return nil
	})
	for _, g := range order {
		list, from, by := strings.Join(on[g], ", "), quote(g.to), ""
		switch g.to {
		case a.name:
		case "":
			from, by = "PUBLIC", ", as everybody may"
		default:
			by = ", by its role " + g.to
		}
		found = append(found, excess{fmt.Sprintf("user %s may %s on %s: not needed%s", a.name, g.what, list, by), fmt.Sprintf("REVOKE %s ON %s FROM %s;", g.what, list, from)})
	}
	return found, err
}

// Grants lists what the account needs for the patterns.
func (s *Source) Grants(ctx context.Context, patterns []source.Pattern, tables []source.Table) (source.Grants, error) {
	p := s.newPreflight()
	g, err := p.allGrants(ctx, patterns, tables)
	if err != nil {
		return source.Grants{}, fmt.Errorf("look at grants: %w", s.hinted(err))
	}
	return g, nil
}

func (p *preflight) allGrants(ctx context.Context, patterns []source.Pattern, tables []source.Table) (all source.Grants, err error) {
	a, err := p.askAccount(ctx)
	if err != nil {
		return all, err
	}
	rights, err := p.askTables(ctx, tables)
	if err != nil {
		return all, err
	}
	name := quote(a.name)
	all = source.Grants{Account: name, Create: "CREATE ROLE " + name + " LOGIN PASSWORD '…';"}
	say := func(held bool, statement string) {
		if held {
			all.Held = append(all.Held, statement)
		} else {
			all.Missing = append(all.Missing, statement)
		}
	}
	say(a.replicates, p.provider.grantReplication(name))
	say(a.connects, "GRANT CONNECT ON DATABASE "+quote(a.database)+" TO "+name+";")
	whole := wholeSchemas(patterns, rights)
	for at, r := range rights {
		if at == 0 || rights[at-1].Schema != r.Schema {
			say(r.usage, "GRANT USAGE ON SCHEMA "+quote(r.Schema)+" TO "+name+";")
			if whole[r.Schema] {
				held := !slices.ContainsFunc(rights, func(o tableRights) bool { return o.Schema == r.Schema && !o.reads })
				say(held, "GRANT SELECT ON ALL TABLES IN SCHEMA "+quote(r.Schema)+" TO "+name+";")
			}
		}
		if !whole[r.Schema] {
			say(r.reads, "GRANT SELECT ON "+quoteTable(r.Table)+" TO "+name+";")
		}
	}
	if err := p.publishing(ctx, a, rights, say); err != nil {
		return all, err
	}
	wide, err := p.excess(ctx, a, tables)
	for _, x := range wide {
		all.Excess = append(all.Excess, x.revoke)
	}
	return all, err
}

// wholeSchemas are those of which all tables were asked for.
func wholeSchemas(patterns []source.Pattern, rights []tableRights) map[string]bool {
	whole := map[string]bool{}
	for _, r := range rights {
		whole[r.Schema] = slices.ContainsFunc(patterns, func(p source.Pattern) bool { return p.Name == "*" && p.Match(r.Table) })
	}
	return whole
}

// publishing adds what puts tables into the publication. Tables without a replica identity are left out: once published, their
// rows could not be updated or deleted any more.
func (p *preflight) publishing(ctx context.Context, a account, rights []tableRights, say func(held bool, statement string)) error {
	var tables []source.Table
	for _, r := range rights {
		if r.keyed {
			tables = append(tables, r.Table)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	if !a.publication {
		say(false, "-- by the owner of the tables, or a superuser:")
		say(false, p.s.createPublication(tables)+";")
		return nil
	}
	missing, err := p.s.unpublished(ctx, tables)
	if err == nil && len(missing) > 0 {
		say(false, "-- by the owner of the tables, or a superuser:")
		say(false, p.s.addToPublication(missing)+";")
	}
	return err
}
