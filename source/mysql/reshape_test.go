package mysql

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// reshaping is a change of a table, and whether a gap goes with it: where the log is read as it is
// written, and where it is read when the change lies ahead of the rows.
type reshaping struct {
	change       string
	live, behind bool // with full metadata
	liveMinimal  bool // without: rows are read by the place of their columns
	always       bool // behind, without full metadata
}

// TestStream_Reshaped: rows that may have been read by columns of later, and values or rows that may
// have become others, are told as a gap; what cannot have done that is not.
func TestStream_Reshaped(t *testing.T) {
	for name, c := range map[string]reshaping{
		"indexes":      {change: "ADD INDEX x (n), ADD UNIQUE y (m), DROP INDEX z"},
		"options":      {change: "COMMENT 'MODIFY n', AUTO_INCREMENT = 70, ENGINE = InnoDB"},
		"order":        {change: "DROP PRIMARY KEY, ADD PRIMARY KEY (n)", always: true},
		"place":        {change: "MODIFY n INT NOT NULL FIRST", always: true, behind: true},
		"wider":        {change: "MODIFY m BIGINT NOT NULL, MODIFY v VARCHAR(30) CHARACTER SET utf8mb4", behind: true, always: true},
		"narrower":     {change: "MODIFY v VARCHAR(3) CHARACTER SET utf8mb4", live: true, liveMinimal: true, behind: true, always: true},
		"charset":      {change: "CONVERT TO CHARACTER SET latin1", live: true, liveMinimal: true, behind: true, always: true},
		"swapped":      {change: "RENAME COLUMN id TO n, RENAME COLUMN n TO id", live: true, liveMinimal: true, behind: true, always: true},
		"refilled":     {change: "DROP m, ADD m INT NOT NULL DEFAULT 7", live: true, liveMinimal: true, behind: true, always: true},
		"column":       {change: "ADD x INT DEFAULT 7", always: true},
		"column gone":  {change: "DROP m", always: true},
		"to partition": {change: "PARTITION BY HASH (id) PARTITIONS 2"},
	} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
				create := "CREATE TABLE %s (id INT, n INT NOT NULL, m INT NOT NULL, v VARCHAR(20) CHARACTER SET utf8mb4, KEY z (m), PRIMARY KEY (id))"
				d.Exec(t, strings.ReplaceAll(create, "%s", "live")+";"+strings.ReplaceAll(create, "%s", "late"))
				f := follow(t, s, head(t, s), "live")
				d.Exec(t, "INSERT INTO live VALUES (1, 100, 5, 'abc')")
				f.until(head(t, s))
				d.Exec(t, "ALTER TABLE live "+c.change)
				from := head(t, s)
				f.until(from)
				full := s.server().rowMetadataFull
				want := "live_write 1\n"
				if full && c.live || !full && c.liveMinimal {
					want += "live_gap\n"
				}
				wantLines(t, f.lines(), want+"live_alter")

				d.Exec(t, "INSERT INTO late VALUES (1, 100, 5, 'abc'); ALTER TABLE late "+c.change)
				f = follow(t, s, from, "late")
				f.until(head(t, s))
				got := f.lines()
				if len(got) > 0 && strings.HasPrefix(got[0], "late_write") { // of some key
					got = got[1:]
				}
				want = ""
				if full && c.behind || !full && c.always {
					want = "late_gap\n"
				}
				wantLines(t, got, want+"late_alter")
			})
		})
	}
}

// TestStream_GapOfAnEarlierRun: an Alter that comes first after a restart may follow rows that were
// read with the columns of after it, before the restart.
func TestStream_GapOfAnEarlierRun(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT, n INT, PRIMARY KEY (id))")
		from := head(t, s)
		d.Exec(t, "INSERT INTO a VALUES (1, 100)")
		between := head(t, s)
		d.Exec(t, "ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (n)")
		f := follow(t, s, from, "a")
		f.until(between)
		f.close()
		f = follow(t, s, between, "a")
		f.until(head(t, s))
		want := "a_gap\na_alter"
		if s.server().rowMetadataFull {
			want = "a_alter"
		}
		wantLines(t, f.lines(), want)
	})
}

// TestStream_ColumnOfTheSameName: a column that went and one that came later are two, which the catalog
// of after them does not show.
func TestStream_ColumnOfTheSameName(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)")
		from := head(t, s)
		d.Exec(t, "INSERT INTO a VALUES (1, 2); ALTER TABLE a DROP v; ALTER TABLE a ADD v INT DEFAULT 7")
		f := follow(t, s, from, "a")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 1\na_gap\na_alter\na_gap\na_alter")
	})
}

// TestStream_Partitions: what takes rows out of a table, or puts some in, without row events is told
// as a gap of each table concerned; what only moves them is not.
func TestStream_Partitions(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, `CREATE TABLE p (id INT PRIMARY KEY) PARTITION BY RANGE (id)
			(PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (30), PARTITION p3 VALUES LESS THAN (40));
			CREATE TABLE q (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (11), (21), (31)`)
		f := follow(t, s, head(t, s), "p", "q")
		rows := func(want string) {
			t.Helper()
			if got := d.QueryString(t, "SELECT GROUP_CONCAT(id ORDER BY id) FROM p"); got != want {
				t.Errorf("rows %s, want %s", got, want)
			}
		}
		execEach(t, d, `ALTER TABLE p ADD PARTITION (PARTITION p4 VALUES LESS THAN (50)); ALTER TABLE p REBUILD PARTITION p0, p1;
			ALTER TABLE p REORGANIZE PARTITION p3, p4 INTO (PARTITION p3 VALUES LESS THAN (50))`)
		rows("1,11,21,31")
		execEach(t, d, "ALTER TABLE p DROP PARTITION p1; ALTER TABLE p TRUNCATE PARTITION p2; ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE q")
		rows("31")
		want := "p_alter\np_alter\np_alter\np_gap\np_alter\np_gap\np_alter\np_gap\np_alter\nq_gap\nq_alter\n"
		if d.Flavor == servertest.MariaDB {
			execEach(t, d, "ALTER TABLE p CONVERT PARTITION p3 TO TABLE r; UPDATE q SET id = 55; ALTER TABLE p CONVERT TABLE q TO PARTITION p5 VALUES LESS THAN (60)")
			rows("55")
			want += "p_gap\np_alter\np_gap\np_alter\nq_drop\n" // q is gone when its own rows are read
		}
		execEach(t, d, "INSERT INTO p VALUES (2), (25); ALTER TABLE p PARTITION BY HASH (id) PARTITIONS 4; ALTER TABLE p COALESCE PARTITION 2; ALTER TABLE p REMOVE PARTITIONING")
		f.until(head(t, s))
		wantLines(t, f.lines(), want+"p_write 2\np_write 25\np_alter\np_alter\np_alter")
	})
}

// TestStream_KeyReordered: a key that sorts or prints otherwise than before is told as a gap, since a copy
// goes by its order and ids are made of its text.
func TestStream_KeyReordered(t *testing.T) {
	for name, c := range map[string][2]string{
		"collation":    {"VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		"charset":      {"VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		"more digits":  {"DATETIME", "DATETIME(6)"},
		"more of both": {"DECIMAL(10,2)", "DECIMAL(12,4)"},
	} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
				d.Exec(t, "CREATE TABLE a (k "+c[0]+" PRIMARY KEY, n INT)")
				f := follow(t, s, head(t, s), "a")
				d.Exec(t, "INSERT INTO a VALUES ('20200101', 1)")
				f.until(head(t, s))
				d.Exec(t, "ALTER TABLE a MODIFY k "+c[1]+" NOT NULL")
				f.until(head(t, s))
				if got := strings.Join(f.lines(), "\n"); !strings.HasSuffix(got, "a_gap\na_alter") {
					t.Errorf("events:\n%s", got)
				}
			})
		})
	}
}

// TestStream_RefilledOverARestart: a column goes and another of its name comes, and the log is read by
// somebody else from between the two on.
func TestStream_RefilledOverARestart(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)")
		from := head(t, s)
		d.Exec(t, "INSERT INTO a VALUES (1, 5); ALTER TABLE a DROP v")
		between := head(t, s)
		d.Exec(t, "ALTER TABLE a ADD v INT DEFAULT 7; INSERT INTO a VALUES (2, 8)")
		f := follow(t, s, from, "a")
		f.until(between)
		lag := strings.Join(f.lines(), "\n")
		f.close()
		f = follow(t, openTest(t, d), between, "a")
		f.until(head(t, s))
		if rest := strings.Join(f.lines(), "\n"); !strings.Contains(lag, "a_gap") || !strings.Contains(rest, "a_gap\na_alter") {
			t.Errorf("events before the restart:\n%s\nafter it:\n%s", lag, rest)
		}
	})
}

// TestStream_RowsWhileRefused: rows that come while a table has no key are told as a gap, since it may have
// one again when anybody looks.
func TestStream_RowsWhileRefused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)")
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "ALTER TABLE a DROP PRIMARY KEY; INSERT INTO a VALUES (1, 1)")
		f.until(head(t, s))
		d.Exec(t, "INSERT INTO a VALUES (2, 2)")
		f.until(head(t, s))
		d.Exec(t, "ALTER TABLE a ADD PRIMARY KEY (id); INSERT INTO a VALUES (3, 3)")
		f.until(head(t, s))
		got := strings.Join(f.lines(), "\n")
		if strings.Count(got[:strings.LastIndex(got, "a_alter")], "a_alter\na_gap") != 1 || !strings.HasSuffix(got, "a_write 3") {
			t.Errorf("events:\n%s", got)
		}
	})
}
