package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// follower reads a log and keeps what it saw.
type follower struct {
	t      testing.TB
	src    *Source
	stream source.Stream
	at     source.Position
	seen   []source.Batch
}

func head(t testing.TB, s *Source) source.Position {
	t.Helper()
	at, fence, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fence == "" {
		t.Fatal("a head without a fence")
	}
	return at
}

// follow opens the log after a position for tables of the test's database.
func follow(t testing.TB, s *Source, from source.Position, tables ...string) *follower {
	t.Helper()
	var subs []source.Subscription
	for _, name := range tables {
		p, err := source.ParsePattern(name, s.cfg.Database)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, source.Subscription{Tables: p})
	}
	stream, err := s.Open(t.Context(), from, subs)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	f := &follower{t: t, src: s, stream: stream, at: from}
	t.Cleanup(func() { f.close() })
	return f
}

func (f *follower) close() {
	if err := f.stream.Close(context.Background()); err != nil {
		f.t.Errorf("close stream: %v", err)
	}
}

// toEnd reads until the stream ends, and returns why.
func (f *follower) toEnd() error {
	for {
		if _, err := f.next(); err != nil {
			return err
		}
	}
}

func (f *follower) next() (source.Batch, error) {
	ctx, cancel := context.WithTimeoutCause(f.t.Context(), 60*time.Second, fmt.Errorf("no batch came for a minute"))
	defer cancel()
	batch, err := f.stream.Next(ctx)
	if err == nil {
		f.seen = append(f.seen, batch)
		if batch.Fence == "" {
			f.t.Error("a batch without a fence")
		}
	}
	if batch.Position != "" {
		f.at = batch.Position
	}
	return batch, err
}

// until reads up to a position.
func (f *follower) until(want source.Position) {
	f.t.Helper()
	for {
		ok, err := f.src.Reached(f.t.Context(), f.at, want)
		if err != nil {
			f.t.Fatal(err)
		}
		if ok {
			return
		}
		if _, err := f.next(); err != nil {
			f.t.Fatalf("at %s, on the way to %s: %v", f.at, want, err)
		}
	}
}

// lines are the events seen so far, as "table_action key".
func (f *follower) lines() []string { return lines(f.seen) }

func lines(batches []source.Batch) []string {
	var all []string
	for _, b := range batches {
		for _, e := range b.Events {
			line := e.Table.Name + "_" + e.Action.String()
			if e.Action.OfTransaction() {
				line = e.Action.String()
			}
			if e.Action.OfRow() {
				line += " " + e.Key.Text()
			}
			if !e.To.IsZero() {
				line += " " + e.To.Name
			}
			if e.XID != "" {
				line += " of XA"
			}
			all = append(all, line)
		}
	}
	return all
}

func wantLines(t testing.TB, got []string, want string) {
	t.Helper()
	wanted := strings.Split(strings.TrimSpace(want), "\n")
	for i := range wanted {
		wanted[i] = strings.TrimSpace(wanted[i])
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
}

// checkResume opens the log at each position seen and expects exactly the rest of the events.
func (f *follower) checkResume(tables ...string) {
	f.t.Helper()
	end := f.at
	for i, b := range f.seen {
		if b.Position == "" {
			continue
		}
		again := follow(f.t, f.src, b.Position, tables...)
		again.until(end)
		again.close()
		if diff := cmp.Diff(lines(f.seen[i+1:]), again.lines()); diff != "" {
			f.t.Fatalf("resumed at %s (-want +got):\n%s", b.Position, diff)
		}
	}
}

func execEach(t testing.TB, d *servertest.Database, statements string) {
	t.Helper()
	for statement := range strings.SplitSeq(statements, ";") {
		if strings.TrimSpace(statement) != "" {
			d.Exec(t, statement)
		}
	}
}

func TestStream_AcceptanceSQL(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE test (id INT AUTO_INCREMENT PRIMARY KEY, data VARCHAR(16))")
		from := head(t, s)
		execEach(t, d, `INSERT INTO test (data) VALUES ('a'); INSERT INTO test (data) VALUES ('b'),('c'),('d');
			UPDATE test SET data='aa' WHERE id=1; UPDATE test SET data='bb' WHERE id=2; UPDATE test SET data='cc' WHERE id!=1;
			DELETE FROM test WHERE id!=1; DELETE FROM test WHERE id=1`)
		before := time.Now().Add(-time.Minute)
		f := follow(t, s, from, "test")
		f.until(head(t, s))
		wantLines(t, f.lines(), `test_write 1
			test_write 2
			test_write 3
			test_write 4
			test_update 1
			test_update 2
			test_update 2
			test_update 3
			test_update 4
			test_delete 2
			test_delete 3
			test_delete 4
			test_delete 1`)
		for _, b := range f.seen {
			if b.Time.Before(before) || b.Time.After(time.Now().Add(time.Minute)) {
				t.Errorf("commit time %v is not now", b.Time)
			}
		}
		f.checkResume("test")
	})
}

func TestStream_TransactionsAndChangedKeys(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		execEach(t, d, `CREATE TABLE a (k VARCHAR(20) CHARACTER SET latin1, n INT, v JSON, PRIMARY KEY (n, k));
			CREATE TABLE b (id BIGINT UNSIGNED PRIMARY KEY, v INT); CREATE TABLE other (id INT PRIMARY KEY)`)
		from := head(t, s)
		tx, err := d.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{
			"INSERT INTO a VALUES ('é', 1, '{}')", "INSERT INTO b VALUES (18446744073709551615, 1)", "INSERT INTO other VALUES (1)",
			"SAVEPOINT x", "INSERT INTO b VALUES (7, 1)", "ROLLBACK TO x", "INSERT INTO a VALUES ('z', -2, NULL)",
		} {
			if _, err := tx.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		execEach(t, d, `UPDATE a SET k = 'ß' WHERE n = 1; UPDATE b SET v = 2; UPDATE b SET id = 8, v = 3; INSERT INTO other VALUES (2)`)
		f := follow(t, s, from, "a", "b")
		f.until(head(t, s))
		wantLines(t, f.lines(), `a_write 1,é
			b_write 18446744073709551615
			a_write -2,z
			a_delete 1,é
			a_write 1,ß
			b_update 18446744073709551615
			b_delete 18446744073709551615
			b_write 8`)
		f.checkResume("a", "b")
	})
}

// One commit must come out at once, and traffic of other tables must move the position.
func TestStream_LatencyAndKeepalive(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE other (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		var waits []time.Duration
		for i := range 20 {
			d.Exec(t, fmt.Sprintf("INSERT INTO a VALUES (%d)", i))
			start := time.Now()
			for len(f.lines()) <= i {
				if _, err := f.next(); err != nil {
					t.Fatal(err)
				}
			}
			waits = append(waits, time.Since(start))
		}
		slices.Sort(waits)
		if waits[10] > 100*time.Millisecond {
			t.Errorf("a commit takes %v to come out", waits[10])
		}
		before := f.at
		d.Exec(t, "INSERT INTO other VALUES (1)")
		start := time.Now()
		f.until(head(t, s))
		if took := time.Since(start); took > 4*time.Second { // a heartbeat comes after five
			t.Errorf("the position of other tables' traffic took %v", took)
		}
		if f.at == before || len(f.lines()) != 20 {
			t.Errorf("at %s after %s, %d events", f.at, before, len(f.lines()))
		}
	})
}
