package postgres

import (
	"context"
	"encoding/binary"
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
)

// swallower is a proxy that passes all that a server says on but the keepalives of its log.
type swallower struct {
	to       string
	listener net.Listener
	owned    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func startSwallower(t *testing.T, to string) *swallower {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &swallower{to: to, listener: l}
	p.owned.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for _, conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		p.owned.Wait()
	})
	return p
}

func (p *swallower) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.owned.Go(func() {
			defer server.Close()
			_, _ = io.Copy(server, client)
		})
		p.owned.Go(func() {
			defer client.Close()
			for passFrame(client, server) == nil {
			}
		})
	}
}

// passFrame passes one message of the server's on, unless it is a keepalive.
func passFrame(to io.Writer, from io.Reader) error {
	frame := make([]byte, 5)
	if _, err := io.ReadFull(from, frame); err != nil {
		return err
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame[1:])-4)...)
	if _, err := io.ReadFull(from, frame[5:]); err != nil {
		return err
	}
	if frame[0] == 'd' && len(frame) > 5 && frame[5] == 'k' {
		return nil
	}
	_, err := to.Write(frame)
	return err
}

// beating opens a database with heartbeats in quick succession.
func beating(t *testing.T, d *servertest.Database, more func(*Config)) *Source {
	t.Helper()
	cfg := configOf(t, d.ReplURL+"&sslmode=disable")
	cfg.MessageEvery = 50 * time.Millisecond
	if more != nil {
		more(&cfg)
	}
	return openConfig(t, cfg)
}

// TestHeartbeat_WithoutKeepalives: where keepalives do not reach us, the position of an idle database moves by heartbeats, and
// the slot with it.
func TestHeartbeat_WithoutKeepalives(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, direct *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		proxy := startSwallower(t, direct.cfg.Addr)
		from := head(t, direct)
		through := func(cfg *Config) { cfg.Addr = proxy.listener.Addr().String() }
		silent := follow(t, beating(t, d, func(cfg *Config) { through(cfg); cfg.MessageEvery = -1 }), from, "a")
		servertest.OpenSQL(t, d.Flavor).Exec(t, "CREATE TABLE filler AS SELECT repeat('x', 100) FROM generate_series(1, 1000)")
		want := head(t, direct)
		short, cancel := context.WithTimeout(t.Context(), 2*keepaliveEvery)
		defer cancel()
		if batch, err := silent.stream.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("batch %+v, error %v: without keepalives nothing was to come", batch, err)
		}
		silent.close()
		f := follow(t, beating(t, d, through), from, "a")
		f.until(want)
		if err := f.stream.Ack(t.Context(), f.at); err != nil {
			t.Fatal(err)
		}
		at, err := parsePosition(want)
		if err != nil {
			t.Fatal(err)
		}
		servertest.Eventually(t, time.Minute, "the slot to move on", func() (bool, error) {
			got := confirmed(t, direct)
			if got < at.lsn {
				return false, fmt.Errorf("it is at %s, want %s", got, at.lsn)
			}
			return true, nil
		})
		d.Exec(t, "INSERT INTO a VALUES (1)")
		f.untilSeen("a_write 1")
		wantLines(t, f.seen, "a_write 1")
	})
}

// TestHeartbeat_Denied: without the right to write them there are no heartbeats. That is said once, and by check, and keepalives
// move the position on.
func TestHeartbeat_Denied(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		log := &lines{}
		s := beating(t, d, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(log, logWriter{t}), nil)) })
		arguments := d.QueryString(t, "SELECT pg_get_function_identity_arguments(oid) FROM pg_proc WHERE proname = 'pg_logical_emit_message' AND proargtypes[2] = 'text'::regtype")
		findings := func() string {
			list, err := s.Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for _, f := range list {
				text += fmt.Sprintf("%s: %s (%s)\n", f.Subject, f.Message, f.Fix)
			}
			return text
		}
		if strings.Contains(findings(), "heartbeat:") {
			t.Error("the heartbeat is said to be denied, and is not")
		}
		d.Exec(t, "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message("+arguments+") FROM PUBLIC")
		found := findings()
		_, fix, _ := strings.Cut(found, "alone (")
		fix, _, _ = strings.Cut(fix, ";")
		if !strings.HasPrefix(fix, "GRANT EXECUTE ON FUNCTION pg_logical_emit_message(") {
			t.Fatalf("no heartbeat is among the findings: %s", found)
		}
		other := servertest.OpenSQL(t, d.Flavor)
		other.Exec(t, "CREATE TABLE filler (v text)")
		f := follow(t, s, head(t, s), "a")
		for range 3 {
			other.Exec(t, "INSERT INTO filler SELECT repeat('x', 100) FROM generate_series(1, 1000)")
			f.until(head(t, s))
		}
		if n := strings.Count(log.String(), "may not write heartbeats"); n != 1 || strings.Contains(log.String(), "reconnecting") {
			t.Errorf("it was said %d times that there are none: %s", n, log)
		}
		d.Exec(t, fix) // what check says to run
		if strings.Contains(findings(), "heartbeat:") {
			t.Error("the right was given as check says, and it does not see it")
		}
	})
}

// TestHeartbeat_OfOthers: messages of other runs, called as ours or not, of a transaction or none, committed or not, are no events; their
// places lose nothing that commits behind them.
func TestHeartbeat_OfOthers(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		s := beating(t, d, func(cfg *Config) { cfg.MessageEvery = -1 })
		f := follow(t, s, head(t, s), "a")
		tx, err := d.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		for _, statement := range []string{"INSERT INTO a VALUES (1)", "SELECT pg_logical_emit_message(false, 'meepo_heartbeat', 'x')",
			"SELECT pg_logical_emit_message(true, 'meepo_heartbeat', 'x')", "INSERT INTO a VALUES (2)"} {
			if _, err := tx.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		d.Exec(t, "BEGIN; SELECT pg_logical_emit_message(true, 'meepo_heartbeat', 'x'), pg_logical_emit_message(false, 'meepo_heartbeat', 'x'); ROLLBACK")
		d.Exec(t, "INSERT INTO a VALUES (3); SELECT pg_logical_emit_message(false, 'meepo_heartbeat', repeat('x', 10000)), pg_logical_emit_message(false, 'another', '')")
		f.until(head(t, s))
		wantLines(t, f.seen, "a_write 3")
		if err := f.stream.Ack(t.Context(), f.at); err != nil {
			t.Fatal(err)
		}
		f.close()
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		again := follow(t, s, f.at, "a")
		again.until(head(t, s))
		wantLines(t, again.seen, "a_write 1\na_write 2")
	})
}

// TestHeartbeat_IdleServer: a server of which all is idle is left alone.
func TestHeartbeat_IdleServer(t *testing.T) {
	d := servertest.StartSQL(t, servertest.Postgres).Open(t)
	log := &lines{}
	s := beating(t, d, func(cfg *Config) {
		cfg.MessageEvery = 10 * time.Millisecond
		cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	f := follow(t, s, head(t, s), "a")
	d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
	f.untilSeen("a_create")
	f.until(head(t, s))
	begin := strings.Count(log.String(), "heartbeat written")
	quiet, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for quiet.Err() == nil {
		if _, err := f.stream.Next(quiet); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	// What the server itself writes is behind a heartbeat at times.
	if n := strings.Count(log.String(), "heartbeat written") - begin; n > 100 {
		t.Errorf("%d heartbeats in 3 s, on a server without changes", n)
	}
}
