package mysql

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// Rows of the log that give no key of today's, or none at all, are left out with a Gap: neither they nor
// a restart before them end the stream.
func TestStream_RowsWithoutAKey(t *testing.T) {
	for name, statements := range map[string]string{
		"key was NULL":       "CREATE TABLE a (id INT PRIMARY KEY, code INT); INSERT INTO a (id) VALUES (1), (2); UPDATE a SET code = id + 10; ALTER TABLE a DROP PRIMARY KEY, MODIFY code INT NOT NULL, ADD PRIMARY KEY (code)",
		"key was negative":   "CREATE TABLE a (code INT PRIMARY KEY, id INT); INSERT INTO a VALUES (-1, 1), (2, 2); DELETE FROM a WHERE code < 0; ALTER TABLE a MODIFY code INT UNSIGNED",
		"key was longer":     "CREATE TABLE a (code BIGINT PRIMARY KEY, id INT); INSERT INTO a VALUES (-5000000000, 1), (2, 2); DELETE FROM a WHERE code < 0; ALTER TABLE a MODIFY code INT UNSIGNED",
		"label is not valid": "CREATE TABLE a (code ENUM('77', '78') PRIMARY KEY, id INT); INSERT IGNORE INTO a VALUES ('no', 1); UPDATE a SET code = '78'",
		"label went":         "CREATE TABLE a (code ENUM('77', '78', '79') PRIMARY KEY, id INT); INSERT INTO a VALUES ('79', 1); DELETE FROM a; ALTER TABLE a MODIFY code ENUM('77', '78')",
	} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
				from := head(t, s)
				execEach(t, d, statements+"; INSERT INTO a (code, id) VALUES ('77', 77)")
				f := follow(t, s, from, "a")
				f.until(head(t, s))
				got := f.lines()
				if len(got) == 0 || got[len(got)-1] != "a_write 77" {
					t.Errorf("the stream has %q, want it to go on to the last row", got)
				}
				skips := strings.HasPrefix(name, "label went") // by the labels of that time, if the log has them
				if !skips && !slices.Contains(got, "a_gap") {
					t.Errorf("nothing tells of the rows that were left out: %q", got)
				}
			})
		})
	}
}

// The end of an update that begins without a key is told all the same.
func TestStream_UpdateFromNoKey(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (code ENUM('77', '78') PRIMARY KEY, id INT)")
		d.Exec(t, "INSERT IGNORE INTO a VALUES ('no', 1)")
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "UPDATE a SET code = '78'")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_gap\na_write 78")
	})
}

// The rows of a table that may not be seen are skipped, and a Gap tells of it: it is not taken for dropped.
// Once somebody has seen the table again, a Gap makes up for what was skipped, whether rows come or not.
func TestStream_TableHidden(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, admin *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY)")
		status := "REPLICATION CLIENT"
		if d.Flavor == servertest.MariaDB {
			status = "BINLOG MONITOR"
		}
		s := user(t, d, "h", "SELECT ON "+d.Name+".a", "SELECT ON "+d.Name+".b", "REPLICATION SLAVE, "+status+" ON *.*")
		account, a := "'h"+d.Name+"'@'127.0.0.1'", source.Table{Schema: d.Name, Name: "a"}
		f := follow(t, s, head(t, admin), "a", "b")
		d.Exec(t, "REVOKE SELECT ON a FROM "+account)
		d.Exec(t, "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO a VALUES (2)")
		f.until(head(t, admin))
		wantLines(t, f.lines(), "a_gap\nb_write 1")
		if _, err := s.Columns(t.Context(), "", a); !errors.Is(err, source.ErrDenied) {
			t.Errorf("its columns: %v", err)
		}
		d.Exec(t, "GRANT SELECT ON a TO "+account)
		d.Exec(t, "INSERT INTO a VALUES (3)") // nobody follows it yet
		f.until(head(t, admin))
		if _, err := s.Columns(t.Context(), "", a); err != nil {
			t.Fatal(err)
		}
		for len(f.lines()) < 3 {
			if _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
		d.Exec(t, "DELETE FROM a WHERE id = 1")
		f.until(head(t, admin))
		wantLines(t, f.lines(), "a_gap\nb_write 1\na_gap\na_delete 1")
	})
}
