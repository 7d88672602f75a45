package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// InSchema makes a schema of PostgreSQL's that is called as the database, and takes it for all names without one:
// Name.table is then a table's name on every server. Elsewhere a database is that by itself.
func (d *Database) InSchema(t testing.TB) *Database {
	t.Helper()
	if !d.Flavor.IsPostgres() {
		return d
	}
	d.Exec(t, "CREATE SCHEMA "+d.Name)
	server, err := url.Parse(d.URL)
	if err != nil {
		t.Fatalf("servertest: URL of %s: %v", d.Flavor, err)
	}
	d.DB = openPostgres(t, server, d.Name, "&search_path="+d.Name)
	return d
}

// openPostgres returns a pool of connections to a database of the server, closed when the test ends.
func openPostgres(t testing.TB, server *url.URL, name, parameters string) *sql.DB {
	t.Helper()
	db, err := postgresDB(databaseURL(server, server.User, name) + "?sslmode=disable&timezone=UTC" + parameters)
	if err != nil {
		t.Fatalf("servertest: connect to %s: %v", server.Host, err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// postgresDB makes a pool that takes several statements in one query.
func postgresDB(address string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return stdlib.OpenDB(*cfg), nil
}

// execPostgres runs a query as the superuser, by the socket of a private server.
func execPostgres(ctx context.Context, s *server, query string, args []any) error {
	db, err := postgresDB(fmt.Sprintf("host=%s port=%d user=postgres dbname=app sslmode=disable", s.dir, s.port))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, query, args...)
	return err
}

// dropPostgres drops a test's database with the slots that read it.
func dropPostgres(ctx context.Context, t testing.TB, admin *sql.DB, name string) {
	for _, query := range []string{
		"SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE active AND database = '" + name + "'",
		"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '" + name + "'",
		"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)",
	} {
		if _, err := admin.ExecContext(ctx, query); err != nil {
			t.Errorf("servertest: drop database %s: %v", name, err)
		}
	}
}
