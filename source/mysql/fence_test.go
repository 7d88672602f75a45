package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestFence counts stale reads: writers add 1 to rows, and every event's row is read again at
// once, on another connection. The row must show at least as many additions as events have told
// of. Without the fence some reads must fail that, or the test proves nothing.
func TestFence(t *testing.T) {
	for _, f := range servertest.Flavors() {
		t.Run(string(f), func(t *testing.T) { // one after the other: they need the processor
			d := servertest.OpenSQL(t, f)
			s := openTest(t, d)
			unfenced := newFenceRun(t, d, s, "unfenced")
			unfenced.bypass = true
			unfenced.run(t, func() bool { return unfenced.stale > 0 })
			if unfenced.stale == 0 {
				t.Errorf("no stale read in %d without the fence: this proves nothing", unfenced.reads)
			}
			fenced := newFenceRun(t, d, s, "fenced")
			fenced.run(t, func() bool { return fenced.reads >= 4000 })
			if fenced.stale != 0 || fenced.reads < 4000 {
				t.Errorf("%d stale reads of %d behind the fence", fenced.stale, fenced.reads)
			}
			t.Logf("stale: %d of %d without the fence, %d of %d with it", unfenced.stale, unfenced.reads, fenced.stale, fenced.reads)
		})
	}
}

const fenceRows = 32

type fenceRun struct {
	d            *servertest.Database
	s            *Source
	sel          source.Selection
	bypass       bool
	told         map[source.Key]int64 // additions that events have told of
	reads, stale int
}

func newFenceRun(t *testing.T, d *servertest.Database, s *Source, name string) *fenceRun {
	t.Helper()
	d.Exec(t, "CREATE TABLE "+name+" (id INT PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0, pad VARCHAR(200) DEFAULT 'x')")
	for i := range fenceRows {
		d.Exec(t, "INSERT INTO "+name+" (id) VALUES (?)", i)
	}
	table := source.Table{Schema: d.Name, Name: name}
	return &fenceRun{d: d, s: s, sel: everything(t, s, "", table), told: map[source.Key]int64{}}
}

// run follows the log until enough is seen, for a minute at most.
func (r *fenceRun) run(t *testing.T, enough func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	from, _, err := r.s.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := r.s.Open(ctx, from, []source.Subscription{{Tables: source.Pattern(r.sel.Table)}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(context.Background())
	stop := r.write(t)
	defer stop()
	for !enough() && ctx.Err() == nil {
		batch, err := stream.Next(ctx)
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		r.readAgain(ctx, t, batch)
	}
}

// write starts writers that each add to their own rows, and returns what ends them.
func (r *fenceRun) write(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	const n = 4
	for w := range n {
		writers.Go(func() {
			for i := w; ctx.Err() == nil; i = (i + n) % fenceRows {
				_, err := r.d.DB.ExecContext(ctx, "UPDATE "+r.sel.Table.Name+" SET n = n + 1 WHERE id = ?", i)
				if err != nil && ctx.Err() == nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		writers.Wait()
	}
}

func (r *fenceRun) readAgain(ctx context.Context, t *testing.T, batch source.Batch) {
	t.Helper()
	var keys []source.Key
	for _, e := range batch.Events {
		r.told[e.Key]++
		keys = append(keys, e.Key)
	}
	fence := batch.Fence
	if r.bypass {
		fence = ""
	}
	rows, err := r.s.ReadRows(ctx, fence, r.sel, keys)
	if err != nil {
		if ctx.Err() == nil {
			t.Fatal(err)
		}
		return
	}
	for _, row := range rows {
		r.reads++
		if !row.Found {
			t.Fatalf("row %s not found", row.Key.Text())
		}
		if row.Values[1].(int64) < r.told[row.Key] {
			r.stale++
		}
	}
}

// TestFence_LockDoesNotQueue: while a user holds a row, we neither wait in the queue for it, where
// we would hold up others, nor take it for absent.
func TestFence_LockDoesNotQueue(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQLNoGTID)
	s := openTest(t, d)
	d.Exec(t, "CREATE TABLE l (id INT PRIMARY KEY, n INT); INSERT INTO l VALUES (1,0),(2,0),(3,0),(4,0),(5,0),(7,0)")
	table := source.Table{Schema: d.Name, Name: "l"}
	_, fence, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sel := everything(t, s, fence, table)
	keys := keysOf(t, 1, 2, 3, 4, 5, 6, 7)

	holder, err := d.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback()
	for _, text := range []string{"UPDATE l SET n = 100 WHERE id = 1", "DELETE FROM l WHERE id = 7", "INSERT INTO l VALUES (6, 100)"} {
		if _, err := holder.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	type answer struct {
		rows []source.Row
		err  error
	}
	read, scanned := make(chan answer, 1), make(chan answer, 1)
	go func() {
		rows, err := s.ReadRows(t.Context(), fence, sel, keys)
		read <- answer{rows, err}
	}()
	go func() {
		var all []source.Row
		r, err := source.Range("{}"), error(nil)
		for r != "" && err == nil {
			var rows []source.Row
			rows, r, err = s.ScanRows(t.Context(), fence, sel, r, 3)
			all = append(all, rows...)
		}
		scanned <- answer{all, err}
	}()
	// Others write around the held rows, also in the gaps, and never wait a second for a lock.
	other, err := d.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for i := range 300 {
		for _, text := range []string{"SET SESSION innodb_lock_wait_timeout = 1", "UPDATE l SET n = n + 1 WHERE id = 2",
			fmt.Sprintf("INSERT INTO l VALUES (%d, 0)", 100+i), fmt.Sprintf("INSERT INTO l VALUES (%d, 0)", -i)} {
			if _, err := other.ExecContext(t.Context(), text); err != nil {
				t.Fatalf("another write was held up: %v", err)
			}
		}
	}
	select {
	case a := <-read:
		t.Fatalf("answered while a row was held: %v %v", a.rows, a.err)
	case a := <-scanned:
		t.Fatalf("scanned while a row was held: %v %v", a.rows, a.err)
	default:
	}
	if err := holder.Commit(); err != nil {
		t.Fatal(err)
	}
	a := <-read
	if a.err != nil {
		t.Fatal(a.err)
	}
	for i, found := range []bool{true, true, true, true, true, true, false} {
		if a.rows[i].Found != found {
			t.Errorf("row %s: found %v", keys[i].Text(), a.rows[i].Found)
		}
	}
	if n := a.rows[0].Values[1]; n != int64(100) {
		t.Errorf("the held row was read as %v, before its commit", n)
	}
	b := <-scanned
	if b.err != nil || len(b.rows) < 306 {
		t.Errorf("scan: %d rows: %v", len(b.rows), b.err)
	}
}

func keysOf(t testing.TB, ids ...int64) []source.Key {
	t.Helper()
	keys := make([]source.Key, len(ids))
	for i, id := range ids {
		key, err := source.NewKey(id)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	return keys
}

func TestFence_OfAnotherServer(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQLNoGTID)
	s := openTest(t, d)
	d.Exec(t, "CREATE TABLE o (id INT PRIMARY KEY)")
	sel := everything(t, s, "", source.Table{Schema: d.Name, Name: "o"})
	_, err := s.ReadRows(t.Context(), lockFence("3e11fa47-71ca-11e1-9e33-c80aa9429562"), sel, keysOf(t, 1))
	if !errors.Is(err, source.ErrPositionLost) {
		t.Errorf("%v", err)
	}
	if _, err := s.ReadRows(t.Context(), "xid:7", sel, keysOf(t, 1)); err == nil {
		t.Error("a fence of unknown form was taken")
	}
}

// TestFence_FromTheFuture: a fence that does not come is waited for until the context ends.
func TestFence_FromTheFuture(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		d := servertest.OpenSQL(t, f)
		s := openTest(t, d)
		d.Exec(t, "CREATE TABLE o (id INT PRIMARY KEY)")
		sel := everything(t, s, "", source.Table{Schema: d.Name, Name: "o"})
		fences := []source.Fence{gtidFence("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5")}
		if f == servertest.MariaDB {
			fences = []source.Fence{mariadbFence(s.server().uuid, "bin.999999", 4, ""), mariadbFence("another", "bin.000001", 4, "77-1-5")}
		}
		for _, fence := range fences {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			_, err := s.ReadRows(ctx, fence, sel, keysOf(t, 1))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %s: %v", f, fence, err)
			}
		}
	}
}

// TestFence_OnAnotherMariaDB compares by GTIDs where the place in the log is another server's.
func TestFence_OnAnotherMariaDB(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openTest(t, d)
	d.Exec(t, "CREATE TABLE o (id INT PRIMARY KEY); INSERT INTO o VALUES (1)")
	fence := mariadbFence("another", "bin.999999", 4, d.QueryString(t, "SELECT @@gtid_binlog_pos"))
	sel := everything(t, s, "", source.Table{Schema: d.Name, Name: "o"})
	rows, err := s.ReadRows(t.Context(), fence, sel, keysOf(t, 1))
	if err != nil || !rows[0].Found {
		t.Errorf("%v %v", rows, err)
	}
}

// TestPatience_SaysOnce that a fence takes long.
func TestPatience_SaysOnce(t *testing.T) {
	var out strings.Builder
	s := &Source{log: slog.New(slog.NewTextHandler(&out, nil)), cfg: Config{}.withDefaults(), info: server{uuid: "here"}}
	p := s.patience(&session{server: server{uuid: "here"}}, "gtid a:1-5")
	check := func() {
		if err := p.check(t.Context()); err != nil {
			t.Error(err)
		}
	}
	check()
	if out.Len() != 0 {
		t.Errorf("said at once: %s", out.String())
	}
	p.since = p.since.Add(-2 * s.cfg.LagTimeout)
	check()
	check()
	if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), "gtid a:1-5") {
		t.Errorf("said %d times: %s", n, out.String())
	}
}
