package servertest_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// everyPostgres runs a test on all flavors of PostgreSQL.
func everyPostgres(t *testing.T, run func(*testing.T, servertest.Flavor)) {
	for _, f := range servertest.PostgresFlavors() {
		t.Run(string(f), func(t *testing.T) { run(t, f) })
	}
}

func TestOpenSQL_Postgres_EachTestHasItsOwnDatabase(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		a, b := servertest.OpenSQL(t, f), servertest.OpenSQL(t, f)
		if a.Name == b.Name {
			t.Fatalf("both databases are named %s", a.Name)
		}
		a.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY, v TEXT); INSERT INTO x VALUES (1, 'é'), (2, NULL)")
		a.Exec(t, "INSERT INTO x VALUES ($1, $2)", 3, "three")
		if got := a.QueryInt(t, "SELECT COUNT(*) FROM x"); got != 3 {
			t.Errorf("rows: %d, want 3", got)
		}
		if got := a.QueryStrings(t, "SELECT v FROM x ORDER BY id"); got[0][0] != "é" || got[1][0] != "" || got[2][0] != "three" {
			t.Errorf("values: %q", got)
		}
		if got := b.QueryInt(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'"); got != 0 {
			t.Errorf("the other database has %d tables", got)
		}
	})
}

func TestOpenSQL_Postgres_InSchema(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		d := servertest.OpenSQL(t, f).InSchema(t)
		d.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY); INSERT INTO x VALUES (1)")
		if got := d.QueryInt(t, "SELECT COUNT(*) FROM "+d.Name+".x"); got != 1 {
			t.Errorf("rows of %s.x: %d, want 1", d.Name, got)
		}
	})
}

// readSlot makes a slot that is called as the database and begins to read it.
func readSlot(t *testing.T, d *servertest.Database) *pgconn.PgConn {
	t.Helper()
	d.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", d.Name)
	conn, err := pgconn.Connect(t.Context(), d.URL+"?sslmode=disable&replication=database")
	if err != nil {
		t.Fatal(err)
	}
	options := pglogrepl.StartReplicationOptions{PluginArgs: []string{"proto_version '1'", "publication_names 'meepo'"}}
	if err := pglogrepl.StartReplication(t.Context(), conn, d.Name, 0, options); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A slot that is being read keeps its database from being dropped, with force too.
func TestOpenSQL_Postgres_DropsTheDatabaseAndItsSlots(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		var name string
		var reader *pgconn.PgConn
		t.Run("inner", func(t *testing.T) {
			d := servertest.OpenSQL(t, f)
			name = d.Name
			reader = readSlot(t, d)
			if got := d.QueryInt(t, "SELECT COUNT(*) FROM pg_replication_slots WHERE active AND database = $1", name); got != 1 {
				t.Errorf("active slots: %d, want 1", got)
			}
		})
		if reader != nil { // forgotten by the inner test
			_ = reader.Close(t.Context())
		}
		d := servertest.OpenSQL(t, f)
		if got := d.QueryInt(t, "SELECT COUNT(*) FROM pg_database WHERE datname = $1", name); got != 0 {
			t.Errorf("database %s is still there", name)
		}
		if got := d.QueryInt(t, "SELECT COUNT(*) FROM pg_replication_slots WHERE slot_name = $1", name); got != 0 {
			t.Errorf("slot %s is still there", name)
		}
	})
}

func TestOpenSQL_Postgres_FlavorsAreWhatTheySay(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		d := servertest.OpenSQL(t, f)
		for setting, value := range map[string]string{"wal_level": "logical", "timezone": "UTC", "server_encoding": "UTF8", "password_encryption": "scram-sha-256"} {
			if got := d.QueryString(t, "SELECT current_setting($1)", setting); got != value {
				t.Errorf("%s is %s, want %s", setting, got, value)
			}
		}
		if got := d.QueryString(t, "SELECT datcollate FROM pg_database WHERE datname = $1", d.Name); got != "C" {
			t.Errorf("collation: %s, want C", got)
		}
		// Of the distribution's nothing is known but that it is one.
		if got := d.QueryInt(t, "SELECT current_setting('server_version_num')") / 10_000; f == servertest.Postgres && got != 18 {
			t.Errorf("version: %d, want 18", got)
		}
	})
}

func TestOpenSQL_Postgres_ReplMayReadButNotWrite(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		d := servertest.OpenSQL(t, f)
		d.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY); INSERT INTO x VALUES (1)")
		u, err := url.Parse(d.ReplURL)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query().Get("slot"); got != d.Name {
			t.Errorf("slot: %q, want %s", got, d.Name)
		}
		u.RawQuery = "sslmode=disable" // the slot is no setting of a session
		db, err := sql.Open("pgx", u.String())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM x").Scan(&n); err != nil || n != 1 {
			t.Errorf("repl reads %d rows, error %v", n, err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO x VALUES (2)"); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("repl writes, want insufficient_privilege: %v", err)
		}
		if _, err := db.ExecContext(t.Context(), "SELECT pg_create_logical_replication_slot($1, 'pgoutput', true)", d.Name); err != nil {
			t.Errorf("repl makes a slot: %v", err)
		}
	})
}

func TestStartSQL_Postgres_OptionsWin(t *testing.T) {
	everyPostgres(t, func(t *testing.T, f servertest.Flavor) {
		p := servertest.StartSQL(t, f, "-c", "max_replication_slots=7")
		d := p.Open(t)
		if got := d.QueryString(t, "SHOW max_replication_slots"); got != "7" {
			t.Errorf("max_replication_slots: %s, want 7", got)
		}
		p.Exec(t, "ALTER ROLE app SET work_mem = '7MB'")
		if got := p.Open(t).QueryString(t, "SHOW work_mem"); got != "7MB" {
			t.Errorf("work_mem after Exec: %s, want 7MB", got)
		}
		p.Stop(t)
		p.Start(t, "-c", "wal_level=replica")
		if got := p.Open(t).QueryString(t, "SHOW wal_level"); got != "replica" {
			t.Errorf("wal_level: %s, want replica", got)
		}
	})
}
