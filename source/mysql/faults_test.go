package mysql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// proxy stands between a source and its server: it can cut connections, or stall them without a word.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	stall chan struct{} // while set, nothing passes
	limit int64         // of bytes from the server per connection, then it is cut; 0: none
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target}
	p.wg.Add(1)
	go p.accept()
	t.Cleanup(func() {
		listener.Close()
		p.resume()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	defer p.wg.Done()
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		out, err := net.Dial("tcp", target)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		limit := p.limit
		p.mu.Unlock()
		p.wg.Add(2)
		go p.pipe(out, in, 0)
		go p.pipe(in, out, limit)
	}
}

func (p *proxy) pipe(to, from net.Conn, limit int64) {
	defer p.wg.Done()
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 16<<10)
	for passed := int64(0); limit == 0 || passed < limit; {
		n, err := from.Read(buf)
		p.mu.Lock()
		stall := p.stall
		p.mu.Unlock()
		if stall != nil {
			<-stall
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
		passed += int64(n)
	}
}

// lead sends later connections to another server.
func (p *proxy) lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stall != nil {
		close(p.stall)
		p.stall = nil
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) setLimit(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = n
}

// logBuffer keeps log lines for the test to look at.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(line)
}

func (b *logBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.buf.String(), text)
}

// behind opens a source through a proxy, with fast heartbeats, and its log.
func behind(t testing.TB, d *servertest.Database) (*Source, *proxy, *logBuffer) {
	t.Helper()
	cfg := configOf(t, d.ReplURL)
	p := startProxy(t, cfg.Addr)
	log := &logBuffer{}
	cfg.Addr, cfg.Heartbeat, cfg.StallTimeout = p.listener.Addr().String(), 100*time.Millisecond, 500*time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(log, logWriter{t}), nil))
	return openConfig(t, cfg), p, log
}

func insertMany(t testing.TB, d *servertest.Database, table string, n int) {
	t.Helper()
	insert := fmt.Sprintf("INSERT INTO %s SELECT n, REPEAT('x', 100) FROM ", table)
	if d.Flavor == servertest.MariaDB {
		insert += fmt.Sprintf("(SELECT seq AS n FROM seq_1_to_%d) s", n)
	} else {
		insert += fmt.Sprintf("(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < %d) SELECT /*+ SET_VAR(cte_max_recursion_depth=10000000) */ n FROM s) s", n)
	}
	d.Exec(t, insert)
}

// wantRun expects the inserts 1..n in order, from the last time that the transaction began.
func wantRun(t testing.TB, got []string, n int) {
	t.Helper()
	next := 1
	for _, line := range got {
		if line == "a_write 1" {
			next = 1
		}
		if want := fmt.Sprintf("a_write %d", next); line != want {
			t.Fatalf("got %s, want %s", line, want)
		}
		next++
	}
	if next != n+1 {
		t.Fatalf("the last run has %d events, want %d", next-1, n)
	}
}

func TestStream_LargeTransaction(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
		const n = 20000
		f := follow(t, s, head(t, s), "a")
		insertMany(t, d, "a", n)
		f.until(head(t, s))
		wantRun(t, f.lines(), n)
		var cuts int
		total := 0
		for _, b := range f.seen {
			total += len(b.Events)
			if len(b.Events) > 2*batchEvents {
				t.Errorf("a batch of %d events", len(b.Events))
			}
			if b.Position != "" && total > 0 && total < n {
				t.Errorf("position %s after %d of %d events of one transaction", b.Position, total, n)
			}
			if b.Position == "" {
				cuts++
				// The fence of a piece must let the reader see the whole transaction.
				if _, err := s.ReadRows(t.Context(), b.Fence, source.Selection{Table: b.Events[0].Table, Key: keyOf(t, s, b.Events[0].Table)}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if cuts < n/batchEvents/2 {
			t.Errorf("%d pieces", cuts)
		}
	})
}

func keyOf(t testing.TB, s *Source, table source.Table) []source.Column {
	t.Helper()
	c, err := s.Columns(t.Context(), "", table)
	if err != nil {
		t.Fatal(err)
	}
	return c.KeyColumns()
}

func TestStream_CutInsideTransaction(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
		s, p, log := behind(t, d)
		from := head(t, s)
		const n = 50000
		insertMany(t, d, "a", n)
		end := head(t, s)
		p.cut()
		p.setLimit(1 << 20) // the transaction has five times that
		f := follow(t, s, from, "a")
		for log.count("log lost") == 0 {
			if _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
		p.setLimit(0)
		f.until(end)
		wantRun(t, f.lines(), n)
		for log.count("recovered") == 0 {
			if _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
		if lost, recovered := log.count("log lost"), log.count("recovered"); lost != recovered {
			t.Errorf("%d lines at the start of an outage, %d at its end", lost, recovered)
		}
	})
}

// A server that is killed off our dump thread does not say good-bye; we come again.
func TestStream_DumpThreadKilled(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
		s, _, log := behind(t, d)
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "INSERT INTO a VALUES (1, '')")
		f.until(head(t, s))
		st := f.stream.(*stream)
		id := st.link.syncer.LastConnectionID()
		d.Exec(t, fmt.Sprintf("KILL %d", id))
		d.Exec(t, "INSERT INTO a VALUES (2, '')")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 1\na_write 2")
		if log.count("log lost") != 1 {
			t.Errorf("%d lines of the outage", log.count("log lost"))
		}
		retries := 0
		for _, batch := range f.seen {
			retries += batch.Retries
		}
		if retries == 0 {
			t.Error("the batches tell of no lost connection")
		}
	})
}

func TestStream_StalledConnection(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
		s, p, log := behind(t, d)
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "INSERT INTO a VALUES (1, '')")
		end := head(t, s)
		f.until(end)
		p.freeze()
		d.Exec(t, "INSERT INTO a VALUES (2, '')")
		done := make(chan error, 1)
		go func() {
			for len(f.lines()) < 2 {
				if _, err := f.next(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		servertest.Eventually(t, 20*time.Second, "the watchdog", func() (bool, error) {
			return log.count("neither event nor heartbeat") > 0, nil
		})
		p.cut()
		p.resume()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		wantLines(t, f.lines(), "a_write 1\na_write 2")
	})
}

// A consumer that takes longer than any timeout loses nothing and is not dropped inside of a
// transaction again and again.
func TestStream_SlowConsumer(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200))")
		s, _, log := behind(t, d)
		f := follow(t, s, head(t, s), "a")
		const n = 100000 // more than all buffers between server and consumer hold
		insertMany(t, d, "a", n)
		end := head(t, s)
		if _, err := f.next(); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * s.cfg.StallTimeout) // what is tested is that time passes
		f.until(end)
		wantRun(t, f.lines(), n)
		if len(f.lines()) != n || log.count("lost") > 0 {
			t.Errorf("%d events, %d outages", len(f.lines()), log.count("lost"))
		}
	})
}

func TestStream_EndsWithItsContext(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			for {
				if _, err := f.stream.Next(ctx); err != nil {
					done <- err
					return
				}
			}
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		f.close()
		f.close()
		if _, err := f.stream.Next(t.Context()); !errors.Is(err, errStreamClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
