package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// wantLost expects ErrPositionLost with something to do, which no server has said in SQL.
func wantLost(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, source.ErrPositionLost) {
		t.Errorf("error %v, want a lost position", err)
		return
	}
	wantHint(t, err, "--fresh")
	if strings.Contains(err.Error(), "Error 1") {
		t.Errorf("a raw answer of the server: %v", err)
	}
}

func lagTimeout(d time.Duration) func(*Config) { return func(cfg *Config) { cfg.LagTimeout = d } }

func with(t testing.TB, url string, change func(*Config)) *Source {
	t.Helper()
	cfg := configOf(t, url)
	change(&cfg)
	return openConfig(t, cfg)
}

// TestVerify_OtherServers: what was saved of one server is refused by each other one, at once and in
// words, as a position to verify or to open, and as a fence.
func TestVerify_OtherServers(t *testing.T) {
	type place struct {
		flavor servertest.Flavor
		at     source.Position
		fence  source.Fence
	}
	var places []place
	sources := map[servertest.Flavor]*Source{}
	for _, f := range servertest.Flavors() {
		d := servertest.OpenSQL(t, f)
		s := openTest(t, d)
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)")
		at, fence, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context(), at); err != nil {
			t.Errorf("%s: its own position: %v", f, err)
		}
		places, sources[f] = append(places, place{f, at, fence}), s
	}
	for f, s := range sources {
		sel := everything(t, s, "", source.Table{Schema: s.cfg.Database, Name: "a"})
		for _, p := range places {
			if p.flavor == f {
				continue
			}
			t.Run(fmt.Sprintf("%s on %s", p.flavor, f), func(t *testing.T) {
				// Less than the wait for a server that lags: none of these may be taken for one.
				ctx, cancel := context.WithTimeout(t.Context(), s.cfg.LagTimeout/2)
				defer cancel()
				err := s.Verify(ctx, p.at)
				wantLost(t, err)
				t.Logf("%v", err)
				_, err = s.Open(ctx, p.at, nil)
				wantLost(t, err)
				if strings.HasPrefix(string(p.fence), gtidPrefix) && f != servertest.MariaDB {
					return // such a fence may come yet, for all that a reader can know
				}
				_, err = s.ReadRows(ctx, p.fence, sel, keysOf(t, 1))
				wantLost(t, err)
			})
		}
		wantLost(t, s.Verify(t.Context(), "mem:7"))
	}
}

// replica starts a server that receives what another one writes.
func replica(t testing.TB, of *servertest.PrivateSQL) *servertest.PrivateSQL {
	t.Helper()
	host, port, err := net.SplitHostPort(configOf(t, of.URL).Addr)
	if err != nil {
		t.Fatal(err)
	}
	p := servertest.StartSQL(t, of.Flavor, "--server-id=2", "--log-slave-updates")
	if of.Flavor == servertest.MariaDB {
		p.Exec(t, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='repl', MASTER_PASSWORD='repl', MASTER_USE_GTID=slave_pos; START SLAVE", host, port))
	} else {
		p.Exec(t, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%s, SOURCE_USER='repl', SOURCE_PASSWORD='repl', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA", host, port))
	}
	return p
}

// applier stops or starts what a replica does with what it receives.
func applier(t testing.TB, p *servertest.PrivateSQL, verb string) {
	t.Helper()
	if p.Flavor == servertest.MariaDB {
		p.Exec(t, verb+" SLAVE SQL_THREAD")
	} else {
		p.Exec(t, verb+" REPLICA SQL_THREAD")
	}
}

// TestVerify_Replica: a replica takes over. While it lags it is waited for; one that does not come
// there in time, and one that has gone another way, are not the server of the position.
func TestVerify_Replica(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			primary := servertest.StartSQL(t, f)
			d := primary.Open(t)
			second := replica(t, primary)
			d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)")
			s := openTest(t, d)
			early := head(t, s)
			reached := func(s *Source, at source.Position) {
				t.Helper()
				servertest.Eventually(t, 30*time.Second, "the replica", func() (bool, error) {
					have, _, err := s.Head(t.Context())
					if err != nil {
						return false, err
					}
					return s.Reached(t.Context(), have, at)
				})
			}
			patient := with(t, second.ReplURL, lagTimeout(5*time.Minute))
			reached(patient, early)
			if err := patient.Verify(t.Context(), early); err != nil {
				t.Errorf("a replica that has it: %v", err)
			}

			applier(t, second, "STOP")
			d.Exec(t, "INSERT INTO a VALUES (2)")
			late := head(t, s)
			hasty := with(t, second.ReplURL, lagTimeout(300*time.Millisecond))
			err := hasty.Verify(t.Context(), late)
			wantLost(t, err)
			t.Logf("%v", err)
			log := &logBuffer{}
			waiting := with(t, second.ReplURL, func(cfg *Config) {
				cfg.LagTimeout = 5 * time.Minute
				cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
			})
			done := make(chan error, 1)
			go func() { done <- waiting.Verify(t.Context(), late) }()
			servertest.Eventually(t, 20*time.Second, "the wait", func() (bool, error) { return log.count("lags behind") == 1, nil })
			applier(t, second, "START")
			if err := <-done; err != nil {
				t.Errorf("a replica that has caught up: %v", err)
			}

			// The replica is promoted without what the primary wrote last, and goes on by itself.
			reached(patient, late)
			stop := "STOP REPLICA; RESET REPLICA ALL; "
			if f == servertest.MariaDB {
				stop = "STOP SLAVE; RESET SLAVE ALL; "
			}
			second.Exec(t, stop)
			d.Exec(t, "INSERT INTO a VALUES (3)")
			lost := head(t, s)
			second.Exec(t, fmt.Sprintf("INSERT INTO %[1]s.a VALUES (4); INSERT INTO %[1]s.a VALUES (5); INSERT INTO %[1]s.a VALUES (6)", d.Name))
			err = hasty.Verify(t.Context(), lost)
			wantLost(t, err)
			t.Logf("%v", err)
			if err := hasty.Verify(t.Context(), late); err != nil {
				t.Errorf("what both have: %v", err)
			}
		})
	}
}

// TestStream_AnotherServerBehindTheAddress: the stream ends when it comes back to another server, and
// also when only the rows come from there while its own connection lives on.
func TestStream_AnotherServerBehindTheAddress(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID, servertest.MariaDB} {
		for _, cut := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s cut %v", f, cut), func(t *testing.T) {
				t.Parallel()
				other := servertest.StartSQL(t, f)
				other.Exec(t, "CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)")
				d := servertest.OpenSQL(t, f)
				d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200)); INSERT INTO a VALUES (1, '')")
				s, p, _ := behind(t, d)
				s.cfg.LagTimeout, s.cfg.StallTimeout = 500*time.Millisecond, 20*time.Second // a long log takes MariaDB a while to look through
				fl := follow(t, s, head(t, s), "a")
				d.Exec(t, "INSERT INTO a VALUES (2, '')")
				fl.until(head(t, s))
				sel := everything(t, s, "", tableIn(d, "a"))
				fence := fl.seen[len(fl.seen)-1].Fence

				p.lead(configOf(t, other.ReplURL).Addr)
				if cut {
					p.cut()
				} else {
					// As if all that read rows had to connect anew.
					s.db.SetMaxIdleConns(0)
					s.db.SetMaxIdleConns(1)
					if _, err := s.ReadRows(t.Context(), fence, sel, keysOf(t, 1)); err == nil {
						t.Error("rows of another server were read")
					} else {
						t.Logf("%v", err)
					}
					if f == servertest.MySQLNoGTID {
						return // such a fence says at once whose it is, and a read that says so ends the run
					}
				}
				wantLost(t, fl.toEnd())
			})
		}
	}
}
