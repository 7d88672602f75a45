package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// facts are what a server and the way to it tell of who runs it.
type facts struct {
	host    string   // of the URL
	version string   // as version() has it
	roles   []string // those of providers that are there
	aurora  bool     // it has Aurora's own functions
	standby bool
	pooled  bool // the process that answers is not the one that was connected to
}

// provider is who runs a server, or what stands before it, as far as that changes what an operator has to do.
type provider struct {
	name    string // empty: nothing is known of it
	refused string // why it can be no source; empty: it can
	doubt   string // why it may not work; empty: nothing is known against it
	advice  string // for one that is refused, or doubtful
	// set is how a setting is changed for good. Nil: by SQL.
	set func(name, value string) string
	// replication lets an account read the log: a statement with a place for the account. Empty: the usual one.
	replication string
}

// providerRoles are roles that tell providers.
var providerRoles = []string{"rds_superuser", "cloudsqlsuperuser", "alloydbsuperuser", "azure_pg_admin", "supabase_admin", "neon_superuser"}

// providerOf tells who runs a server. It decides by what it is given alone.
func providerOf(f facts) provider {
	says := func(word string) bool { return strings.Contains(strings.ToLower(f.version), word) }
	runs := func(role string) bool { return slices.Contains(f.roles, role) }
	at := func(suffix string) bool { return strings.HasSuffix(strings.ToLower(f.host), suffix) }
	switch {
	case says("cockroachdb"): // https://www.cockroachlabs.com/docs/stable/postgresql-compatibility
		return provider{name: "CockroachDB", refused: "it is CockroachDB, which does not serve PostgreSQL's log", advice: "its changes are told by CREATE CHANGEFEED only"}
	case says("-yb-"): // https://docs.yugabyte.com/stable/architecture/docdb-replication/cdc-logical-replication/
		return provider{name: "YugabyteDB", refused: "it is YugabyteDB, whose snapshots do not name transactions as PostgreSQL's do, so that rows cannot be held against its log",
			advice: "replicate from PostgreSQL"}
	case says("redshift"):
		return provider{name: "Amazon Redshift", refused: "it is Amazon Redshift, which has no log that can be followed", advice: "replicate from PostgreSQL"}
	case at(".pooler.supabase.com"): // https://supabase.com/docs/guides/database/replication/manual-replication-faq
		return provider{name: "Supabase's pooler", refused: "it is Supabase's pooler: logical replication does not go through it",
			advice: "name the direct connection, db.PROJECT.supabase.co:5432; where there is no IPv6, with the IPv4 add-on"}
	case at(".neon.tech") && strings.Contains(f.host, "-pooler."): // https://neon.com/docs/connect/connection-pooling
		return provider{name: "Neon's pooler", refused: "it is Neon's pooler: logical replication does not go through it", advice: "leave -pooler out of the host's name"}
	case runs("neon_superuser"), at(".neon.tech"): // https://neon.com/docs/guides/logical-replication-neon
		return provider{name: "Neon", doubt: "Neon drops a slot that nobody has read for about 40 hours while others are read: a longer stop loses the place in the log",
			advice: "do not leave it stopped for longer than a day", set: func(name, value string) string {
				if name == "wal_level" {
					return "turn on Logical Replication in the project's settings of Neon's console"
				}
				return "ask Neon's support for " + name + " = " + value
			}}
	case runs("rds_superuser"), at(".rds.amazonaws.com"), at(".rds.amazonaws.com.cn"):
		return amazon(f)
	case runs("alloydbsuperuser"): // https://cloud.google.com/alloydb/docs/reference/alloydb-flags
		return google("Google AlloyDB", "alloydb.logical_decoding", "gcloud alloydb instances update INSTANCE --cluster=CLUSTER --region=REGION --database-flags=%s=%s")
	case runs("cloudsqlsuperuser"): // https://cloud.google.com/sql/docs/postgres/replication/configure-logical-replication
		return google("Google Cloud SQL", "cloudsql.logical_decoding", "gcloud sql instances patch INSTANCE --database-flags=%s=%s, with the flags that are set already, which it would reset")
	case runs("azure_pg_admin"), at(".postgres.database.azure.com"): // https://learn.microsoft.com/azure/postgresql/configure-maintain/concepts-logical
		return provider{name: "Azure Database", set: func(name, value string) string {
			return fmt.Sprintf("az postgres flexible-server parameter set --resource-group GROUP --server-name SERVER --name %s --value %s, and restart it if the parameter is a static one", name, value)
		}}
	case runs("supabase_admin"): // https://supabase.com/docs/guides/database/custom-postgres-config
		return provider{name: "Supabase", set: func(name, value string) string {
			return fmt.Sprintf("supabase --experimental --project-ref PROJECT postgres-config update --config %s=%s", name, value)
		}}
	case f.pooled:
		return provider{doubt: "a pooler such as PgBouncer stands between: the process that answers is not the one that was connected to",
			advice: "name the server itself, with its own port: sessions that others share lose their settings"}
	}
	return provider{}
}

// amazon is RDS and Aurora: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.FeatureSupport.LogicalReplication.html
func amazon(f facts) provider {
	p, group := provider{name: "Amazon RDS", replication: "GRANT rds_replication TO %s"}, "the DB parameter group"
	if f.aurora || strings.Contains(f.host, ".cluster-") {
		p.name, group = "Amazon Aurora", "the DB cluster parameter group"
	}
	p.set = func(name, value string) string {
		if name == "wal_level" {
			name, value = "rds.logical_replication", "1"
		}
		return fmt.Sprintf("set %s = %s in %s, and reboot the instance if the parameter is a static one", name, value, group)
	}
	switch {
	case p.name == "Amazon Aurora" && (f.standby || strings.Contains(f.host, ".cluster-ro-")):
		p.refused, p.advice = "it is a reader of Amazon Aurora, which serves no log", "name the writer: the cluster endpoint, without -ro"
	case strings.Contains(f.host, ".proxy-"): // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
		p.refused, p.advice = "it is Amazon RDS Proxy: replication does not go through it", "name the endpoint of the instance or the cluster"
	}
	return p
}

func google(name, decoding, command string) provider {
	return provider{name: name, set: func(setting, value string) string {
		if setting == "wal_level" {
			setting, value = decoding, "on"
		}
		return fmt.Sprintf(command, setting, value)
	}}
}

// refusal is an error that says by name why the server can be no source; nil: it can.
func (p provider) refusal() error {
	if p.refused == "" {
		return nil
	}
	return &source.HintError{Err: fmt.Errorf("%w: %s", errRefused, p.refused), Advice: p.advice}
}

// setting is how a setting is changed for good. Some are read at the server's start only.
func (p provider) setting(name, value string, restart bool) string {
	switch {
	case p.set != nil:
		return p.set(name, value)
	case restart:
		return fmt.Sprintf("ALTER SYSTEM SET %s = %s; and restart the server", name, value)
	}
	return fmt.Sprintf("ALTER SYSTEM SET %s = '%s'; SELECT pg_reload_conf();", name, value)
}

// grantReplication lets an account read the log.
func (p provider) grantReplication(account string) string {
	statement := grantReplication
	if p.replication != "" {
		statement = p.replication
	}
	return fmt.Sprintf(statement, account) + ";"
}
