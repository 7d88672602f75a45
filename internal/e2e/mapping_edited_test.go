package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMapping_Edited: an edited mapping is parked and named by check, others go on, and the choices that it is given
// work: a backfill, asked of the run and before it, and a start that follows it without a copy.
func TestMapping_Edited(t *testing.T) {
	onFew(t, []servertest.Flavor{servertest.MySQL, servertest.Postgres}, func(t *testing.T, flavor servertest.Flavor) {
		for name, accept := range map[string]bool{"backfill": false, "accept-stale": true} {
			t.Run(name, func(t *testing.T) {
				b := newTwoTables(t, flavor, 30)
				b.command(0, "--once")
				file := filepath.Join(b.dir, "meepo.yaml")
				mapping := contents(t, file)
				edited := strings.Replace(mapping, "to: "+b.index("orders")+"}", "to: "+b.index("orders")+", fields: {v: {to: w}}}", 1)
				write(t, file, edited)
				plan := "orders/" + b.db.Name + ".orders"
				says := "mapping orders has changed since it was copied: fields.v.to was not said, is now w"
				b.says(b.command(1, "check"), plan+": "+says, "meepo-replicate backfill orders", "--accept-stale orders")
				args := []string{}
				if accept {
					args = []string{"--accept-stale", "orders"}
				}
				r := b.start(args...)
				b.fill("users", 31, 40)
				b.awaitDoc(r, "users", 40)
				if !accept {
					b.says(b.command(0, "status"), "parked ", plan+": "+says, "what to do: meepo-replicate backfill orders")
					b.command(0, "backfill", "orders")
				}
				b.fill("orders", 31, 40)
				b.db.Exec(t, "UPDATE orders SET v = 'changed' WHERE id = 1; DELETE FROM orders WHERE id = 2")
				b.awaitDoc(r, "orders", 40)
				r.stop(t)
				b.command(0, "--once")
				wantOld := accept // of documents whose rows have not changed
				for id, doc := range b.target.Docs(t, b.index("orders")) {
					_, old := doc["v"]
					n, err := strconv.Atoi(id)
					if untouched := n > 1 && n <= 30; err != nil || old != (wantOld && untouched) {
						t.Errorf("document %s: %v", id, doc)
					}
				}
				if n := len(b.target.Docs(t, b.index("orders"))); n != 39 {
					t.Errorf("%d documents, want 39", n)
				}
				// Edited again, and asked for before the run that sees it.
				write(t, file, mapping)
				b.command(0, "backfill", "orders")
				b.command(0, "--once")
				b.equal("orders")
				b.equal("users")
			})
		}
	})
}

// TestNewTables_LeftOut: tables that are made under a run, and while none is on, are left out by a mapping that takes no
// new ones, and status names them; once they are named, they are taken.
func TestNewTables_LeftOut(t *testing.T) {
	onFew(t, []servertest.Flavor{servertest.MariaDB, servertest.Postgres}, func(t *testing.T, flavor servertest.Flavor) {
		db, target := servertest.OpenSQL(t, flavor).InSchema(t), servertest.OpenElastic(t)
		defer func() {
			for _, table := range []string{"a1", "a2", "a3"} {
				target.Do(t, "DELETE", "/"+db.Name+"."+table+"-000001", nil)
			}
		}()
		file := func(from string) string {
			return fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n  - {name: a, from: [%s], new_tables: ignore}\n", db.ReplURL, target.URL, from)
		}
		made := func(table string) {
			db.Exec(t, "CREATE TABLE "+table+" (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO "+table+" VALUES (1, 'one')")
		}
		b := &twoTables{t: t, db: db, target: target, dir: in(t, file("'"+db.Name+".a*'"))}
		made("a1")
		r := b.start()
		r.awaitLog(t, "backfill done")
		made("a2")
		r.awaitLog(t, "table is left out")
		r.stop(t)
		made("a3")
		db.Exec(t, "INSERT INTO a1 VALUES (2, 'two'); INSERT INTO a2 VALUES (2, 'two')")
		b.command(0, "--once")
		b.says(b.command(0, "status"), "left out      a/"+db.Name+".a2: ", "left out      a/"+db.Name+".a3: ")
		for table, want := range map[string]string{"a1": "1=one 2=two", "a2": "", "a3": ""} {
			if got := summary(t, target, db.Name+"."+table); got != want {
				t.Errorf("%s: %q, want %q", table, got, want)
			}
		}
		write(t, filepath.Join(b.dir, "meepo.yaml"), file("'"+db.Name+".a*', "+db.Name+".a2"))
		b.command(0, "--once")
		for table, want := range map[string]string{"a1": "1=one 2=two", "a2": "1=one 2=two", "a3": ""} {
			if got := summary(t, target, db.Name+"."+table); got != want {
				t.Errorf("%s, with a2 named: %q, want %q", table, got, want)
			}
		}
	})
}
