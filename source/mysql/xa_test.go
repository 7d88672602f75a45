package mysql

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// xaDatabase makes XA transactions in a test's database.
type xaDatabase struct{ *servertest.Database }

func xa(d *servertest.Database) xaDatabase { return xaDatabase{d} }

// id is a transaction's id: ids are the server's.
func (d xaDatabase) id(name string) string { return "'" + d.Name + name + "'" }

func (d xaDatabase) prepare(t testing.TB, name string, changes []sourcetest.Change) {
	t.Helper()
	statements := make([]string, len(changes))
	for i, c := range changes {
		statements[i] = c.SQL()
	}
	d.prepareSQL(t, name, statements...)
}

// prepareSQL prepares a transaction and ends its session. If it is left, it is rolled back in the end.
func (d xaDatabase) prepareSQL(t testing.TB, name string, statements ...string) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = d.DB.ExecContext(context.Background(), "XA ROLLBACK "+d.id(name)) // there is none any more, mostly
	})
	onSession(t, d.Database, append(append([]string{"XA START " + d.id(name)}, statements...), "XA END "+d.id(name), "XA PREPARE "+d.id(name))...)
}

func (d xaDatabase) end(t testing.TB, name string, commit bool) {
	t.Helper()
	verb := "XA ROLLBACK "
	if commit {
		verb = "XA COMMIT "
	}
	servertest.Eventually(t, 30*time.Second, "the end of the session that prepared", func() (bool, error) {
		_, err := d.DB.ExecContext(t.Context(), verb+d.id(name))
		return err == nil, err
	})
}

// TestXA has servers of its own, since every stream of a server is told of every XA transaction.
func TestXA(t *testing.T) {
	for _, f := range servertest.Flavors() {
		t.Run(string(f), func(t *testing.T) {
			server := servertest.StartSQL(t, f)
			t.Run("Conformance", func(t *testing.T) {
				sourcetest.RunPrepared(t, sourcetest.Options{Open: func(t *testing.T) sourcetest.Subject { return subject(t, server.Open(t)) }})
			})
			for name, test := range map[string]func(*testing.T, xaDatabase, *Source){
				"Stream": streamXA, "IDs": streamXAIDs, "Large": streamLargeXA, "Gap": streamXAGap, "Compressed": streamCompressedXA, "Check": checkXA,
			} {
				t.Run(name, func(t *testing.T) {
					d := server.Open(t)
					test(t, xa(d), openTest(t, d))
				})
			}
		})
	}
}

// An XA transaction is told when it is prepared and when it ends, also over a lost connection and to a
// reader that has not seen it begin.
func streamXA(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE other (id INT PRIMARY KEY)")
	f := follow(t, s, head(t, s), "a")
	d.prepareSQL(t, "x", "INSERT INTO a VALUES (1)", "INSERT INTO other VALUES (1)")
	d.prepareSQL(t, "y", "INSERT INTO other VALUES (2)")
	d.Exec(t, "INSERT INTO a VALUES (2)")
	f.until(head(t, s)) // the position moves on
	between := f.at
	d.Exec(t, fmt.Sprintf("KILL %d", f.stream.(*stream).link.syncer.LastConnectionID()))
	d.end(t, "x", true)
	d.end(t, "y", false)
	onSession(t, d.Database, "XA START "+d.id("z"), "INSERT INTO a VALUES (3)", "XA END "+d.id("z"), "XA COMMIT "+d.id("z")+" ONE PHASE",
		"XA START "+d.id("z"), "INSERT INTO a VALUES (4)", "XA END "+d.id("z"), "XA ROLLBACK "+d.id("z"), "INSERT INTO a VALUES (5)")
	f.until(head(t, s))
	first, rest := "prepare of XA\na_write 1 of XA\nprepare of XA\na_write 2\n", "commit of XA\nrollback of XA\n"
	if d.Flavor == servertest.MariaDB { // which logs one phase as any transaction
		rest += "a_write 3\na_write 5"
	} else {
		rest += "prepare of XA\na_write 3 of XA\ncommit of XA\na_write 5"
	}
	wantLines(t, f.lines(), first+rest)
	f.checkResume("a")
	again := follow(t, s, between, "a")
	again.until(f.at)
	wantLines(t, again.lines(), rest)
}

// Ids have two parts of any bytes and a number; the two halves of a transaction name it alike.
func streamXAIDs(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	follower := follow(t, s, head(t, s), "a")
	ids := []string{"'i'", "'i',''", "'i','b'", "'i','b',7", "'ib'", "x'00ff27','',2147483647"}
	for i, id := range ids {
		onSession(t, d.Database, "XA START "+id, fmt.Sprintf("INSERT INTO a VALUES (%d)", i), "XA END "+id, "XA PREPARE "+id, "XA COMMIT "+id)
	}
	follower.until(head(t, s))
	seen := map[string]int{}
	for _, b := range follower.seen {
		for _, e := range b.Events {
			seen[e.XID]++
		}
	}
	want := map[string]int{"x69,x,1": 6, "x69,x62,1": 3, "x69,x62,7": 3, "x6962,x,1": 3, "x00ff27,x,2147483647": 3} // the first two are one
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("events by id: %s", diff)
	}
}

// A large XA transaction passes through: nothing of it is kept here, and no position is inside.
func streamLargeXA(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE n (d INT PRIMARY KEY); INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9); CREATE TABLE a (id INT PRIMARY KEY)")
	f := follow(t, s, head(t, s), "a")
	d.prepareSQL(t, "x", "INSERT INTO a SELECT a.d + 10*b.d + 100*c.d + 1000*e.d FROM n a, n b, n c, n e")
	d.end(t, "x", true)
	f.until(head(t, s))
	got := f.lines()
	if len(got) != 10_002 || got[0] != "prepare of XA" || got[10_001] != "commit of XA" {
		t.Fatalf("%d events, %q … %q", len(got), got[0], got[len(got)-1])
	}
	seen := 0
	for _, b := range f.seen {
		if seen += len(b.Events); b.Position != "" && seen > 0 && seen < 10_001 {
			t.Errorf("position %s after %d events", b.Position, seen)
		}
	}
}

// Rows that cannot be decoded are a gap, of the XA transaction that they are in, or of none.
func streamXAGap(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	from := head(t, s)
	d.prepareSQL(t, "x", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)")
	d.Exec(t, "INSERT INTO a VALUES (3)")
	d.prepareSQL(t, "y", "INSERT INTO a VALUES (4)")
	d.end(t, "y", false)
	d.end(t, "x", true)
	d.Exec(t, "INSERT INTO a VALUES (5); ALTER TABLE a ADD v INT FIRST; INSERT INTO a VALUES (6, 6)")
	f := follow(t, s, from, "a")
	f.until(head(t, s))
	want := "prepare of XA\na_gap of XA\na_gap\nprepare of XA\na_gap of XA\nrollback of XA\ncommit of XA\na_alter\na_write 6"
	if s.server().rowMetadataFull {
		want = "prepare of XA\na_write 1 of XA\na_write 2 of XA\na_write 3\nprepare of XA\na_write 4 of XA\nrollback of XA\ncommit of XA\na_write 5\na_alter\na_write 6"
	}
	wantLines(t, f.lines(), want)
}

func streamCompressedXA(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(2000))")
	f := follow(t, s, head(t, s), "a")
	setting := "SET SESSION binlog_transaction_compression = ON"
	if d.Flavor == servertest.MariaDB {
		setting = "SET GLOBAL log_bin_compress = ON"
	}
	onSession(t, d.Database, setting, "XA START "+d.id("x"), "INSERT INTO a VALUES (1, REPEAT('x', 2000))", "XA END "+d.id("x"), "XA PREPARE "+d.id("x"), "XA COMMIT "+d.id("x"))
	f.until(head(t, s))
	wantLines(t, f.lines(), "prepare of XA\na_write 1 of XA\ncommit of XA")
}

// What is prepared is named where the account may see it.
func checkXA(t *testing.T, d xaDatabase, s *Source) {
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	all := openURL(t, d.URL)
	if found := check(t, all, "XA RECOVER"); len(found) != 0 {
		t.Errorf("nothing is prepared: %+v", found)
	}
	d.prepareSQL(t, "x", "INSERT INTO a VALUES (1)")
	if found := check(t, all, "XA RECOVER"); len(found) != 1 || found[0].Severity != source.Warning || !strings.Contains(found[0].Message, fmt.Sprintf("X'%x',X'',1", d.Name+"x")) {
		t.Errorf("%+v", found)
	}
	// MySQL asks for XA_RECOVER_ADMIN.
	if found := check(t, s, "XA RECOVER"); (len(found) == 1) != (d.Flavor == servertest.MariaDB) {
		t.Errorf("with few privileges: %+v", found)
	}
	d.end(t, "x", false)
}
