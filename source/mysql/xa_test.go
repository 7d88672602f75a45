package mysql

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
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

// An XA transaction is told when it is prepared and when it ends, also over a lost connection and to a
// reader that has not seen it begin.
func TestStream_XA(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE other (id INT PRIMARY KEY)")
		x := xa(d)
		f := follow(t, s, head(t, s), "a")
		x.prepareSQL(t, "x", "INSERT INTO a VALUES (1)", "INSERT INTO other VALUES (1)")
		x.prepareSQL(t, "y", "INSERT INTO other VALUES (2)")
		d.Exec(t, "INSERT INTO a VALUES (2)")
		f.until(head(t, s)) // the position moves on
		between := f.at
		d.Exec(t, fmt.Sprintf("KILL %d", f.stream.(*stream).link.syncer.LastConnectionID()))
		x.end(t, "x", true)
		x.end(t, "y", false)
		onSession(t, d, "XA START "+x.id("z"), "INSERT INTO a VALUES (3)", "XA END "+x.id("z"), "XA COMMIT "+x.id("z")+" ONE PHASE",
			"XA START "+x.id("z"), "INSERT INTO a VALUES (4)", "XA END "+x.id("z"), "XA ROLLBACK "+x.id("z"), "INSERT INTO a VALUES (5)")
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
	})
}

// Ids have two parts of any bytes and a number; the two halves of a transaction name it alike.
func TestStream_XAIDs(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		t.Run(string(f), func(t *testing.T) {
			d := servertest.OpenSQL(t, f)
			s := openTest(t, d)
			d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
			follower := follow(t, s, head(t, s), "a")
			ids := []string{"'" + d.Name + "'", "'" + d.Name + "',''", "'" + d.Name + "','b'", "'" + d.Name + "','b',7", "'" + d.Name + "b'", "x'00ff27" + fmt.Sprintf("%x", d.Name) + "','',2147483647"}
			for i, id := range ids {
				onSession(t, d, "XA START "+id, fmt.Sprintf("INSERT INTO a VALUES (%d)", i), "XA END "+id, "XA PREPARE "+id, "XA COMMIT "+id)
			}
			follower.until(head(t, s))
			seen := map[string]int{}
			var order []string
			for _, b := range follower.seen {
				for _, e := range b.Events {
					if seen[e.XID]++; len(order) == 0 || order[len(order)-1] != e.XID {
						order = append(order, e.XID)
					}
				}
			}
			if len(seen) != len(ids)-1 || len(order) != len(ids)-1 { // the first two are one
				t.Errorf("ids %q of the transactions %q", order, ids)
			}
			for id, n := range seen {
				if n%3 != 0 {
					t.Errorf("%d events of %s", n, id)
				}
			}
		})
	}
}

// A large XA transaction passes through: nothing of it is kept here, and no position is inside.
func TestStream_LargeXA(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE n (d INT PRIMARY KEY); INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9); CREATE TABLE a (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		xa(d).prepareSQL(t, "x", "INSERT INTO a SELECT a.d + 10*b.d + 100*c.d + 1000*e.d FROM n a, n b, n c, n e")
		xa(d).end(t, "x", true)
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
	})
}

// Rows that cannot be decoded are a gap, of the XA transaction that they are in, or of none.
func TestStream_XAGap(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQLMinimal)
	s := openTest(t, d)
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	from := head(t, s)
	x := xa(d)
	x.prepareSQL(t, "x", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)")
	d.Exec(t, "INSERT INTO a VALUES (3)")
	x.prepareSQL(t, "y", "INSERT INTO a VALUES (4)")
	x.end(t, "y", false)
	x.end(t, "x", true)
	d.Exec(t, "INSERT INTO a VALUES (5); ALTER TABLE a ADD v INT FIRST; INSERT INTO a VALUES (6, 6)")
	f := follow(t, s, from, "a")
	f.until(head(t, s))
	wantLines(t, f.lines(), `prepare of XA
		a_gap of XA
		a_gap
		prepare of XA
		a_gap of XA
		rollback of XA
		commit of XA
		a_alter
		a_write 6`)
}
