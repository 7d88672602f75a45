package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Database is a database of one test's own on a SQL server.
type Database struct {
	Flavor  Flavor
	Name    string  // random, dropped when the test ends
	URL     string  // mysql://app:app@host:port/name or postgres://…, an account that may do everything
	ReplURL string  // the same for repl:repl, which has only what a replication tool needs; of PostgreSQL with a slot's name
	DB      *sql.DB // connected as app, with the database selected and the time zone UTC
}

// OpenSQL makes a database for the test on the shared server of flavor f. The
// database is dropped when the test ends. Several statements in one query are
// allowed, as long as there are no arguments.
func OpenSQL(t testing.TB, f Flavor) *Database {
	t.Helper()
	info := f.info(t)
	d, admin := createDatabase(t, f, serverEnv(t, info.env, info.title))
	t.Cleanup(func() { dropDatabase(t, f, admin, d.Name) })
	return d
}

// createDatabase makes a database, which stays. admin are connections that no test
// can use up or close.
func createDatabase(t testing.TB, f Flavor, server string) (d *Database, admin *sql.DB) {
	t.Helper()
	base, err := url.Parse(server)
	if err != nil {
		t.Fatalf("servertest: URL of %s: %v", f, err)
	}
	d = &Database{Flavor: f, Name: randomName("t_")}
	d.URL, d.ReplURL = databaseURL(base, base.User, d.Name), databaseURL(base, url.UserPassword("repl", "repl"), d.Name)

	create := "CREATE DATABASE " + d.Name + " CHARACTER SET utf8mb4"
	if f.IsPostgres() {
		create = "CREATE DATABASE " + d.Name
		d.ReplURL += "?slot=" + d.Name
	}
	admin = openDB(t, base, strings.TrimPrefix(base.Path, "/"))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := admin.ExecContext(ctx, create); err != nil {
		t.Fatalf("servertest: create database on %s: %v", f, err)
	}
	d.DB = openDB(t, base, d.Name)
	if f.IsPostgres() { // as its administrator would
		d.Exec(t, "CREATE PUBLICATION meepo FOR ALL TABLES WITH (publish_via_partition_root = true)")
	}
	return d, admin
}

// dropDatabase drops a test's database. It does not wait long for a lock that a
// connection of the test still holds: such a leak is the test's mistake.
func dropDatabase(t testing.TB, f Flavor, admin *sql.DB, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if f.IsPostgres() {
		dropPostgres(ctx, t, admin, name)
		return
	}
	if _, err := admin.ExecContext(ctx, "SET SESSION lock_wait_timeout = 10; DROP DATABASE IF EXISTS "+name); err != nil {
		t.Errorf("servertest: drop database %s: %v", name, err)
	}
}

// openDB returns a pool of connections to the server, closed when the test ends.
func openDB(t testing.TB, server *url.URL, name string) *sql.DB {
	t.Helper()
	if server.Scheme == "postgres" {
		return openPostgres(t, server, name, "")
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", server.Host, name
	cfg.User = server.User.Username()
	cfg.Passwd, _ = server.User.Password()
	cfg.MultiStatements = true
	cfg.Logger = &mysql.NopLogger{} // a server that a test kills is no news
	cfg.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatalf("servertest: connect to %s: %v", server.Host, err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func databaseURL(base *url.URL, user *url.Userinfo, name string) string {
	u := *base
	u.User, u.Path = user, "/"+name
	return u.String()
}

// Reconnect forgets the connections of before, which a server that was restarted does not know.
func (d *Database) Reconnect() {
	d.DB.SetMaxIdleConns(0)
	d.DB.SetMaxIdleConns(2)
}

// Exec runs a query, or several when there are no arguments; an error ends the test.
func (d *Database) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := d.DB.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: exec %s: %v", d.Flavor, shorten(query), err)
	}
}

// QueryString returns the first column of the only row of a query as text, and
// "" for NULL; an error, or another number of rows, ends the test.
func (d *Database) QueryString(t testing.TB, query string, args ...any) string {
	t.Helper()
	rows := d.QueryStrings(t, query, args...)
	if len(rows) != 1 {
		t.Fatalf("%s: query %s: %d rows, want 1", d.Flavor, shorten(query), len(rows))
	}
	return rows[0][0]
}

// QueryInt returns the only value of a query as a number; an error ends the test.
func (d *Database) QueryInt(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if _, err := fmt.Sscan(d.QueryString(t, query, args...), &n); err != nil {
		t.Fatalf("%s: query %s: not a number: %v", d.Flavor, shorten(query), err)
	}
	return n
}

// QueryStrings returns all rows of a query as text, with "" for NULL; an error
// ends the test.
func (d *Database) QueryStrings(t testing.TB, query string, args ...any) [][]string {
	t.Helper()
	rows, err := d.DB.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: query %s: %v", d.Flavor, shorten(query), err)
	}
	defer rows.Close()
	result, err := scanStrings(rows)
	if err != nil {
		t.Fatalf("%s: query %s: %v", d.Flavor, shorten(query), err)
	}
	return result
}

func scanStrings(rows *sql.Rows) ([][]string, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var result [][]string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		result = append(result, row)
	}
	return result, rows.Err()
}

// shorten keeps a message about a long query readable.
func shorten(query string) string {
	query = strings.Join(strings.Fields(query), " ")
	if r := []rune(query); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return query
}
