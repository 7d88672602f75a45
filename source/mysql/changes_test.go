package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// Changes of tables come in order among the rows, and the rows after them are read by the new
// definition, of which the key may have moved to another place.
func TestStream_TableChangesInOrder(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE z (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "*")
		for _, part := range []string{
			"INSERT INTO a VALUES (1, 1); TRUNCATE a; INSERT INTO a VALUES (2, 1)",
			"ALTER TABLE a ADD first VARCHAR(9) FIRST, ADD j JSON; INSERT INTO a VALUES ('x', 3, 1, '{}')",
			"CREATE INDEX i ON a (v); DROP INDEX i ON a",
			"RENAME TABLE a TO old, z TO a; INSERT INTO a VALUES (4); INSERT INTO old VALUES ('y', 5, 5, NULL)",
			"ALTER TABLE old RENAME TO older; DROP TABLE older, a",
			"CREATE TABLE made (id INT PRIMARY KEY) AS SELECT 6 AS id; CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY); INSERT INTO tmp VALUES (9)",
			"CREATE VIEW v AS SELECT * FROM made; DROP VIEW v; ALTER TABLE made DROP PRIMARY KEY, ADD k BINARY(3) DEFAULT 'k', ADD PRIMARY KEY (k, id); UPDATE made SET id = 7",
		} {
			execEach(t, d, part)
			// Where the log has no names, it cannot be read with the definition of later.
			f.until(head(t, s))
		}
		wantLines(t, f.lines(), `a_write 1
			a_truncate
			a_write 2
			a_alter
			a_write 3
			a_alter
			a_alter
			a_rename old
			z_rename a
			a_write 4
			old_write 5
			old_rename older
			older_drop
			a_drop
			made_create
			made_write 6
			made_alter
			made_delete 0x6b0000,6
			made_write 0x6b0000,7`)
		if f.seen[len(f.seen)-1].Position == "" {
			t.Error("the last batch ends at a commit, but has no position")
		}
	})
}

func TestStream_DropDatabase(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		other := d.Name + "_2"
		execEach(t, d, "CREATE DATABASE "+other+"; CREATE TABLE "+other+".a (id INT PRIMARY KEY); CREATE TABLE "+other+".b (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), other+".*")
		execEach(t, d, "CREATE TABLE "+other+".c (id INT PRIMARY KEY); DROP TABLE "+other+".b; DROP DATABASE "+other)
		f.until(head(t, s))
		wantLines(t, f.lines(), "c_create\nb_drop\na_drop\nc_drop")
	})
}

// With full metadata the log can be read across changes that lie ahead of it. Without, rows that were
// logged before such a change are not read wrongly: they are told as a gap, once per change.
func TestStream_DefinitionOfLater(t *testing.T) {
	for name, change := range map[string]string{
		"front": "ALTER TABLE a ADD first INT FIRST", "behind": "ALTER TABLE a ADD x INT", "type": "ALTER TABLE a MODIFY v BIGINT",
		"another": "DROP TABLE a; CREATE TABLE a (id VARCHAR(9) PRIMARY KEY)",
	} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
				d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)")
				from := head(t, s)
				execEach(t, d, "INSERT INTO a VALUES (1, 100); UPDATE a SET v = 2; "+change+"; INSERT INTO a (id) VALUES (7)")
				f := follow(t, s, from, "a")
				f.until(head(t, s))
				change := "a_alter"
				if name == "another" {
					change = "a_drop\na_create"
				}
				before := "a_write 1\na_update 1"
				if !s.server().rowMetadataFull || name == "another" && slices.Contains(f.lines(), "a_gap") {
					before = "a_gap"
				}
				if name == "type" && before != "a_gap" {
					before += "\na_gap" // whether values were converted cannot be seen any more
				}
				wantLines(t, f.lines(), before+"\n"+change+"\na_write 7")
			})
		})
	}
}

// Rows that were changed by statements are unknown: all tables have to be copied anew, since triggers, views
// and functions may reach any; but what the user says to reach nothing is left out.
func TestStream_StatementFormatIsAGap(t *testing.T) {
	eachAlone(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO a VALUES (1, ''), (2, '')")
		execEach(t, d, "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE beat (id INT PRIMARY KEY, v VARCHAR(20)); CREATE VIEW seen AS SELECT * FROM b")
		d.Exec(t, "CREATE TRIGGER also AFTER INSERT ON other FOR EACH ROW INSERT INTO b VALUES (NEW.id + 10, NEW.v)")
		const all = "a_gap\nb_gap"
		for _, c := range []struct{ statement, want string }{
			{"INSERT INTO a VALUES (3, 'secret')", all}, {"REPLACE INTO b SELECT id, 'secret' FROM a", all}, {"UPDATE a SET v = 'secret'", all},
			{"UPDATE a JOIN b USING (id) SET a.v = 'secret'", all}, {"DELETE FROM b WHERE v = 'secret'", all},
			{"DELETE a, b FROM a JOIN b USING (id) WHERE b.v <> 'secret'", all}, {"INSERT INTO seen VALUES (5, 'secret')", all},
			{"INSERT INTO other VALUES (1, 'secret')", all}, {"INSERT INTO other VALUES (2, 'secret'), (3, ''); UPDATE other SET v = ''; DELETE FROM seen", all},
			{"INSERT INTO beat VALUES (1, 'secret') ON DUPLICATE KEY UPDATE v = 'secret'", ""}, {"DELETE beat, a FROM beat JOIN a", all},
		} {
			s, _, log := behind(t, d)
			s.cfg.IgnoreStatements = []source.Pattern{{Schema: d.Name, Name: "bea?"}}
			f := follow(t, s, head(t, s), "a", "b")
			statements := append([]string{"SET SESSION binlog_format = STATEMENT", "BEGIN"}, strings.Split(c.statement, "; ")...)
			onSession(t, d, append(statements, "COMMIT", "SET SESSION binlog_format = ROW")...)
			d.Exec(t, "INSERT INTO b VALUES (77, '')")
			f.until(head(t, s))
			d.Exec(t, "DELETE FROM b WHERE id = 77")
			wantLines(t, f.lines(), strings.TrimPrefix(c.want+"\nb_write 77", "\n"))
			if log.count("secret") > 0 {
				t.Error("a value is in the log")
			}
			f.close()
		}
	})
}

// What the row image leaves out is not needed, as long as it has the key.
func TestStream_PartialImages(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT, k VARCHAR(9), v INT, t TEXT, j JSON, PRIMARY KEY (id, k))")
		from := head(t, s)
		for _, image := range []string{"MINIMAL", "NOBLOB"} {
			conn, err := d.DB.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{
				"SET SESSION binlog_row_image = " + image, "INSERT INTO a (id, k, t) VALUES (1, 'x', 'text')", "UPDATE a SET v = 2", "UPDATE a SET t = 'more'",
				"UPDATE a SET k = 'y'", "UPDATE a SET id = 2, v = 3", "DELETE FROM a", "SET SESSION binlog_row_image = FULL",
			} {
				if _, err := conn.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			conn.Close()
		}
		f := follow(t, s, from, "a")
		f.until(head(t, s))
		once := "a_write 1,x\na_update 1,x\na_update 1,x\na_delete 1,x\na_write 1,y\na_delete 1,y\na_write 2,y\na_delete 2,y\n"
		wantLines(t, f.lines(), once+once)
	})
}

// Rows of all types of columns are skipped by their lengths alone: a wrong one would show.
func TestStream_EveryColumnType(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		types := []string{
			"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "YEAR", "DATE", "BIT(1)", "BIT(9)", "BIT(64)", "JSON", "GEOMETRY",
			"ENUM('a','b')", "SET('a','b','c','d','e','f','g','h','i')", "CHAR(1)", "CHAR(255)", "BINARY(9)", "VARCHAR(5)", "VARCHAR(300)", "VARBINARY(255)",
			"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB",
		}
		for digits := range 7 {
			types = append(types, fmt.Sprintf("TIME(%d)", digits), fmt.Sprintf("DATETIME(%d)", digits), fmt.Sprintf("TIMESTAMP(%d) NULL", digits))
		}
		for p := 1; p <= 60; p += 3 {
			types = append(types, fmt.Sprintf("DECIMAL(%d,%d)", p, p/2))
		}
		if d.Flavor == servertest.MariaDB {
			types = append(types, "UUID", "INET6", "VARCHAR(300) COMPRESSED", "TEXT COMPRESSED", "VARBINARY(9) COMPRESSED")
		} else {
			types = append(types, "VECTOR(3)")
		}
		values := map[string]string{"GEOMETRY": "ST_GeomFromText('POINT(1 2)')", "JSON": `'{"a": [1, 2.5, "x"]}'`, "VECTOR(3)": "STRING_TO_VECTOR('[1,2,3]')",
			"UUID": "UUID()", "INET6": "'::1'", "DATE": "'2024-02-03'", "YEAR": "2024"}
		var columns, ones, nulls []string
		for i, typ := range types {
			name, _, _ := strings.Cut(typ, "(")
			value := values[typ]
			switch {
			case value != "":
			case name == "TIME":
				value = "'12:13:14.123456'"
			case name == "DATETIME" || name == "TIMESTAMP":
				value = "'2024-02-03 12:13:14.123456'"
			case name == "ENUM" || name == "SET" || strings.Contains(typ, "CHAR") || strings.Contains(typ, "BINARY") || strings.Contains(typ, "TEXT") || strings.Contains(typ, "BLOB"):
				value = "'a'"
			default:
				value = "0"
			}
			columns, ones, nulls = append(columns, fmt.Sprintf("c%d %s", i, typ)), append(ones, value), append(nulls, "NULL")
		}
		d.Exec(t, "CREATE TABLE a ("+strings.Join(columns, ", ")+", id INT PRIMARY KEY)")
		from := head(t, s)
		d.Exec(t, "INSERT INTO a VALUES ("+strings.Join(ones, ",")+", 1), ("+strings.Join(nulls, ",")+", 2), ("+strings.Join(ones, ",")+", 3)")
		execEach(t, d, "UPDATE a SET id = id + 10 ORDER BY id DESC; DELETE FROM a")
		f := follow(t, s, from, "a")
		f.until(head(t, s))
		wantLines(t, f.lines(), strings.Join([]string{
			"a_write 1", "a_write 2", "a_write 3", "a_delete 3", "a_write 13", "a_delete 2", "a_write 12", "a_delete 1", "a_write 11",
			"a_delete 11", "a_delete 12", "a_delete 13",
		}, "\n"))
	})
}

// A foreign key can be subscribed to: its old and new values come with each event.
func TestStream_SubscribedColumns(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, ref BIGINT UNSIGNED, name VARCHAR(9))")
		stream, err := s.Open(t.Context(), head(t, s), []source.Subscription{{Tables: source.Pattern{Schema: d.Name, Name: "a"}, Columns: []string{"name", "ref"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close(context.Background())
		execEach(t, d, "INSERT INTO a VALUES (1, 5, 'x'); UPDATE a SET ref = NULL; UPDATE a SET id = 2; DELETE FROM a")
		var got []string
		for len(got) < 5 {
			batch, err := stream.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range batch.Events {
				got = append(got, fmt.Sprintf("%s %s %v %v", e.Action, e.Key.Text(), e.Old, e.New))
			}
		}
		wantLines(t, got, "write 1 [] [x 5]\nupdate 1 [x 5] [x <nil>]\ndelete 1 [x <nil>] []\nwrite 2 [] [x <nil>]\ndelete 2 [x <nil>] []")
	})
}
