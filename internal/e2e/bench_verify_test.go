//go:build bench

package e2e

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/mysql"
)

// TestBench_Verify measures verify and plan of a million rows beside the time that a copy needs to read them: the same
// ranges, rows and columns, by as many connections, with nothing done about them.
func TestBench_Verify(t *testing.T) {
	longest = 20 * time.Minute
	const rows, most = 1_000_000, 256 << 10 // KiB
	for _, pair := range []string{"mysql+elastic", "mysql+postgres"} {
		t.Run(pair, func(t *testing.T) {
			p := newPlant(t, pair, 5000)
			for from := 5001; from < rows; from += 5000 {
				p.source.exec(t, goodsRows(from, from+4999))
			}
			copied := invocation{args: []string{"--once"}, dir: p.dir}.run(t)
			if code := copied.wait(t); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			for range 3 { // side by side, since machines are noisy
				reading := readAll(t, p.source.(sqlEnd).db, rows)
				verifying, peak := timed(t, invocation{args: []string{"verify", "goods"}, dir: p.dir})
				planning, _ := timed(t, invocation{args: []string{"plan", "goods"}, dir: p.dir})
				t.Logf("%s, %d rows: read %s, verify %s (%.2f times), plan %s (%.2f times), peak memory of verify %d MiB", pair, rows,
					reading.Round(time.Millisecond), verifying.Round(time.Millisecond), verifying.Seconds()/reading.Seconds(),
					planning.Round(time.Millisecond), planning.Seconds()/reading.Seconds(), peak>>10)
				if peak > most {
					t.Errorf("peak memory is %d KiB, want at most %d", peak, most)
				}
			}
		})
	}
}

// timed runs a command that has to end well, and returns how long it took, and its peak memory in KiB.
func timed(t *testing.T, i invocation) (took time.Duration, peak int64) {
	t.Helper()
	begin := time.Now()
	r := i.start(t)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-r.ended:
			if code := r.wait(t); code != 0 {
				t.Fatalf("%v: exit code %d\n%s", i.args, code, r.stdout)
			}
			return time.Since(begin), peak
		case <-look.C:
			if now, err := memoryOf(r.cmd.Process.Pid); err == nil { // it may just have ended
				peak = max(peak, now)
			}
		}
	}
}

// readAll reads goods as a copy does.
func readAll(t *testing.T, db *servertest.Database, rows int64) time.Duration {
	t.Helper()
	at, err := url.Parse(db.ReplURL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := at.User.Password()
	src, err := mysql.Open(t.Context(), mysql.Config{
		Addr: at.Host, User: at.User.Username(), Password: func(context.Context) (string, error) { return password, nil },
		TLS: source.TLSConfig{Mode: "preferred"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	columns, err := src.Columns(t.Context(), "", source.Table{Schema: db.Name, Name: "goods"})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	selection := source.Selection{Table: columns.Table, Key: columns.KeyColumns(), Columns: columns.Columns}
	ranges, err := src.Split(t.Context(), "", selection, int(rows/50_000)+1)
	if err != nil {
		t.Fatal(err)
	}
	var read atomic.Int64
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(4)
	for _, rest := range ranges {
		g.Go(func() error {
			for rest != "" {
				got, after, err := src.ScanRows(ctx, "", selection, rest, 2000)
				if err != nil {
					return err
				}
				read.Add(int64(len(got)))
				rest = after
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || read.Load() != rows {
		t.Fatalf("%d rows, %v", read.Load(), err)
	}
	return time.Since(begin)
}
