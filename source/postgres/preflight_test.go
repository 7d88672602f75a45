package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// openPoor opens a database by an account of the test's own, which may log in and no more.
func openPoor(t *testing.T, d *servertest.Database, more string) (*Source, string) {
	t.Helper()
	return openNamed(t, d, "u"+d.Name, more)
}

func openNamed(t *testing.T, d *servertest.Database, name, more string) (*Source, string) {
	t.Helper()
	d.Exec(t, "CREATE ROLE "+name+" LOGIN PASSWORD 'repl' "+more)
	t.Cleanup(func() { _, _ = d.DB.Exec("DROP OWNED BY " + name + "; DROP ROLE " + name) })
	cfg := configOf(t, d.ReplURL)
	cfg.User = name
	return openConfig(t, cfg), name
}

func only(found []source.Finding, subject string) []source.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f source.Finding) bool { return f.Subject != subject })
}

// TestCheck_Publication: an account that may make or extend the publication is told that a run does so; for one that may not
// it is an error, with the statement that mends it.
func TestCheck_Publication(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, poor *Source) {
		owner := openOwner(t, d)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
		a, b := publicTable("a"), publicTable("b")
		say := func(what string, s *Source, want source.Severity, fix string, tables ...source.Table) {
			t.Helper()
			found := only(checkIn(t, s, tables...), "publication")
			if want == 0 && len(found) == 0 {
				return
			}
			if len(found) != 1 || found[0].Severity != want || !strings.Contains(found[0].Fix, fix) {
				t.Errorf("%s: %+v", what, found)
				return
			}
			if want == source.Fatal {
				d.Exec(t, found[0].Fix[strings.Index(found[0].Fix, ": ")+2:])
				if again := only(checkIn(t, s, tables...), "publication"); len(again) > 0 {
					t.Errorf("%s, after the statement: %+v", what, again)
				}
			}
		}
		// Each right alone is not enough: to make one, and to own the tables.
		maker, name := openPoor(t, d, "REPLICATION")
		d.Exec(t, "GRANT CREATE ON DATABASE "+d.Name+" TO "+name+"; GRANT SELECT ON a TO "+name)
		lone, loner := openNamed(t, d, "o"+d.Name, "REPLICATION")
		d.Exec(t, "CREATE TABLE own (id int PRIMARY KEY); ALTER TABLE own OWNER TO "+loner)
		for what, c := range map[string]struct {
			s     *Source
			table source.Table
		}{"may make one": {maker, a}, "owns the table": {lone, publicTable("own")}} {
			if found := only(checkIn(t, c.s, c.table), "publication"); len(found) != 1 || found[0].Severity != source.Fatal {
				t.Errorf("%s: %+v", what, found)
			}
		}
		say("an owner without it", owner, source.Note, `CREATE PUBLICATION "meepo" FOR TABLE "public"."a"`, a)
		say("a reader without it", poor, source.Fatal, `CREATE PUBLICATION "meepo" FOR TABLE "public"."a"`, a)
		say("an owner of more tables", owner, source.Note, `ADD TABLE "public"."b"`, a, b)
		say("a reader of more tables", poor, source.Fatal, `ADD TABLE "public"."b"`, a, b)
		say("all published", owner, 0, "", a, b)
	})
}

// TestGrants_CanBeRun: the statements that are printed are run, and then nothing is missing and nothing too much.
func TestGrants_CanBeRun(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, `DROP PUBLICATION meepo; CREATE SCHEMA shop; CREATE TABLE shop.a (id int PRIMARY KEY); CREATE TABLE shop."b""x" (id int PRIMARY KEY); CREATE TABLE shop.keyless (v int)`)
		s, name := openPoor(t, d, "CREATEDB")
		d.Exec(t, "GRANT INSERT, UPDATE ON shop.a TO "+name+"; GRANT DELETE ON shop.a TO PUBLIC")
		a := source.Table{Schema: "shop", Name: "a"}
		for _, c := range []struct {
			pattern source.Pattern
			missing []string
		}{
			{source.Pattern(a), []string{"REPLICATION;", "USAGE ON SCHEMA", `SELECT ON "shop"."a"`, "-- by", `FOR TABLE "shop"."a" WITH`}},
			{source.Pattern{Schema: "shop", Name: "*"}, []string{"SELECT ON ALL TABLES IN SCHEMA", "-- by", `ADD TABLE "shop"."b""x";`}},
		} {
			tables, err := s.Tables(t.Context(), "", []source.Pattern{c.pattern})
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Grants(t.Context(), []source.Pattern{c.pattern}, tables)
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Missing) != len(c.missing) {
				t.Errorf("%s: %q", c.pattern, g.Missing)
			}
			for i, want := range c.missing {
				if i >= len(g.Missing) || !strings.Contains(g.Missing[i], want) {
					t.Errorf("%s: no %q in %q", c.pattern, want, g.Missing)
				}
			}
			d.Exec(t, strings.Join(append(g.Missing, g.Excess...), "\n"))
			if again, err := s.Grants(t.Context(), []source.Pattern{c.pattern}, tables); err != nil || len(again.Missing)+len(again.Excess) > 0 {
				t.Errorf("%s, after the statements: %+v, %v", c.pattern, again, err)
			}
		}
		if found := checkIn(t, s, a); len(only(found, "grants"))+len(only(found, a.String()))+len(only(found, "publication")) > 0 {
			t.Errorf("%+v", found)
		}
	})
}

// TestCheck_Excess: what the account may do and need not is a warning, with who gives it.
func TestCheck_Excess(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
		tables := []source.Table{publicTable("a"), publicTable("b")}
		s, name := openPoor(t, d, "CREATEROLE REPLICATION")
		role := "r" + d.Name
		d.Exec(t, "CREATE ROLE "+role+"; GRANT "+role+" TO "+name+"; GRANT SELECT, TRUNCATE ON a TO "+role+"; GRANT SELECT, INSERT, UPDATE ON a, b TO "+name)
		t.Cleanup(func() { _, _ = d.DB.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
		found := only(checkIn(t, s, tables...), "grants")
		for _, want := range []string{"has CREATEROLE: not needed", "may INSERT, UPDATE on public.a, public.b: not needed", "may TRUNCATE on public.a: not needed, by its role " + role} {
			wantFinding(t, found, source.Warning, "grants", want)
		}
		if len(found) != 3 {
			t.Errorf("%+v", found)
		}
		d.Exec(t, "ALTER ROLE "+name+" SUPERUSER")
		wantFinding(t, checkIn(t, s, tables...), source.Warning, "grants", "has SUPERUSER: not needed")
	})
}

// TestCheck_Policies: rows that policies hide from the account would be missing in the target.
func TestCheck_Policies(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, poor *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (id < 10)")
		found := only(checkIn(t, poor, publicTable("a")), "public.a")
		wantFinding(t, found, source.Fatal, "public.a", "policies (row level security) hide rows")
		d.Exec(t, found[0].Fix[strings.Index(found[0].Fix, "ALTER TABLE"):])
		if found := only(checkIn(t, poor, publicTable("a")), "public.a"); len(found) > 0 {
			t.Errorf("%+v", found)
		}
	})
}

// TestColumns_NoTable: what a name stands for that is none of a table is said.
func TestColumns_NoTable(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM a; CREATE MATERIALIZED VIEW m AS SELECT * FROM a; CREATE UNLOGGED TABLE u (id int PRIMARY KEY)")
		for name, want := range map[string][2]string{
			"v": {"it is a view", "the tables that it reads"}, "m": {"a materialized view", "the tables that it reads"},
			"u": {"an unlogged table", `ALTER TABLE "public"."u" SET LOGGED`}, "x": {"no such table", ""},
		} {
			_, err := s.Columns(t.Context(), "", publicTable(name))
			if !errors.Is(err, source.ErrNoTable) || !strings.Contains(err.Error(), want[0]) || !strings.Contains(hintOf(err), want[1]) || name == "x" && hintOf(err) != "" {
				t.Errorf("%s: %v, hint %s", name, err, hintOf(err))
			}
		}
	})
}
