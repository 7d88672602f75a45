package postgres_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// TestAccount: an account that may make nothing in the database but in a schema that was made for it, and writes to a table
// that is there; Check foretells what it may not.
func TestAccount(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	user := "u" + d.Name[1:]
	d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, v text); CREATE SCHEMA shut; CREATE ROLE "+user+" LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA shut TO "+user+"; GRANT SELECT, INSERT, UPDATE, DELETE ON a TO "+user+
		"; CREATE SCHEMA meepo_replicate AUTHORIZATION "+user)
	t.Cleanup(func() {
		if _, err := d.DB.Exec("DROP OWNED BY " + user + " CASCADE; DROP ROLE " + user); err != nil {
			t.Error(err)
		}
	})
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword(user, "p")
	target, err := postgres.Open(t.Context(), postgres.Config{URL: at.String() + "?sslmode=disable"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(t.Context()) })
	field := []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}
	dest, none := &targets.Destination{Name: "public.a", Key: intKey, Fields: field}, &targets.Destination{Name: "shut.a", Key: intKey, Fields: field}
	findings, err := target.Check(t.Context(), []*targets.Destination{dest, none})
	if err != nil {
		t.Fatal(err)
	}
	var fatal []string
	for _, f := range findings {
		if f.Severity == targets.Fatal {
			fatal = append(fatal, f.Subject+": "+f.Fix)
		}
	}
	if len(fatal) != 1 || !strings.HasPrefix(fatal[0], "shut.a: make the table, or: GRANT CREATE ON SCHEMA") {
		t.Errorf("fatal: %q", fatal)
	}
	prepare(t, target, dest)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
}

// TestGrants_CanBeRun: the statements that are printed are run, and then the account can do all that a run does, with nothing too much.
func TestGrants_CanBeRun(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			d := servertest.OpenSQL(t, flavor)
			user := "u" + d.Name[1:]
			d.Exec(t, "CREATE SCHEMA made; CREATE TABLE made.a (id bigint PRIMARY KEY, v text); CREATE ROLE "+user+" LOGIN PASSWORD 'p' CREATEDB")
			t.Cleanup(func() {
				if _, err := d.DB.Exec("DROP OWNED BY " + user + " CASCADE; DROP ROLE " + user); err != nil {
					t.Error(err)
				}
			})
			at, err := url.Parse(d.URL)
			if err != nil {
				t.Fatal(err)
			}
			at.User = url.UserPassword(user, "p")
			target, err := postgres.Open(t.Context(), postgres.Config{URL: at.String() + "?sslmode=disable"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = target.Close(t.Context()) })
			var dests []*targets.Destination
			for _, name := range []string{"made.a", "made.b", "none.c"} {
				dests = append(dests, &targets.Destination{Name: name, Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}})
			}
			g, err := target.Grants(t.Context(), dests)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(g.Missing, "\n")
			for _, want := range []string{"CREATE SCHEMA meepo_replicate AUTHORIZATION", `GRANT USAGE ON SCHEMA "made"`, `GRANT SELECT, INSERT, UPDATE, DELETE ON "made"."a"`, `GRANT USAGE, CREATE ON SCHEMA "made"`, `CREATE SCHEMA "none" AUTHORIZATION`} {
				if !strings.Contains(text, want) {
					t.Errorf("no %s in\n%s", want, text)
				}
			}
			if len(g.Excess) != 1 || !strings.Contains(g.Excess[0], "NOCREATEDB") {
				t.Errorf("%q", g.Excess)
			}
			d.Exec(t, text+strings.Join(g.Excess, "\n"))
			if again, err := target.Grants(t.Context(), dests); err != nil || len(again.Missing)+len(again.Excess) > 0 {
				t.Errorf("after the statements: %+v, %v", again, err)
			}
			for _, dest := range dests {
				prepare(t, target, dest)
				targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
			}
			findings, err := target.Check(t.Context(), dests)
			for _, f := range findings {
				if f.Severity != targets.Note {
					t.Errorf("%+v", f)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
