package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func wantLost(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, source.ErrPositionLost) || !strings.Contains(hintOf(err), "--fresh") {
		t.Errorf("error %v, hint %q, want a lost position", err, hintOf(err))
	}
}

// TestVerify: what is no part of this server's history is refused.
func TestVerify(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		from := head(t, s)
		at, err := parsePosition(from)
		if err != nil {
			t.Fatal(err)
		}
		for name, wrong := range map[string]position{
			"another cluster":     {"7000000000000000000", at.timeline, at.lsn},
			"a later timeline":    {at.system, at.timeline + 1, at.lsn},
			"beyond the log":      {at.system, at.timeline, at.lsn + 1<<40},
			"before the slot was": {at.system, at.timeline, 8},
		} {
			err := s.Verify(t.Context(), wrong.text())
			wantLost(t, err)
			if _, openErr := s.Open(t.Context(), wrong.text(), nil); !errors.Is(openErr, source.ErrPositionLost) {
				t.Errorf("%s: open: %v", name, openErr)
			}
			t.Logf("%s: %v", name, err)
		}
		d.Exec(t, "INSERT INTO a VALUES (1)")
		d.Exec(t, fmt.Sprintf("SELECT pg_replication_slot_advance('%s', pg_current_wal_lsn())", d.Name))
		wantLost(t, s.Verify(t.Context(), from))
		now := head(t, s)
		if err := s.Verify(t.Context(), now); err != nil {
			t.Error(err)
		}
		if dropped, err := s.DropSlot(t.Context()); err != nil || !dropped {
			t.Error(dropped, err)
		}
		wantLost(t, s.Verify(t.Context(), now))
		if dropped, err := s.DropSlot(t.Context()); err != nil || dropped {
			t.Error(dropped, err)
		}
	})
}

// TestStream_SlotDropped: the slot is dropped under a stream.
func TestStream_SlotDropped(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "INSERT INTO a VALUES (1)")
		f.untilSeen("a_write 1")
		dropSlot(t, d)
		wantLost(t, f.toEnd())
	})
}

// dropSlot drops the slot as an administrator would who has the reader thrown out.
func dropSlot(t *testing.T, d *servertest.Database) {
	t.Helper()
	servertest.Eventually(t, time.Minute, "the slot to be dropped", func() (bool, error) {
		if _, err := d.DB.ExecContext(t.Context(), fmt.Sprintf("SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE slot_name = '%s' AND active", d.Name)); err != nil {
			return false, err
		}
		_, err := d.DB.ExecContext(t.Context(), fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", d.Name))
		return err == nil, err
	})
}

// TestStream_Reconnects: cut connections are mended, and nothing is missing.
func TestStream_Reconnects(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		for n := range 5 {
			d.Exec(t, fmt.Sprintf("INSERT INTO a VALUES (%d)", n))
			d.Exec(t, fmt.Sprintf("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s'", d.Name))
			f.untilSeen(fmt.Sprintf("a_write %d", n))
		}
	})
}

// TestTimeline: a position is good on a later timeline if it is from before the switch.
func TestTimeline(t *testing.T) {
	t.Parallel()
	history := "1\t0/5000000\tno recovery target specified\n\n2\t0/6000000\tno recovery target specified\n"
	for line, want := range map[int32]pglogrepl.LSN{1: 0x5000000, 2: 0x6000000} {
		if got, known, err := leftAt(history, line); got != want || !known || err != nil {
			t.Errorf("timeline %d was left at %s, %v, %v", line, got, known, err)
		}
	}
	if _, known, _ := leftAt(history, 3); known {
		t.Error("timeline 3 is known")
	}
}

// TestStream_Acknowledged: the server is told of what was acknowledged, and of no more.
func TestStream_Acknowledged(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
		from := head(t, s)
		begin := confirmed(t, s)
		f := follow(t, s, from, "a")
		d.Exec(t, "INSERT INTO a SELECT generate_series(1, 5000)")
		f.until(head(t, s))
		if got := confirmed(t, s); got != begin {
			t.Errorf("the slot was at %s, and is at %s, and nothing was acknowledged", begin, got)
		}
		middle, end := f.at, source.Position("")
		if err := f.stream.Ack(t.Context(), middle); err != nil {
			t.Fatal(err)
		}
		d.Exec(t, "INSERT INTO a VALUES (0)")
		f.untilSeen("a_write 0")
		end = head(t, s)
		want, err := parsePosition(middle)
		if err != nil {
			t.Fatal(err)
		}
		servertest.Eventually(t, time.Minute, "the slot to be where it was acknowledged", func() (bool, error) {
			if got := confirmed(t, s); got != want.lsn {
				return false, fmt.Errorf("it is at %s, want %s", got, want.lsn)
			}
			return true, nil
		})
		f.close()
		again := follow(t, s, middle, "a") // killed before it was saved: all of it comes again
		again.until(end)
		wantLines(t, again.seen, "a_write 0")
	})
}

func confirmed(t testing.TB, s *Source) pglogrepl.LSN {
	t.Helper()
	st, err := s.slot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.confirmed
}
