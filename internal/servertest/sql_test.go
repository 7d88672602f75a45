package servertest_test

import (
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// everyFlavor runs a test on all flavors, the one with native foreign keys too.
func everyFlavor(t *testing.T, run func(*testing.T, servertest.Flavor)) {
	for _, f := range append(servertest.Flavors(), servertest.MySQLNativeFK) {
		t.Run(string(f), func(t *testing.T) { run(t, f) })
	}
}

func TestOpenSQL_EachTestHasItsOwnDatabase(t *testing.T) {
	everyFlavor(t, func(t *testing.T, f servertest.Flavor) {
		a, b := servertest.OpenSQL(t, f), servertest.OpenSQL(t, f)
		if a.Name == b.Name {
			t.Fatalf("both databases are named %s", a.Name)
		}
		a.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY, v TEXT); INSERT INTO x VALUES (1, 'é'), (2, NULL)")
		a.Exec(t, "INSERT INTO x VALUES (?, ?)", 3, "three")
		if got := a.QueryInt(t, "SELECT COUNT(*) FROM x"); got != 3 {
			t.Errorf("rows: %d, want 3", got)
		}
		if got := a.QueryStrings(t, "SELECT v FROM x ORDER BY id"); got[0][0] != "é" || got[1][0] != "" || got[2][0] != "three" {
			t.Errorf("values: %q", got)
		}
		if got := b.QueryInt(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"); got != 0 {
			t.Errorf("the other database has %d tables", got)
		}
		if got := a.QueryString(t, "SELECT @@time_zone"); got != "+00:00" {
			t.Errorf("time zone: %s", got)
		}
	})
}

func TestOpenSQL_DropsTheDatabase(t *testing.T) {
	everyFlavor(t, func(t *testing.T, f servertest.Flavor) {
		var name string
		t.Run("inner", func(t *testing.T) { name = servertest.OpenSQL(t, f).Name })
		d := servertest.OpenSQL(t, f)
		if got := d.QueryInt(t, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", name); got != 0 {
			t.Errorf("database %s is still there", name)
		}
	})
}

func TestOpenSQL_FlavorsAreWhatTheySay(t *testing.T) {
	want := map[servertest.Flavor]map[string]string{
		servertest.MySQL:         {"@@gtid_mode": "ON", "@@binlog_row_metadata": "FULL"},
		servertest.MySQLNoGTID:   {"@@gtid_mode": "OFF", "@@binlog_row_metadata": "FULL"},
		servertest.MySQLMinimal:  {"@@gtid_mode": "ON", "@@binlog_row_metadata": "MINIMAL"},
		servertest.MySQLNativeFK: {"@@gtid_mode": "ON", "@@innodb_native_foreign_keys": "1"},
		servertest.MariaDB:       {"@@gtid_strict_mode": "1", "@@binlog_row_metadata": "FULL"},
	}
	everyFlavor(t, func(t *testing.T, f servertest.Flavor) {
		d := servertest.OpenSQL(t, f)
		for variable, value := range want[f] {
			if got := d.QueryString(t, "SELECT "+variable); got != value {
				t.Errorf("%s is %s, want %s", variable, got, value)
			}
		}
		isMariaDB := strings.Contains(d.QueryString(t, "SELECT VERSION()"), "MariaDB")
		if isMariaDB != (f == servertest.MariaDB) {
			t.Errorf("version: %s", d.QueryString(t, "SELECT VERSION()"))
		}
	})
}

func TestOpenSQL_ReplMayReadButNotWrite(t *testing.T) {
	everyFlavor(t, func(t *testing.T, f servertest.Flavor) {
		d := servertest.OpenSQL(t, f)
		d.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY); INSERT INTO x VALUES (1)")
		u, err := url.Parse(d.ReplURL)
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("mysql", u.User.String()+"@tcp("+u.Host+")"+u.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM x").Scan(&n); err != nil || n != 1 {
			t.Errorf("repl reads %d rows, error %v", n, err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO x VALUES (2)"); err == nil {
			t.Error("repl may write")
		}
	})
}

// TestMissingServer runs in processes of its own, since a skip ends a test.
func TestMissingServer(t *testing.T) {
	if os.Getenv("SERVERTEST_CHILD") == "1" {
		servertest.OpenSQL(t, servertest.MariaDB)
		return
	}
	const message = "servertest: no MariaDB server: set MEEPO_TEST_MARIADB_URL or run make test"
	for _, c := range []struct{ require, verdict string }{{"", "--- SKIP: TestMissingServer"}, {"1", "--- FAIL: TestMissingServer"}} {
		t.Run("require="+c.require, func(t *testing.T) {
			out := runSelf(t, "TestMissingServer", "SERVERTEST_CHILD=1", "MEEPO_TEST_MARIADB_URL=", "MEEPO_REQUIRE_SERVERS="+c.require)
			if !strings.Contains(out, c.verdict) || !strings.Contains(out, message) {
				t.Errorf("output of a test without a server:\n%s", out)
			}
		})
	}
}
