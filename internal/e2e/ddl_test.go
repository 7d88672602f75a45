package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// nobody is an address at which no target answers.
const nobody = "127.0.0.1:1"

// printDDL calls the command with a mapping of the table film in a file, and returns what it prints.
func printDDL(t *testing.T, db *servertest.Database, kind, url, block string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	file := fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: %s, url: %q}\nmappings:\n  - {name: films, from: %[4]s.film, to: shop.%[4]s, %[5]s}\n  - {name: others, from: %[4]s.other}\n",
		db.URL, kind, url, db.Name, block)
	if err := os.WriteFile(filepath.Join(dir, "meepo.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	p := invocation{args: append([]string{"ddl"}, args...), dir: dir}.run(t)
	code = p.wait(t)
	return code, p.stdout.String(), p.stderr.String()
}

// TestDDL_AsksNoTarget: the command prints what would be made without anybody at the target's address, and changes nothing at the source.
func TestDDL_AsksNoTarget(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE film (id int PRIMARY KEY, total decimal(12,2), city varchar(20))")
	db.Exec(t, "CREATE TABLE other (id int PRIMARY KEY)")
	before := db.QueryStrings(t, "SELECT table_name, create_time, update_time FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
	for kind, c := range map[string]struct{ url, block, want string }{
		"elastic": {"http://" + nobody, "elastic: {settings: {number_of_shards: 3}}", `PUT /shop.` + db.Name + `-000001
{
  "aliases": {
    "shop.` + db.Name + `": {
      "is_write_index": true
    }
  },
`},
		"mongo": {"mongodb://" + nobody, "mongo: {options: {validationAction: warn}}", `db.getSiblingDB("shop").runCommand({
  "create": "` + db.Name + `",
  "validationAction": "warn"
})
`},
		"postgres": {"postgres://" + nobody + "/app", "postgres: {with: {fillfactor: 70}}", `CREATE SCHEMA IF NOT EXISTS "shop";
CREATE TABLE IF NOT EXISTS "shop"."` + db.Name + `" (
  "id" integer,
  "total" numeric(12,2),
  "city" text,
  PRIMARY KEY ("id")
) WITH (fillfactor = '70');
COMMENT ON COLUMN "shop"."` + db.Name + `"."total" IS 'field total of meepo-replicate';
COMMENT ON COLUMN "shop"."` + db.Name + `"."city" IS 'field city of meepo-replicate';
`},
	} {
		t.Run(kind, func(t *testing.T) {
			for _, name := range []string{"films", db.Name + ".film", "shop." + db.Name} {
				code, stdout, stderr := printDDL(t, db, kind, c.url, c.block, name)
				if code != 0 || !strings.Contains(stdout, c.want) || strings.Contains(stdout, "other") {
					t.Errorf("%s: exit code %d\n%s%s\nwant\n%s", name, code, stdout, stderr, c.want)
				}
			}
			code, stdout, stderr := printDDL(t, db, kind, c.url, c.block)
			if code != 0 || !strings.Contains(stdout, c.want) || !strings.Contains(stdout, "other") {
				t.Errorf("all: exit code %d\n%s%s", code, stdout, stderr)
			}
			code, stdout, stderr = printDDL(t, db, kind, c.url, c.block, "flims")
			if want := "error: no mapping, table or destination is called \"flims\"\n  what to do: did you mean films?\n"; code != 2 || stdout != "" || stderr != want {
				t.Errorf("a wrong name: exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
	if diff := cmp.Diff(before, db.QueryStrings(t, "SELECT table_name, create_time, update_time FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")); diff != "" {
		t.Errorf("the source has changed: %s", diff)
	}
}

// TestDDL_CanBeRun: what is printed can be run as it is, and leaves a run nothing to make.
func TestDDL_CanBeRun(t *testing.T) {
	for _, kind := range []string{"elastic", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			db := servertest.OpenSQL(t, servertest.MariaDB)
			db.Exec(t, "CREATE TABLE film (id int PRIMARY KEY, total decimal(12,2), city varchar(20), note json)")
			db.Exec(t, "INSERT INTO film VALUES (1, 1.50, 'Wien', '{}')")
			var url, to string
			var execute func(text string)
			var count func() int
			switch kind {
			case "elastic":
				server := servertest.OpenElastic(t)
				url, to = server.URL, server.Prefix+"film"
				execute = func(text string) {
					for _, request := range strings.Split("\n"+text, "\nPUT /")[1:] {
						path, body, _ := strings.Cut(request, "\n")
						if status, answer := server.Do(t, http.MethodPut, "/"+path, body); status != http.StatusOK && !strings.HasPrefix(path, "meepo-replicate") {
							t.Errorf("%s: %d %s", path, status, answer)
						}
					}
				}
				count = func() int { return server.Count(t, to) }
			case "postgres":
				target := servertest.OpenSQL(t, servertest.Postgres)
				url, to = target.URL+"?sslmode=disable", "shop.film"
				execute = func(text string) { target.Exec(t, text) }
				count = func() int { return int(target.QueryInt(t, "SELECT count(*) FROM shop.film")) }
			}
			dir := t.TempDir()
			file := fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: %s, url: %q}\nmappings:\n  - {from: %s.film, to: %s}\n", db.URL, kind, url, db.Name, to)
			if err := os.WriteFile(filepath.Join(dir, "meepo.yaml"), []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			p := invocation{args: []string{"ddl"}, dir: dir}.run(t)
			if code := p.wait(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, p.stderr)
			}
			execute(p.stdout.String())
			r := invocation{args: []string{"--once"}, dir: dir}.run(t)
			if code := r.wait(t); code != 0 || count() != 1 {
				t.Fatalf("exit code %d, %d documents: %s", code, count(), r.stderr)
			}
			for _, made := range []string{"index created", "table created", "columns added", "fields added"} {
				if strings.Contains(r.stderr.String(), made) {
					t.Errorf("the run had something to make: %s", r.stderr)
				}
			}
		})
	}
}
