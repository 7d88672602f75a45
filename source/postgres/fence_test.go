package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestFence_SynchronousReplication: a commit that waits for a standby is in the log, and visible to nobody. A read
// without its fence returns the row of before.
func TestFence_SynchronousReplication(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor)
			d := p.Open(t)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'old'); CREATE TABLE tried (id int)")
			s := openTest(t, d)
			f := follow(t, s, head(t, s), "a")
			standby := func(set string) {
				p.Exec(t, "ALTER SYSTEM "+set)
				p.Exec(t, "SELECT pg_reload_conf()")
			}
			standby("SET synchronous_standby_names = 'nobody'")
			untilCommitsWait(t, d)
			committed := make(chan error, 1)
			go func() {
				_, err := d.DB.ExecContext(t.Context(), "UPDATE a SET v = 'new'")
				committed <- err
			}()
			f.untilSeen("a_update 1")
			sel := everything(t, s, source.Table{Schema: "public", Name: "a"})
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
			if v, err := read(t.Context(), ""); v != "old" || err != nil {
				t.Fatalf("without a fence: %v, %v; the commit was to be invisible", v, err)
			}
			waiting, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if v, err := read(waiting, f.fence); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("behind the fence: %v, %v; it was to wait", v, err)
			}
			answer := make(chan source.Value, 1)
			go func() {
				v, err := read(t.Context(), f.fence)
				if err != nil {
					v = err
				}
				answer <- v
			}()
			standby("RESET synchronous_standby_names")
			if v := <-answer; v != "new" {
				t.Errorf("behind the fence, when it was visible: %v", v)
			}
			if err := <-committed; err != nil {
				t.Error(err)
			}
		})
	}
}

// untilCommitsWait returns when commits wait for a standby. What a session shows of the setting does not tell: the
// checkpointer switches the waiting on, when it comes to it. The commit that tried it, in the table that stands
// ready, ends with the waiting.
func untilCommitsWait(t *testing.T, d *servertest.Database) {
	t.Helper()
	done := make(chan error, 1)
	try := func() {
		_, err := d.DB.ExecContext(t.Context(), "INSERT INTO tried VALUES (1)")
		done <- err
	}
	go try()
	servertest.Eventually(t, time.Minute, "a commit to wait for a standby", func() (bool, error) {
		select {
		case err := <-done:
			go try()
			return false, err
		default:
			return d.QueryString(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1", nil
		}
	})
}

// TestFence_Writers: behind each batch's fence, the newest value that the log has told of is visible, with eight
// writers, whose commits wait for the disk or do not.
func TestFence_Writers(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		const writers, writes = 8, 150
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a SELECT i, 0 FROM generate_series(0, 7) i")
		stream, err := s.Open(t.Context(), head(t, s), []source.Subscription{{Tables: source.Pattern{Schema: "public", Name: "a"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close(t.Context())
		sel := everything(t, s, source.Table{Schema: "public", Name: "a"})
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				mode := []string{"on", "off", "local"}[w%3]
				for range writes {
					if _, err := d.DB.ExecContext(t.Context(), fmt.Sprintf("BEGIN; SET LOCAL synchronous_commit = %s; UPDATE a SET n = n + 1 WHERE id = %d; COMMIT", mode, w)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		defer wg.Wait()
		told := map[source.Key]int64{}
		stale, reads := 0, 0
		for total := 0; total < writers*writes; {
			batch, err := stream.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var keys []source.Key
			for _, e := range batch.Events {
				told[e.Key]++
				keys = append(keys, e.Key)
				total++
			}
			for _, fence := range []source.Fence{"", batch.Fence} {
				rows, err := s.ReadRows(t.Context(), fence, sel, keys)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					switch old := row.Values[1].(int64) < told[row.Key]; {
					case old && fence != "":
						t.Errorf("behind %q: row %s has n = %v, the log %d", fence, row.Key.Text(), row.Values[1], told[row.Key])
					case old:
						stale++
					case fence == "":
						reads++
					}
				}
			}
		}
		t.Logf("without a fence, %d of %d reads were stale", stale, stale+reads)
	})
}

// TestStream_TableBeforeItIsVisible: the log tells of a table's rows before others can see the table. It is followed all
// the same, once they can.
func TestStream_TableBeforeItIsVisible(t *testing.T) {
	p := servertest.StartSQL(t, servertest.Postgres)
	d := p.Open(t)
	d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE tried (id int)")
	cfg := configOf(t, d.ReplURL)
	cfg.PollEvery = 50 * time.Millisecond
	s := openConfig(t, cfg)
	f := follow(t, s, head(t, s), "[ab]")
	p.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	p.Exec(t, "SELECT pg_reload_conf()")
	untilCommitsWait(t, d)
	var committing sync.WaitGroup
	for i, transaction := range []string{"BEGIN; CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1); COMMIT", "INSERT INTO a VALUES (1)"} {
		committing.Go(func() {
			if _, err := d.DB.ExecContext(t.Context(), transaction); err != nil {
				t.Error(err)
			}
		})
		servertest.Eventually(t, time.Minute, "a commit to wait for a standby", func() (bool, error) {
			return d.QueryInt(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == int64(i+2), nil
		})
	}
	f.untilSeen("a_write 1") // b's transaction is before it
	p.Exec(t, "ALTER SYSTEM RESET synchronous_standby_names")
	p.Exec(t, "SELECT pg_reload_conf()")
	committing.Wait()
	f.untilSeen("b_create")
	f.untilSeen("b_gap") // for the row that was passed over
	d.Exec(t, "INSERT INTO b VALUES (2)")
	f.untilSeen("b_write 2")
}

// TestIncarnation_Schema: a table that left a publication of its schema, and came back, may have missed changes.
func TestIncarnation_Schema(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); DROP PUBLICATION meepo; CREATE PUBLICATION meepo FOR TABLES IN SCHEMA public WITH (publish_via_partition_root)")
		incarnation := func() string {
			c, err := s.Columns(t.Context(), "", source.Table{Schema: "public", Name: "a"})
			if err != nil {
				t.Fatal(err)
			}
			return c.Incarnation
		}
		first := incarnation()
		d.Exec(t, "ALTER PUBLICATION meepo DROP TABLES IN SCHEMA public")
		if incarnation() == first {
			t.Error("out of the publication, it is as before")
		}
		d.Exec(t, "ALTER PUBLICATION meepo ADD TABLES IN SCHEMA public")
		if incarnation() == first {
			t.Error("back in the publication, it is as before")
		}
	})
}
