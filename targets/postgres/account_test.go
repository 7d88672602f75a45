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
