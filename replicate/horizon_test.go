package replicate

import (
	"fmt"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestHorizon_ManyHeads: however many heads are seen while the log is stalled, little is kept of
// them, and lag is never said smaller than it is, nor much larger.
func TestHorizon_ManyHeads(t *testing.T) {
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	const heads = 10_000
	at := func(n int) time.Time { return began.Add(time.Duration(n) * 5 * time.Second) }
	place := func(n int) source.Position { return source.Position(fmt.Sprintf("mem:%d", n)) }
	h := newHorizon(sourcetest.NewMemory(), state.Checkpoint{})
	for n := 1; n <= heads; n++ {
		h.seen(place(n), at(n))
		if len(h.ahead) > headsKept {
			t.Fatalf("%d heads are kept", len(h.ahead))
		}
	}
	now := at(heads)
	for saved := 0; saved < heads; saved += 7 {
		truth, said := now.Sub(at(saved+1)), h.lag(place(saved), now)
		if said < truth || said > truth+4*now.Sub(began)/headsKept {
			t.Fatalf("at %d lag is %v, want %v or a little more", saved, said, truth)
		}
	}
	if lag := h.lag(place(heads), now); lag != 0 {
		t.Errorf("at the last head lag is %v", lag)
	}
}
