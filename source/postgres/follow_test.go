package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// follower reads a stream and writes down its events as "table_action key".
type follower struct {
	t      testing.TB
	src    *Source
	stream source.Stream
	seen   []string
	at     source.Position
	fence  source.Fence
}

// follow opens the log at a position, for tables of the schema public.
func follow(t testing.TB, s *Source, from source.Position, tables ...string) *follower {
	t.Helper()
	var subs []source.Subscription
	for _, name := range tables {
		subs = append(subs, source.Subscription{Tables: source.Pattern{Schema: "public", Name: name}})
	}
	stream, err := s.Open(t.Context(), from, subs)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, src: s, stream: stream, at: from}
	t.Cleanup(f.close)
	return f
}

func (f *follower) close() {
	if err := f.stream.Close(context.WithoutCancel(f.t.Context())); err != nil {
		f.t.Error(err)
	}
}

func (f *follower) next() (source.Batch, error) {
	ctx, cancel := context.WithTimeoutCause(f.t.Context(), 60*time.Second, fmt.Errorf("no batch came for a minute"))
	defer cancel()
	batch, err := f.stream.Next(ctx)
	for _, e := range batch.Events {
		line := e.Table.Name + "_" + e.Action.String()
		if e.Action.OfRow() {
			line += " " + e.Key.Text()
		}
		if e.Action == source.Rename {
			line += " " + e.To.Name
		}
		f.seen = append(f.seen, line)
	}
	if batch.Position != "" {
		f.at = batch.Position
	}
	if err == nil {
		f.fence = batch.Fence
	}
	return batch, err
}

// until reads up to a position.
func (f *follower) until(want source.Position) {
	f.t.Helper()
	for {
		if done, err := f.src.Reached(f.t.Context(), f.at, want); err != nil {
			f.t.Fatal(err)
		} else if done {
			return
		}
		if _, err := f.next(); err != nil {
			f.t.Fatal(err)
		}
	}
}

// untilSeen reads until an event has come.
func (f *follower) untilSeen(line string) {
	f.t.Helper()
	for !slices.Contains(f.seen, line) {
		if _, err := f.next(); err != nil {
			f.t.Fatalf("%v, after %v", err, f.seen)
		}
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

func head(t testing.TB, s *Source) source.Position {
	t.Helper()
	at, _, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func wantLines(t testing.TB, got []string, want string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

// TestStream_Polls: without triggers, changes of definitions are found by looking at them.
func TestStream_Polls(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		cfg := configOf(t, d.ReplURL)
		cfg.PollEvery = 50 * time.Millisecond
		s := openConfig(t, cfg)
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE a (id int PRIMARY KEY, v text, m mood); CREATE TABLE p (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)")
		d.Exec(t, "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 (id int PRIMARY KEY, v text); INSERT INTO p2 VALUES (150, 'x'); INSERT INTO p1 VALUES (1, 'x')")
		f := follow(t, s, head(t, s), "[apb]")
		for _, c := range []struct{ change, seen string }{
			{"ALTER TABLE a ADD COLUMN w int DEFAULT 7", "a_alter"},
			{"ALTER TABLE a ALTER COLUMN v TYPE varchar(20) USING upper(v)", "a_gap"},
			{"ALTER TYPE mood RENAME VALUE 'sad' TO 'gloomy'", "a_gap"},
			{"ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200)", "p_gap"},
			{"TRUNCATE p1", "p_gap"},
			{"ALTER TABLE p DETACH PARTITION p2", "p_gap"},
			{"ALTER TABLE a RENAME TO b", "a_rename b"},
			{"CREATE TABLE a (id int PRIMARY KEY)", "a_create"},
			{"DROP TABLE b", "b_drop"},
		} {
			f.seen = nil
			d.Exec(t, c.change)
			f.untilSeen(c.seen)
		}
		f.seen = nil
		d.Exec(t, "INSERT INTO a VALUES (1); TRUNCATE a; INSERT INTO a VALUES (2)")
		f.untilSeen("a_write 2")
		f.untilSeen("a_gap") // it got new files, and a look cannot tell of what
		wantLines(t, slices.DeleteFunc(f.seen, func(line string) bool { return line == "a_gap" }), "a_write 1\na_truncate\na_write 2")
	})
}

// TestStream_Triggers: with them, the log tells of definitions, in order and also of what was before we looked.
func TestStream_Triggers(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE a (id int PRIMARY KEY, v text, m mood); CREATE TABLE p (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)")
		d.Exec(t, Triggers)
		d.Exec(t, Triggers) // again
		from := head(t, s)
		for _, change := range []string{
			"INSERT INTO a VALUES (1, 'x')", "ALTER TABLE a ADD COLUMN w int DEFAULT 7", "ALTER TABLE a ALTER COLUMN v TYPE varchar(20) USING upper(v)",
			"UPDATE a SET w = 8", "ALTER TYPE mood RENAME VALUE 'sad' TO 'gloomy'", "ALTER TYPE mood ADD VALUE 'mad'",
			"CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100)", "INSERT INTO p VALUES (1, 'x')",
			"CREATE TABLE p2 (id int PRIMARY KEY, v text); INSERT INTO p2 VALUES (150, 'x')",
			"ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200)", "UPDATE p SET v = 'y' WHERE id = 150",
			"ALTER TABLE p DETACH PARTITION p2", "DROP TABLE p1", "ALTER TABLE a RENAME v TO vv", "ALTER TABLE a RENAME TO b",
			"CREATE TABLE a AS SELECT 1 AS id", "CREATE TEMPORARY TABLE a (id int)", "CREATE INDEX ON b (w)", "DROP TABLE public.a", "CREATE SCHEMA meepo", "DROP SCHEMA meepo",
		} {
			d.Exec(t, change)
		}
		f := follow(t, s, from, "[apb]")
		f.until(head(t, s))
		wantLines(t, f.seen, strings.Join([]string{
			"a_write 1", "a_alter", "a_gap", "a_alter", "a_update 1", "a_gap", "p_write 1", "p_gap", "p_alter", "p_update 150", "p_gap", "p_alter", "p_gap",
			"a_alter", "a_rename b", "a_create", "a_drop",
		}, "\n"))
	})
}

func hintOf(err error) string {
	var hint *source.HintError
	if errors.As(err, &hint) {
		return hint.Advice
	}
	return ""
}
