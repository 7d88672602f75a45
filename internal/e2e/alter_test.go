package e2e

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestAlter changes the table while the program follows, and while it is stopped: rows are then in
// the log that are older than the table's definition. A column in front of the key moves it, which
// a log without column names does not tell.
func TestAlter(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		g := newGoods(t, flavor, 500)
		r := g.start("--on-schema-change", "evolve")
		r.awaitLog(t, "backfill done")
		g.db.Exec(t, "UPDATE goods SET n = 1 WHERE id < 100")
		g.db.Exec(t, "ALTER TABLE goods ADD front BIGINT FIRST, ADD back INT")
		g.db.Exec(t, "UPDATE goods SET front = 9, back = 8, n = 2 WHERE id BETWEEN 50 AND 150")
		g.sentinel(r)
		r.stop(g.t)
		g.finish()
		g.equal()
		if doc := g.target.Docs(t, g.index)["60"]; fmt.Sprintf("%v %v", doc["front"], doc["back"]) != "9 8" {
			t.Errorf("new columns in a document: %v", doc)
		}

		g.db.Exec(t, "UPDATE goods SET n = 3 WHERE id BETWEEN 100 AND 200; DELETE FROM goods WHERE id BETWEEN 300 AND 320")
		g.db.Exec(t, "ALTER TABLE goods DROP front, MODIFY n BIGINT, ADD first INT FIRST")
		g.db.Exec(t, "UPDATE goods SET n = 4 WHERE id BETWEEN 190 AND 210; DELETE FROM goods WHERE id BETWEEN 400 AND 410")
		r = g.start("--on-schema-change", "evolve")
		g.sentinel(r)
		r.await(t, "no work left", func() (bool, error) {
			s, err := statusIf(t, g.dir, g.env)
			return err == nil && len(s.Jobs) == 0 && s.Tables[0].Copied, err
		})
		r.stop(g.t)
		g.finish()
		g.equal()
	})
}

// TestAlter_Unfit makes a table that a glob has found unfit for the target, during a run and between two
// runs. It is parked and not passed over; mended and resumed, it is equal again.
func TestAlter_Unfit(t *testing.T) { onEach(t, alterUnfit) }

func alterUnfit(t *testing.T, flavor servertest.Flavor) {
	for name, alter := range map[string][2]string{
		"its key is gone":        {"ALTER TABLE orders DROP PRIMARY KEY", "ALTER TABLE orders ADD PRIMARY KEY (id)"},
		"a column named as none": {"ALTER TABLE orders ADD _id INT", "ALTER TABLE orders DROP _id"},
	} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/running %t", name, running), func(t *testing.T) {
				b := newTwoTables(t, flavor, 50)
				b.dir = in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n  - {name: o, from: '%s.o*', to: %s}\n  - {name: u, from: '%s.u*', to: %s}\n",
					b.db.ReplURL, b.target.URL, b.db.Name, b.index("orders"), b.db.Name, b.index("users")))
				r := b.start()
				b.awaitDoc(r, "orders", 50)
				b.awaitDoc(r, "users", 50)
				if !running {
					r.stop(b.t)
				}
				b.db.Exec(t, alter[0])
				b.db.Exec(t, "DELETE FROM orders WHERE id = 1")
				if !running {
					r = b.start()
				}
				r.await(t, "the parked mapping in the state", func() (bool, error) {
					s, err := statusIf(t, b.dir, b.env)
					return err == nil && len(s.Parked) == 1, err
				})
				b.fill("users", 51, 52)
				b.awaitDoc(r, "users", 52)
				plan := "o/" + b.db.Name + ".orders"
				b.says(b.command(1, "check"), plan+": parked since 2", "resume "+plan)
				b.db.Exec(t, alter[1])
				b.fill("orders", 51, 60)
				b.command(0, "resume", plan)
				b.awaitDoc(r, "orders", 60)
				r.stop(b.t)
				b.command(0, "--once")
				b.equal("orders")
				b.equal("users")
			})
		}
	}
}

// TestCreateRenameDrop lets tables come and go under a pattern.
func TestCreateRenameDrop(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		db, target := servertest.OpenSQL(t, flavor), servertest.OpenElastic(t)
		// Destinations follow from the database's name, which is this test's own.
		defer dropIndices(t, target, db.Name)
		dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\ntables: [%s.*]\n", db.ReplURL, target.URL, db.Name))
		db.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO a VALUES (1, 'a1'), (2, 'a2')")
		r := invocation{dir: dir}.start(t)
		r.awaitLog(t, "backfill done")
		db.Exec(t, "CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO b VALUES (1, 'b1'); CREATE TABLE IF NOT EXISTS a (x INT)")
		db.Exec(t, "CREATE TABLE a_new (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO a_new VALUES (2, 'n2'), (3, 'n3'); RENAME TABLE a TO a_old, a_new TO a")
		db.Exec(t, "INSERT INTO a VALUES (4, 'n4'); DROP TABLE a_old; INSERT INTO b VALUES (2, 'b2')")
		want := map[string]string{"a": "2=n2 3=n3 4=n4", "b": "1=b1 2=b2"}
		r.await(t, "the renamed and the new table", func() (bool, error) {
			for table, want := range want {
				if got := summary(t, target, db.Name+"."+table); got != want {
					return false, fmt.Errorf("%s holds %q, want %q", table, got, want)
				}
			}
			return true, nil
		})
	})
}

// summary lists id and v of the documents with ids up to 9; empty where there is no such index.
func summary(t *testing.T, target *servertest.Elastic, alias string) string {
	t.Helper()
	if status, _ := target.Do(t, "HEAD", "/"+alias, nil); status != 200 {
		return ""
	}
	docs, text := target.Docs(t, alias), ""
	for id := range 10 {
		if doc, ok := docs[fmt.Sprint(id)]; ok {
			text += fmt.Sprintf(" %v=%v", doc["id"], doc["v"])
			delete(docs, fmt.Sprint(id))
		}
	}
	if len(docs) > 0 {
		text += fmt.Sprint(" and ", docs)
	}
	if text == "" {
		return ""
	}
	return text[1:]
}

func dropIndices(t *testing.T, target *servertest.Elastic, database string) {
	t.Helper()
	for _, table := range []string{"a", "b", "a_old", "a_new"} {
		target.Do(t, "DELETE", "/"+database+"."+table+"-000001", nil)
	}
}
