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
		want := "a_write 1\na_alter\na_gap\na_alter"
		if !s.server().rowMetadataFull {
			want = "a_write 1\na_gap\na_alter\na_gap\na_alter"
		}
		wantLines(t, f.lines(), want)
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
