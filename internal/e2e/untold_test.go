package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// untold is a change of a table that changes rows without saying which.
type untold struct {
	name   string // of the table
	create string // its columns and partitions after "id INT PRIMARY KEY, "
	change string // T is the table; a session without strict mode makes it
	want   string // the documents of it afterwards, as summary tells them
}

const byRange = `v VARCHAR(9)) PARTITION BY RANGE (id)
	(PARTITION p0 VALUES LESS THAN (3), PARTITION p1 VALUES LESS THAN (6), PARTITION p2 VALUES LESS THAN MAXVALUE)`

var untolds = []untold{
	{"dropped", byRange, "ALTER TABLE T DROP PARTITION p1", "1=vér1 2=vér2 6=vér6 7=vér7"},
	{"emptied", byRange, "ALTER TABLE T TRUNCATE PARTITION p0, p2", "3=vér3 4=vér4 5=vér5"},
	{"swapped", byRange, "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO other VALUES (2, 'other'); ALTER TABLE T EXCHANGE PARTITION p0 WITH TABLE other", "2=other 3=vér3 4=vér4 5=vér5 6=vér6 7=vér7"},
	{"shorter", "v VARCHAR(9))", "ALTER TABLE T MODIFY v VARCHAR(3); DELETE FROM T WHERE id > 2", "1=vér 2=vér"},
	{"poorer", "v VARCHAR(9) CHARACTER SET utf8mb4)", "ALTER TABLE T CONVERT TO CHARACTER SET ascii; DELETE FROM T WHERE id > 2", "1=v?r1 2=v?r2"},
	{"refilled", "v VARCHAR(9))", "ALTER TABLE T DROP v, ADD v VARCHAR(9) DEFAULT 'new'; DELETE FROM T WHERE id > 2", "1=new 2=new"},
	{"crossed", "v VARCHAR(9), w VARCHAR(9) DEFAULT 'w')", "ALTER TABLE T CHANGE v w VARCHAR(9), CHANGE w v VARCHAR(9); DELETE FROM T WHERE id > 2", "1=w 2=w"},
	{"moved", byRange, "ALTER TABLE T REORGANIZE PARTITION p0, p1 INTO (PARTITION p VALUES LESS THAN (6)); ALTER TABLE T REMOVE PARTITIONING; DELETE FROM T WHERE id > 2", "1=vér1 2=vér2"},
}

var untoldsOfMariaDB = []untold{
	{"taken_out", byRange, "ALTER TABLE T CONVERT PARTITION p1 TO TABLE taken", "1=vér1 2=vér2 6=vér6 7=vér7"},
	{"put_in", "v VARCHAR(9)) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (8))",
		"CREATE TABLE put (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO put VALUES (9, 'put'); DELETE FROM T WHERE id > 2; ALTER TABLE T CONVERT TABLE put TO PARTITION p1 VALUES LESS THAN (10)", "1=vér1 2=vér2 9=put"},
	{"unique_now", "v VARCHAR(9))", "UPDATE T SET v = 'same' WHERE id > 2; ALTER IGNORE TABLE T ADD UNIQUE (v)", "1=vér1 2=vér2 3=same"},
}

// TestUntoldChanges: documents follow what partitions, conversions and the like do to rows, of which
// the log has no rows.
func TestUntoldChanges(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		all := untolds
		if flavor == servertest.MariaDB {
			all = append(append([]untold(nil), untolds...), untoldsOfMariaDB...)
		}
		db, target := servertest.OpenSQL(t, flavor), servertest.OpenElastic(t)
		var mappings strings.Builder
		for _, u := range all {
			db.Exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, %s", u.name, u.create))
			for id := range 7 {
				db.Exec(t, fmt.Sprintf("INSERT INTO %s (id, v) VALUES (?, ?)", u.name), id+1, fmt.Sprintf("vér%d", id+1))
			}
			fmt.Fprintf(&mappings, "  - {name: %[1]s, from: %[2]s.%[1]s, to: %[3]s%[1]s, columns: [id, v], on_schema_change: {other: evolve}}\n", u.name, db.Name, target.Prefix)
		}
		dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n%s", db.ReplURL, target.URL, mappings.String()))
		r := invocation{dir: dir}.start(t)
		check := func(want func(untold) string) {
			t.Helper()
			r.await(t, "the documents", func() (bool, error) {
				var wrong []string
				for _, u := range all {
					if got := summary(t, target, target.Prefix+u.name); got != want(u) {
						wrong = append(wrong, fmt.Sprintf("%s holds %q, want %q", u.name, got, want(u)))
					}
				}
				return len(wrong) == 0, errors.New(strings.Join(wrong, "; "))
			})
		}
		check(func(untold) string { return "1=vér1 2=vér2 3=vér3 4=vér4 5=vér5 6=vér6 7=vér7" })
		for _, u := range all {
			db.Exec(t, "SET SESSION sql_mode = ''; "+strings.NewReplacer("TABLE T ", "TABLE "+u.name+" ", "FROM T ", "FROM "+u.name+" ", "UPDATE T ", "UPDATE "+u.name+" ").Replace(u.change)+"; SET SESSION sql_mode = DEFAULT")
		}
		check(func(u untold) string { return u.want })
	})
}

// TestMovedColumns alters a table while nobody follows, so that a log without names of columns is read
// by the place that they have later: an order of columns of one type that no comparison shows. The
// mapping is the same as before, since it has only the key.
func TestMovedColumns(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		db, target := servertest.OpenSQL(t, flavor), servertest.OpenElastic(t)
		db.Exec(t, "CREATE TABLE a (id INT, v INT NOT NULL, PRIMARY KEY (id)); INSERT INTO a VALUES (1, 5), (2, 5), (3, 5)")
		dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n  - {name: a, from: %s.a, to: %sa, columns: [id]}\n",
			db.ReplURL, target.URL, db.Name, target.Prefix))
		once := func() {
			t.Helper()
			if code := (invocation{args: []string{"--once"}, dir: dir}).run(t).wait(t); code != 0 {
				t.Fatalf("exit code %d", code)
			}
		}
		once()
		db.Exec(t, "UPDATE a SET v = 8 WHERE id = 1; DELETE FROM a WHERE id = 2; INSERT INTO a VALUES (4, 9)")
		db.Exec(t, "ALTER TABLE a MODIFY v INT NOT NULL FIRST")
		once()
		if got, want := summary(t, target, target.Prefix+"a"), "1=<nil> 3=<nil> 4=<nil>"; got != want {
			t.Errorf("documents %q, want %q", got, want)
		}
	})
}

// ways are how tools change a large table: a copy under another name, filled beside it, which takes
// its place. Triggers make it follow the table in one of them. It lacks some rows.
var ways = map[string]struct{ prepare, swap, after string }{
	"gh-ost": {
		"CREATE TABLE _goods_gho LIKE goods; ALTER TABLE _goods_gho ADD extra INT NOT NULL DEFAULT 3 FIRST",
		"RENAME TABLE goods TO _goods_del, _goods_gho TO goods", "DROP TABLE _goods_del",
	},
	"pt-osc": {
		"CREATE TABLE _goods_new LIKE goods; ALTER TABLE _goods_new ADD extra INT NOT NULL DEFAULT 3 FIRST",
		"RENAME TABLE goods TO _goods_old, _goods_new TO goods",
		"DROP TABLE _goods_old; DROP TRIGGER IF EXISTS pt_del; DROP TRIGGER IF EXISTS pt_upd; DROP TRIGGER IF EXISTS pt_ins",
	},
}

// TestOnlineSchemaChange swaps a filled copy in, under writers: documents of rows that it lacks go.
func TestOnlineSchemaChange(t *testing.T) {
	for _, flavor := range servertest.Flavors() {
		for name, way := range ways {
			t.Run(string(flavor)+" "+name, func(t *testing.T) {
				g := newGoods(t, flavor, 2000)
				r := g.start()
				r.awaitLog(t, "backfill done")
				w := g.scribble(2, 2000)
				g.db.Exec(t, way.prepare)
				copied := "id, v, n, d, at, note"
				_, rest, _ := strings.Cut(way.swap, ", ")
				fresh, _, _ := strings.Cut(rest, " ")
				if name == "pt-osc" {
					values := "NEW.id, NEW.v, NEW.n, NEW.d, NEW.at, NEW.note"
					g.db.Exec(t, "CREATE TRIGGER pt_del AFTER DELETE ON goods FOR EACH ROW DELETE IGNORE FROM "+fresh+" WHERE id <=> OLD.id")
					g.db.Exec(t, "CREATE TRIGGER pt_upd AFTER UPDATE ON goods FOR EACH ROW BEGIN DELETE IGNORE FROM "+fresh+
						" WHERE NOT (OLD.id <=> NEW.id) AND id <=> OLD.id; REPLACE INTO "+fresh+" ("+copied+") VALUES ("+values+"); END")
					g.db.Exec(t, "CREATE TRIGGER pt_ins AFTER INSERT ON goods FOR EACH ROW REPLACE INTO "+fresh+" ("+copied+") VALUES ("+values+")")
				}
				g.db.Exec(t, "INSERT IGNORE INTO "+fresh+" ("+copied+") SELECT "+copied+" FROM goods")
				g.db.Exec(t, "DELETE FROM "+fresh+" WHERE id BETWEEN 500 AND 700") // what a real tool would not do
				g.db.Exec(t, way.swap)
				g.db.Exec(t, "INSERT IGNORE INTO goods (id, v) VALUES (100000, 'after the swap')")
				w.end()
				g.db.Exec(t, way.after)
				g.sentinel(r)
				r.awaitLog(t, "sweep done") // the swap's jobs begin once the position after it is saved
				r.await(t, "no work left", func() (bool, error) {
					s, err := statusIf(t, g.dir, g.env)
					return err == nil && len(s.Jobs) == 0 && s.Tables[0].Copied, fmt.Errorf("jobs %v: %w", s.Jobs, err)
				})
				r.stop(g.t)
				g.finish()
				g.equal()
			})
		}
	}
}
