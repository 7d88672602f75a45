package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestDefaultNames: without a mapping the schema of PostgreSQL stands where MySQL's database does, and what would collide
// is refused.
func TestDefaultNames(t *testing.T) {
	for _, flavor := range []servertest.Flavor{servertest.MySQL, servertest.Postgres} {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			db := servertest.OpenSQL(t, flavor).InSchema(t)
			db.Exec(t, "CREATE TABLE film (id INT PRIMARY KEY); INSERT INTO film VALUES (1), (2)")
			store, named, to := servertest.OpenMongo(t), servertest.OpenMongoDatabase(t, db.Name), servertest.OpenSQL(t, servertest.Postgres)
			for kind, url := range map[string]string{"mongo": store.URL + "/" + store.Name, "mongo without a database": store.URL, "postgres": to.URL + "?sslmode=disable"} {
				name, _, _ := strings.Cut(kind, " ")
				dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: %s, url: %q}\ntables: [%s.film]\n", db.ReplURL, name, url, db.Name))
				if r := (invocation{args: []string{"--once"}, dir: dir}).run(t); r.wait(t) != 0 {
					t.Fatalf("%s: %s", kind, r.stderr)
				}
			}
			for _, m := range []*servertest.Mongo{store, named} {
				if n := len(m.Docs(t, "film")); n != 2 {
					t.Errorf("%d documents in %s.film", n, m.Name)
				}
			}
			if n := to.QueryInt(t, "SELECT count(*) FROM "+db.Name+".film"); n != 2 {
				t.Errorf("%d rows in %s.film", n, db.Name)
			}
			other := "other"
			if flavor == servertest.MySQL {
				other = servertest.OpenSQL(t, flavor).Name
			} else {
				db.Exec(t, "CREATE SCHEMA other")
			}
			db.Exec(t, "CREATE TABLE "+other+".film (id INT PRIMARY KEY)")
			dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: mongo, url: %q}\ntables: [%s.film, %s.film]\n", db.ReplURL, store.URL+"/"+store.Name, db.Name, other))
			r := invocation{args: []string{"--once"}, dir: dir}.run(t)
			if code := r.wait(t); code != 2 || !strings.Contains(r.stderr.String(), store.Name+".film") {
				t.Errorf("two tables into one collection: exit code %d, %s", code, r.stderr)
			}
		})
	}
}
