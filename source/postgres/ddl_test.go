package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// tell makes changes, follows the log of them, and returns its events.
func tell(t *testing.T, d *servertest.Database, s *Source, tables []string, changes ...string) []string {
	t.Helper()
	from := head(t, s)
	for _, change := range changes {
		d.Exec(t, change)
	}
	f := follow(t, s, from, tables...)
	defer f.close()
	f.until(head(t, s))
	return f.seen
}

// TestTriggers_Documents: what changes documents without a change of rows, nor of the table itself, is told.
func TestTriggers_Documents(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, Triggers)
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN mine AS mood; CREATE TYPE pair AS (a int, b mine[]); CREATE TYPE plain AS (n int)")
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v mood[]); CREATE TABLE b (id int PRIMARY KEY, v pair); CREATE TABLE c (id int PRIMARY KEY, v plain, w text); "+
			"CREATE TABLE p (id int PRIMARY KEY, v mine) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT")
		for change, want := range map[string]string{
			"ALTER TYPE mood RENAME VALUE 'sad' TO 'gloomy'": "a_gap\nb_gap\np_gap",
			// The statement is not what the client sent.
			"DO $$ BEGIN EXECUTE 'ALTER TYPE mood RE' || 'NAME VALUE ''happy'' TO ''gay'''; END $$": "a_gap\nb_gap\np_gap",
			"ALTER TYPE mood ADD VALUE 'mad'":                         "",
			"ALTER TYPE plain RENAME ATTRIBUTE n TO m":                "c_gap",
			"ALTER TYPE plain ADD ATTRIBUTE o int":                    "c_gap",
			"ALTER TABLE c ADD g text GENERATED ALWAYS AS (w) STORED": "c_gap\nc_alter", // it is rewritten
		} {
			wantLines(t, tell(t, d, s, []string{"?"}, change), want)
		}
		if !s.server().atLeast(17) {
			return
		}
		wantLines(t, slices.Compact(tell(t, d, s, []string{"?"}, "ALTER TABLE c ALTER g SET EXPRESSION AS (w || w)")), "c_gap\nc_alter") // it is rewritten, too
		if s.server().atLeast(18) {
			d.Exec(t, "CREATE TABLE e (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id) VIRTUAL)")
			wantLines(t, tell(t, d, s, []string{"?"}, "ALTER TABLE e ALTER g SET EXPRESSION AS (id + 1)"), "e_gap\ne_alter")
		}
	})
}

// TestPartitions_UnderGlob: partitions are no tables of their own under a pattern, whatever happens to them; one that is
// detached is, and one that was attached is not any more.
func TestPartitions_UnderGlob(t *testing.T) {
	for name, triggers := range map[string]bool{"told": true, "looked at": false} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
				if triggers {
					d.Exec(t, Triggers)
				}
				cfg := configOf(t, d.ReplURL)
				cfg.PollEvery = 20 * time.Millisecond
				s := openConfig(t, cfg)
				d.Exec(t, "CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE p0 PARTITION OF p FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id); CREATE TABLE pf (id int PRIMARY KEY, v text); INSERT INTO pf VALUES (7, 'far')")
				f := follow(t, s, head(t, s), "p*")
				for i, c := range []struct{ change, want string }{
					{"CREATE TABLE p00 PARTITION OF p0 FOR VALUES FROM (0) TO (5)", ""},
					{"ALTER TABLE p00 ALTER v SET STATISTICS 7", ""},
					{"ALTER TABLE p00 RENAME TO p01", ""},
					{"ALTER TABLE p0 ATTACH PARTITION pf FOR VALUES FROM (5) TO (50)", "p_gap pf_drop"}, // below the top level
					{"TRUNCATE pf", "p_gap"},
					{"ALTER TABLE p0 DETACH PARTITION pf", "p_gap pf_create"},
					{"DROP TABLE p01", "p_gap"},
				} {
					f.seen = nil
					d.Exec(t, c.change)
					for line := range strings.FieldsSeq(c.want) {
						f.untilSeen(line)
					}
					d.Exec(t, fmt.Sprintf("INSERT INTO pf VALUES (%d, 'x') ON CONFLICT DO NOTHING; CREATE TABLE p_%d (id int PRIMARY KEY)", 8+i, i))
					f.untilSeen(fmt.Sprintf("p_%d_create", i))
					for _, line := range f.seen {
						if table, action, _ := strings.Cut(line, "_"); table == "p0" || table == "p00" || table == "p01" || table == "pf" && action == "alter" {
							t.Errorf("%s: %s", c.change, f.seen)
						}
					}
				}
			})
		})
	}
}

// TestMessages_Foreign: whatever others put into the log under the triggers' name, the stream goes on, and no table ends
// to be followed that is there.
func TestMessages_Foreign(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, Triggers)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		id := d.QueryInt(t, "SELECT 'a'::regclass::oid::int8")
		from := head(t, s)
		for _, content := range []string{
			"", "nonsense", "[]", `{"action": 7}`, `{"action": "explode", "schema": "public", "name": "a"}`, `{"id": -1}`,
			fmt.Sprintf(`{"action": "drop", "id": %d, "schema": "public", "name": "a"}`, id),
			fmt.Sprintf(`{"action": "rename", "id": %d, "schema": "public", "name": "a", "to_schema": "public", "to_name": "z"}`, id),
			fmt.Sprintf(`{"action": "attach", "part": true, "id": %d, "schema": "public", "name": "a"}`, id),
			fmt.Sprintf(`{"action": "alter", "id": %d, "schema": "public", "name": "a"}`, id),
		} {
			for _, transactional := range []string{"true", "false"} {
				d.Exec(t, "SELECT pg_logical_emit_message("+transactional+", 'meepo_ddl', '"+content+"')")
			}
		}
		d.Exec(t, "SELECT pg_logical_emit_message(true, 'others', 'nonsense'); INSERT INTO a VALUES (1)")
		f := follow(t, s, from, "?")
		f.until(head(t, s))
		wantLines(t, f.seen, "a_alter\na_write 1")
	})
}

// TestFence_OldSnapshot: the log's 32 bits of a transaction's number are made whole by what the server said not long ago.
func TestFence_OldSnapshot(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE other (id int)")
		f := follow(t, s, head(t, s), "a")
		f.until(head(t, s))
		unseen := &f.stream.(*stream).decoder.unseen
		unseen.at.xmax += 3 << 31 // as if the server's numbers had come round since
		unseen.looked = unseen.looked.Add(-2 * snapshotAge)
		d.Exec(t, "INSERT INTO other VALUES (1)")
		f.until(head(t, s))
		d.Exec(t, "INSERT INTO a VALUES (1)")
		f.untilSeen("a_write 1")
		key, err := source.NewKey(int64(1))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if rows, err := s.ReadRows(ctx, f.fence, everything(t, s, publicTable("a")), []source.Key{key}); err != nil || !rows[0].Found {
			t.Errorf("behind %s: %v, %v", f.fence, rows, err)
		}
	})
}
