package postgres

import (
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestPolls_SwappedNames: a table that has taken another's name is not taken for the one that left it, in whatever order
// they were renamed.
func TestPolls_SwappedNames(t *testing.T) {
	of := func(name string) shape { return shape{table: source.Table{Schema: "s", Name: name}} }
	p := &polls{known: shapes{of: map[uint32]shape{100: of("old"), 200: of("a"), 300: of("c")}}}
	var got []string
	for _, e := range p.changes(shapes{of: map[uint32]shape{100: of("a"), 200: of("bad"), 300: of("d")}}) {
		got = append(got, e.Table.Name+"_"+e.Action.String())
	}
	wantLines(t, got, "old_drop\na_drop\nc_drop\na_create\nbad_create\nd_create")
}

// TestPolls_SinceDescribed: what changes between a start's descriptions of tables and the stream's first look is told.
func TestPolls_SinceDescribed(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, v text); CREATE TABLE d (id int PRIMARY KEY); CREATE TABLE f (id int PRIMARY KEY)")
		from := head(t, s)
		tables, err := s.Tables(t.Context(), "", []source.Pattern{{Schema: "public", Name: "?"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			if _, err := s.Columns(t.Context(), "", table); err != nil {
				t.Fatal(err)
			}
		}
		d.Exec(t, "ALTER TABLE a ADD w int; DROP TABLE b; ALTER TABLE c ALTER v TYPE varchar(20) USING upper(v); ALTER TABLE d RENAME TO g; CREATE TABLE e (id int PRIMARY KEY)")
		f := follow(t, s, from, "?")
		for range 2 { // it is told again as long as it was not handed out
			f.stream.(*stream).current().close()
		}
		f.untilSeen("c_gap")
		wantLines(t, f.seen, "b_drop\nd_rename g\ne_create\na_alter\nc_gap")
	})
}

// TestPolls_Documents: types within types, and expressions of partitions, are looked at, too.
func TestPolls_Documents(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		cfg := configOf(t, d.ReplURL)
		cfg.PollEvery = 20 * time.Millisecond
		s := openConfig(t, cfg)
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN mine AS mood; CREATE TYPE pair AS (a int, b mine[])")
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v mood[]); CREATE TABLE b (id int PRIMARY KEY, v pair); CREATE TABLE p (id int PRIMARY KEY, v mine) PARTITION BY RANGE (id)")
		f := follow(t, s, head(t, s), "?")
		changes := map[string][]string{
			"ALTER TYPE mood RENAME VALUE 'sad' TO 'gloomy'": {"a_gap", "b_gap", "p_gap"},
			"ALTER TYPE pair ADD ATTRIBUTE c int":            {"b_gap"},
		}
		if s.server().atLeast(18) {
			d.Exec(t, "CREATE TABLE q (id int, g int GENERATED ALWAYS AS (id) VIRTUAL, PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE q1 PARTITION OF q DEFAULT")
			f.untilSeen("q_create")
			changes["ALTER TABLE q1 ALTER g SET EXPRESSION AS (id + 1)"] = []string{"q_gap"}
		}
		for change, wants := range changes {
			f.seen = nil
			d.Exec(t, change)
			for _, want := range wants {
				f.untilSeen(want)
			}
		}
	})
}
