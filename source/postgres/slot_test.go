package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestSlot_TwoPhase: a slot that tells of transactions when they are prepared is refused, before it is taken over and when it
// has taken the place of ours.
func TestSlot_TwoPhase(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		from := head(t, s)
		f := follow(t, s, from, "a")
		dropSlot(t, d)
		d.Exec(t, "SELECT pg_create_logical_replication_slot('"+d.Name+"', 'pgoutput', false, true)")
		again := openTest(t, d)
		_, _, err := again.Head(t.Context())
		wantAdvice(t, err, "two_phase", "drop-slot")
		findings, err := again.Check(t.Context(), nil)
		if text := fmt.Sprint(findings); err != nil || !strings.Contains(text, "two_phase") {
			t.Errorf("check: %s, %v", text, err)
		}
		now, _, err := again.head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantAdvice(t, again.Verify(t.Context(), now.text()), "two_phase", "drop-slot")
		f.stream.(*stream).resume = now
		wantAdvice(t, f.toEnd(), "two_phase", "drop-slot") // and is not tried again and again
	})
}

// TestDropSlot_Others: a slot of another plugin is somebody else's.
func TestDropSlot_Others(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "SELECT pg_create_physical_replication_slot('"+d.Name+"')")
		if dropped, err := s.DropSlot(t.Context()); dropped || err == nil || !strings.Contains(err.Error(), "none of ours") {
			t.Errorf("dropped: %v, %v", dropped, err)
		}
		if n := d.QueryInt(t, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '"+d.Name+"'"); n != 1 {
			t.Fatal("the slot is gone")
		}
		d.Exec(t, "SELECT pg_drop_replication_slot('"+d.Name+"')")
	})
}
