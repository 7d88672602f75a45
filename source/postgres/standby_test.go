package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// readingFrom has the rows read from another server.
func readingFrom(t *testing.T, d *servertest.Database, other string) Config {
	t.Helper()
	cfg := configOf(t, d.ReplURL)
	u, err := url.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Standby = &Standby{Addr: u.Host, User: cfg.User, Password: cfg.Password}
	return cfg
}

// readAll scans a table behind a fence.
func readAll(ctx context.Context, t *testing.T, s *Source, fence source.Fence, sel source.Selection) (int, error) {
	t.Helper()
	ranges, err := s.Split(ctx, fence, sel, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := s.ScanRows(ctx, fence, sel, ranges[0], 1000)
	return len(rows), err
}

// TestStandby: rows come from the standby, and not before it has replayed the log up to the fence.
func TestStandby(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor)
			d := p.Open(t)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'old')")
			b := p.Standby(t)
			s := openConfig(t, readingFrom(t, d, b.URL))
			sel := everything(t, s, source.Table{Schema: "public", Name: "a"})
			f := follow(t, s, head(t, s), "a")
			key, err := source.NewKey(int64(1))
			if err != nil {
				t.Fatal(err)
			}
			read := func(ctx context.Context, fence source.Fence) (source.Value, error) {
				rows, err := s.ReadRows(ctx, fence, sel, []source.Key{key})
				if err != nil {
					return nil, err
				}
				return rows[0].Values[1], nil
			}
			d.Exec(t, "UPDATE a SET v = 'older' WHERE id = 1; UPDATE a SET v = 'old' WHERE id = 1")
			f.untilSeen("a_update 1") // the stream has the table's definition from the primary
			if v, err := read(t.Context(), f.fence); v != "old" || err != nil {
				t.Fatal(v, err)
			}
			f.seen = nil
			b.Exec(t, "SELECT pg_wal_replay_pause()")
			d.Exec(t, "UPDATE a SET v = 'new'; INSERT INTO a VALUES (2, 'new')")
			f.untilSeen("a_update 1")
			f.untilSeen("a_write 2")
			_, atHead, err := s.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if v, err := read(t.Context(), ""); v != "old" || err != nil {
				t.Errorf("without a fence: %v, %v; the standby was to be behind", v, err)
			}
			for name, fence := range map[string]source.Fence{"the stream's": f.fence, "the head's": atHead} {
				waiting, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				if v, err := read(waiting, fence); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("behind %s fence: %v, %v; it was to wait", name, v, err)
				}
				if n, err := readAll(t.Context(), t, openTest(t, d), "", sel); n != 2 || err != nil {
					t.Errorf("on the primary: %d rows, %v", n, err)
				}
				cancel()
			}
			findings, err := s.Check(t.Context(), nil)
			if text := fmt.Sprint(findings); err != nil || !strings.Contains(text, "replay is paused") || !strings.Contains(text, "hot_standby_feedback") {
				t.Errorf("check: %s, %v", text, err)
			}
			// Columns that the standby does not have yet are waited for.
			d.Exec(t, "ALTER TABLE a ADD w int DEFAULT 7")
			wider := everything(t, s, sel.Table)
			answer := make(chan error, 1)
			go func() {
				n, err := readAll(t.Context(), t, s, "", wider)
				if err == nil && n != 2 {
					err = fmt.Errorf("%d rows", n)
				}
				answer <- err
			}()
			b.Exec(t, "SELECT pg_wal_replay_resume()")
			if err := <-answer; err != nil {
				t.Errorf("with the new column: %v", err)
			}
			if v, err := read(t.Context(), f.fence); v != "new" || err != nil {
				t.Errorf("behind the fence, when it was replayed: %v, %v", v, err)
			}
			s.standby.on(2) // as after a failover, in which the standby has not followed yet
			waiting, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if v, err := read(waiting, f.fence); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("from another timeline: %v, %v", v, err)
			}
			s.standby.on(1)
			b.Exec(t, "SELECT pg_promote()")
			if v, err := read(t.Context(), f.fence); !errors.Is(err, errPromoted) && !strings.Contains(fmt.Sprint(err), "no standby") {
				t.Errorf("from a server that was promoted: %v, %v", v, err)
			}
		})
	}
}

// TestStandby_Refused: only a standby of the source can stand in for it.
func TestStandby_Refused(t *testing.T) {
	p := servertest.StartSQL(t, servertest.Postgres)
	d := p.Open(t)
	foreign := servertest.StartSQL(t, servertest.PostgresFlavors()[1]) // those of one flavor are copies of one cluster
	foreign.Exec(t, "CREATE DATABASE "+d.Name)
	for other, want := range map[string]string{foreign.URL: "is of the cluster", d.URL: "is no standby"} {
		s, err := Open(t.Context(), readingFrom(t, d, other))
		if err == nil {
			s.Close()
		}
		if !strings.Contains(fmt.Sprint(err), want) || !strings.Contains(hintOf(err), "read_url") {
			t.Errorf("error %v, hint %q, want %q", err, hintOf(err), want)
		}
	}
}

// TestStandby_SegmentSwitched: a primary that was idle since it began a new segment of its log has nothing in it that a standby
// could replay, and reads do not wait for that.
func TestStandby_SegmentSwitched(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor)
			d := p.Open(t)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
			s := openConfig(t, readingFrom(t, d, p.Standby(t).URL))
			sel := everything(t, s, publicTable("a"))
			for i := range 3 { // what the server itself writes now and then would end the wait, too
				d.Exec(t, "INSERT INTO a VALUES ("+strconv.Itoa(i)+")")
				d.Exec(t, "SELECT pg_switch_wal()")
				_, fence, err := s.Head(t.Context())
				if err == nil {
					err = s.standby.raise(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if n, err := readAll(soon, t, s, fence, sel); n != i+1 || err != nil {
					t.Errorf("behind %s and %s: %d rows, %v", fence, pglogrepl.LSN(s.standby.floor.Load()), n, err)
				}
				cancel()
			}
		})
	}
}
