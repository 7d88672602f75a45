package mysql

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// A system-versioned table is told as what a SELECT shows of it: its former rows are none.
func TestStream_SystemVersioned(t *testing.T) {
	const period = "s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME(s, e), "
	without := servertest.StartSQL(t, servertest.MariaDB, "--binlog-row-metadata=NO_LOG")
	for name, create := range map[string]string{
		"columns hidden": "CREATE TABLE a (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
		"with hash":      "CREATE TABLE a (id INT PRIMARY KEY, v INT, long_text TEXT, UNIQUE (long_text)) WITH SYSTEM VERSIONING",
		"columns named":  "CREATE TABLE a (" + period + "id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
		"partitioned":    "CREATE TABLE a (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION p1 CURRENT)",
	} {
		for metadata, open := range map[string]func(testing.TB) *servertest.Database{
			"FULL": func(t testing.TB) *servertest.Database { return servertest.OpenSQL(t, servertest.MariaDB) }, "NO_LOG": without.Open,
		} {
			for _, image := range []string{"FULL", "MINIMAL"} {
				t.Run(strings.Join([]string{name, metadata, image}, " "), func(t *testing.T) {
					d := open(t)
					s := openURL(t, d.ReplURL)
					d.Exec(t, create)
					f := follow(t, s, head(t, s), "a")
					onSession(t, d, "SET SESSION binlog_row_image = "+image,
						"INSERT INTO a (id, v) VALUES (1, 1), (2, 2)", "UPDATE a SET v = 5 WHERE id = 1", "UPDATE a SET id = 3 WHERE id = 1", "DELETE FROM a WHERE id = 2",
						"REPLACE INTO a (id, v) VALUES (3, 8)", "INSERT INTO a (id, v) VALUES (2, 9)", "DELETE HISTORY FROM a", "INSERT INTO a (id, v) VALUES (77, 7)")
					f.until(head(t, s))
					last := map[string]string{}
					for _, line := range f.lines() {
						action, key, _ := strings.Cut(line, " ")
						last[key] = action
					}
					for key, want := range map[string]string{"1": "a_delete", "2": "a_write", "77": "a_write"} {
						if last[key] != want {
							t.Errorf("the last of key %s is %q, want %s: %q", key, last[key], want, f.lines())
						}
					}
					if last["3"] == "a_delete" || last["3"] == "" {
						t.Errorf("the last of key 3 is %q: %q", last["3"], f.lines())
					}
				})
			}
		}
	}
}

// A change of a table's versioning is told with a gap, since rows are told otherwise before and after.
func TestStream_VersioningChanged(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openURL(t, d.ReplURL)
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)")
	from := head(t, s)
	d.Exec(t, "INSERT INTO a VALUES (1, 1), (2, 2); ALTER TABLE a ADD SYSTEM VERSIONING; DELETE FROM a WHERE id = 1; ALTER TABLE a DROP SYSTEM VERSIONING; DELETE FROM a WHERE id = 2")
	f := follow(t, s, from, "a")
	f.until(head(t, s))
	text := strings.Join(f.lines(), "\n")
	if strings.Count(text, "a_gap\na_alter") != 2 || !strings.HasSuffix(text, "a_delete 2") {
		t.Errorf("events:\n%s", text)
	}
}

func TestColumns_VersionedByTransactions(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openURL(t, d.ReplURL)
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME(s, e)) WITH SYSTEM VERSIONING")
	columns, err := s.Columns(t.Context(), "", source.Table{Schema: d.Name, Name: "a"})
	if err != nil || !strings.Contains(columns.Refused, "by transactions") {
		t.Errorf("refused: %q, %v", columns.Refused, err)
	}
}
