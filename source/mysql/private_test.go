package mysql

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func privateFlavors() []servertest.Flavor {
	return []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID, servertest.MariaDB}
}

// eachPrivate runs a test on a server of its own for each way to find a position.
func eachPrivate(t *testing.T, test func(t *testing.T, p *servertest.PrivateSQL, s *Source)) {
	for _, f := range privateFlavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, f)
			test(t, p, openPrivate(t, p))
		})
	}
}

// eachAlone is eachFlavor on servers of its own: what is logged as a statement has every reader of the server
// copy all of its tables anew, those of other tests too.
func eachAlone(t *testing.T, test func(t *testing.T, d *servertest.Database, s *Source)) {
	for _, f := range servertest.Flavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			d := servertest.StartSQL(t, f).Open(t)
			test(t, d, openTest(t, d))
		})
	}
}

// openPrivate makes a table d.a on a private server, and opens the server as a source.
func openPrivate(t *testing.T, p *servertest.PrivateSQL) *Source {
	t.Helper()
	p.Exec(t, "CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY, v VARCHAR(200))")
	cfg := configOf(t, p.ReplURL)
	cfg.Database, cfg.Heartbeat = "d", 200*time.Millisecond
	return openConfig(t, cfg)
}

func TestStream_PurgedLog(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		from := head(t, s)
		subs := []source.Subscription{{Tables: source.Pattern{Schema: "d", Name: "a"}}}
		p.Exec(t, "INSERT INTO d.a VALUES (1, ''); FLUSH BINARY LOGS; INSERT INTO d.a VALUES (2, ''); FLUSH BINARY LOGS; INSERT INTO d.a VALUES (3, '')")
		last := lastFile(t, s)
		servertest.Eventually(t, 20*time.Second, "the purge", func() (bool, error) {
			p.Exec(t, "PURGE BINARY LOGS TO '"+last+"'")
			var files int
			rows, err := s.db.QueryContext(t.Context(), "SHOW BINARY LOGS")
			if err != nil {
				return false, err
			}
			defer rows.Close()
			for rows.Next() {
				files++
			}
			return files == 1, rows.Err()
		})
		_, err := s.Open(t.Context(), from, subs)
		if !errors.Is(err, source.ErrPositionLost) {
			t.Fatalf("error %v", err)
		}
		wantHint(t, err, "binlog_expire_logs_seconds")
		t.Logf("%v", err)
		// What is still there can be read.
		f := follow(t, s, head(t, s), "a")
		p.Exec(t, "INSERT INTO d.a VALUES (4, '')")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 4")
	})
}

func lastFile(t testing.TB, s *Source) string {
	t.Helper()
	f := follow(t, s, head(t, s), "a")
	defer f.close()
	d := f.stream.(*stream).decoder
	for d.place.file == "" || !d.live {
		if _, err := f.next(); err != nil {
			t.Fatal(err)
		}
	}
	return d.place.file
}

// A log that began anew (RESET) lacks the position, even if its numbers go on from one.
func TestStream_LogBegunAnew(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		p.Exec(t, "INSERT INTO d.a VALUES (1, ''), (2, ''); INSERT INTO d.a VALUES (3, '')")
		from := head(t, s)
		reset := "RESET BINARY LOGS AND GTIDS"
		if p.Flavor == servertest.MariaDB {
			reset = "RESET MASTER"
		}
		p.Exec(t, reset)
		_, err := s.Open(t.Context(), from, []source.Subscription{{Tables: source.Pattern{Schema: "d", Name: "a"}}})
		if !errors.Is(err, source.ErrPositionLost) {
			t.Errorf("error %v", err)
		}
	})
}

// The server crashes and comes back while a transaction is being read.
func TestStream_ServerCrash(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		f := follow(t, s, head(t, s), "a")
		insert := "INSERT INTO d.a WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < 60000) SELECT n, REPEAT('x', 100) FROM s"
		if p.Flavor == servertest.MariaDB {
			p.Exec(t, "SET max_recursive_iterations = 100000; "+insert)
		} else {
			p.Exec(t, "SET cte_max_recursion_depth = 100000; "+insert)
		}
		if _, err := f.next(); err != nil {
			t.Fatal(err)
		}
		p.Kill(t)
		p.Start(t)
		p.Exec(t, "INSERT INTO d.a VALUES (70000, '')")
		f.until(head(t, s))
		got := f.lines()
		if last := got[len(got)-1]; last != "a_write 70000" {
			t.Fatalf("the last event is %s", last)
		}
		wantRun(t, got[:len(got)-1], 60000)
	})
}

func TestHead_LogOff(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, f, "--skip-log-bin")
			_, _, err := openURL(t, p.ReplURL).Head(t.Context())
			wantHint(t, err, "set log_bin")
		})
	}
}

// A transaction of a million rows must pass in little memory: that of the whole process, so run it
// alone.
func BenchmarkStream_Memory(b *testing.B) {
	for _, f := range privateFlavors() {
		b.Run(string(f), func(b *testing.B) {
			d := servertest.OpenSQL(b, f)
			s := openTest(b, d)
			d.Exec(b, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
			from := head(b, s)
			const n = 1_000_000
			insertMany(b, d, "a", n)
			end := head(b, s)
			for b.Loop() {
				count := 0
				stream := follow(b, s, from, "a")
				for at := from; ; {
					batch, err := stream.stream.Next(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					count += len(batch.Events)
					if batch.Position != "" {
						at = batch.Position
					}
					if ok, err := s.Reached(b.Context(), at, end); ok || err != nil {
						break
					}
				}
				stream.close()
				if count != n {
					b.Fatalf("%d events", count)
				}
			}
			peak := peakMemory(b)
			b.ReportMetric(float64(peak>>20), "peak-MiB")
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
			if peak > 256<<20 {
				b.Errorf("peak memory %d MiB", peak>>20)
			}
		})
	}
}

// peakMemory is the process's highest resident size so far.
func peakMemory(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	var kib int64
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(rest, &kib)
		}
	}
	return kib << 10
}
