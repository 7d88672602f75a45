package servertest

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"testing"
)

const (
	requireEnv = "MEEPO_REQUIRE_SERVERS"
	elasticEnv = "MEEPO_TEST_ELASTIC_URL"
	mongoEnv   = "MEEPO_TEST_MONGO_URL"
	runDirEnv  = "MEEPO_TEST_RUN_DIR"
)

// Flavor is a kind of SQL server with the settings that make a difference to a
// reader of its log.
type Flavor string

// The flavors, each with the variable that holds the URL of its shared server.
const (
	MySQL         Flavor = "mysql"          // GTIDs, full row metadata: MEEPO_TEST_MYSQL_URL
	MySQLNoGTID   Flavor = "mysql-nogtid"   // gtid_mode=OFF: MEEPO_TEST_MYSQL_NOGTID_URL
	MySQLMinimal  Flavor = "mysql-minimal"  // binlog_row_metadata=MINIMAL: MEEPO_TEST_MYSQL_MINIMAL_URL
	MySQLNativeFK Flavor = "mysql-nativefk" // innodb_native_foreign_keys=ON: MEEPO_TEST_MYSQL_NATIVEFK_URL
	MariaDB       Flavor = "mariadb"        // MEEPO_TEST_MARIADB_URL
	Postgres      Flavor = "postgres"       // PostgreSQL 18: MEEPO_TEST_POSTGRES_URL
	PostgresDist  Flavor = "postgres-dist"  // the distribution's PostgreSQL: MEEPO_TEST_POSTGRES_DIST_URL
)

// Flavors returns the flavors that every test of MySQL and MariaDB runs on. MySQLNativeFK
// is not among them: it differs in nothing but cascades.
func Flavors() []Flavor {
	return []Flavor{MySQL, MySQLNoGTID, MySQLMinimal, MariaDB}
}

// PostgresFlavors returns the flavors that every test of PostgreSQL runs on.
func PostgresFlavors() []Flavor { return []Flavor{Postgres, PostgresDist} }

// IsPostgres tells PostgreSQL from MySQL and MariaDB.
func (f Flavor) IsPostgres() bool { return f == Postgres || f == PostgresDist }

// flavorInfo is what the package knows of one flavor.
type flavorInfo struct {
	env     string
	title   string
	script  string
	options []string // what scripts/servers/shared.sh gives the shared server of the flavor
}

var flavors = map[Flavor]flavorInfo{
	MySQL:         {env: "MEEPO_TEST_MYSQL_URL", title: "MySQL", script: "mysql.sh"},
	MySQLNoGTID:   {env: "MEEPO_TEST_MYSQL_NOGTID_URL", title: "MySQL without GTIDs", script: "mysql.sh", options: []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"}},
	MySQLMinimal:  {env: "MEEPO_TEST_MYSQL_MINIMAL_URL", title: "MySQL with minimal row metadata", script: "mysql.sh", options: []string{"--binlog-row-metadata=MINIMAL"}},
	MySQLNativeFK: {env: "MEEPO_TEST_MYSQL_NATIVEFK_URL", title: "MySQL with native foreign keys", script: "mysql.sh", options: []string{"--loose-innodb-native-foreign-keys=ON"}},
	MariaDB:       {env: "MEEPO_TEST_MARIADB_URL", title: "MariaDB", script: "mariadb.sh"},
	Postgres:      {env: "MEEPO_TEST_POSTGRES_URL", title: "PostgreSQL", script: "postgres.sh"},
	PostgresDist:  {env: "MEEPO_TEST_POSTGRES_DIST_URL", title: "PostgreSQL of the distribution", script: "postgres.sh", options: []string{"--distribution"}},
}

// info returns what is known of f; an unknown flavor is a mistake in the test.
func (f Flavor) info(t testing.TB) flavorInfo {
	t.Helper()
	i, ok := flavors[f]
	if !ok {
		t.Fatalf("servertest: no such flavor: %q", f)
	}
	return i
}

// serverEnv returns the value of the variable that names a server; without one
// the test is skipped, or fails where servers are required.
func serverEnv(t testing.TB, env, title string) string {
	t.Helper()
	if v := os.Getenv(env); v != "" {
		return v
	}
	const message = "servertest: no %s server: set %s or run make test"
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf(message, title, env)
	}
	t.Skipf(message, title, env)
	return ""
}

// randomName returns prefix and ten random hexadecimal digits.
func randomName(prefix string) string {
	var b [5]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}
