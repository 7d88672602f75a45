package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestSlotInvalidated: the server gives up a slot that would hold back more than it may. The stream that reads it ends, and so
// does every start behind it, with what to do; a start without a position makes the slot anew.
func TestSlotInvalidated(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor, "-c", "max_slot_wal_keep_size=16MB")
			d, other := p.Open(t), p.Open(t)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
			s := openTest(t, d)
			from := head(t, s)
			f := follow(t, s, from, "a")
			d.Exec(t, "INSERT INTO a VALUES (1)")
			f.untilSeen("a_write 1") // and acknowledges nothing
			loseSlot(t, d, other)
			err := f.toEnd()
			wantLost(t, err)
			wantAdvice(t, err, "lost its WAL", "max_slot_wal_keep_size")
			_, err = s.Open(t.Context(), from, nil)
			wantLost(t, err)
			err = s.Verify(t.Context(), from)
			wantLost(t, err)
			wantAdvice(t, err, "lost its WAL", "max_slot_wal_keep_size")

			conn, _, err := s.dialLog(t.Context()) // it was given up after it was looked at
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.startLink(t.Context(), conn, 0, &f.stream.(*stream).durable)
			wantLost(t, s.explained(err))
			if err := hangUp(conn); err != nil {
				t.Error(err)
			}

			findings, err := s.Check(t.Context(), nil)
			if err != nil || !strings.Contains(fmt.Sprint(findings), "has lost its WAL: ") {
				t.Errorf("check: %+v, %v", findings, err)
			}
			again := openTest(t, d)
			f = follow(t, again, head(t, again), "a")
			d.Exec(t, "INSERT INTO a VALUES (2)")
			f.untilSeen("a_write 2")
			wantLines(t, f.seen, "a_write 2")
		})
	}
}

// loseSlot has another database write until the server gives up our slot.
func loseSlot(t *testing.T, d, other *servertest.Database) {
	t.Helper()
	other.Exec(t, "CREATE TABLE filler (v text)")
	servertest.Eventually(t, time.Minute, "the slot to be given up", func() (bool, error) {
		other.Exec(t, "INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 20000) i")
		other.Exec(t, "CHECKPOINT")
		status := d.QueryString(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '"+d.Name+"'")
		if status != statusLost {
			return false, fmt.Errorf("its WAL is %s", status)
		}
		return true, nil
	})
}

func wantAdvice(t *testing.T, err error, message, advice string) {
	t.Helper()
	if !strings.Contains(fmt.Sprint(err), message) || !strings.Contains(hintOf(err), advice) {
		t.Errorf("error %v, hint %q, want %q and %q", err, hintOf(err), message, advice)
	}
}

// TestKeepsLonger: the advice is that of the reason that the server gives.
func TestKeepsLonger(t *testing.T) {
	s := &Source{}
	for reason, want := range map[string]string{"": "max_slot_wal_keep_size", "wal_removed": "max_slot_wal_keep_size", "idle_timeout": "idle_replication_slot_timeout", "wal_level_insufficient": "wal_level"} {
		err := s.lost(slotState{status: statusLost, reason: reason})
		wantLost(t, err)
		wantAdvice(t, err, source.ErrPositionLost.Error(), want)
	}
}
