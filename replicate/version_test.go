package replicate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
)

// scriptedClock is a source's clock that a test sets.
type scriptedClock struct {
	now time.Time
	err error
}

func (c *scriptedClock) Now(context.Context) (time.Time, error) { return c.now, c.err }

// leases keep what was saved, as the state does: one per low end.
type leases map[int64]state.Lease

func (l leases) save(_ context.Context, c state.Change) error {
	if c.Lease != nil {
		l[c.Lease.Low] = *c.Lease
	}
	return nil
}

func (l leases) high() (high int64) {
	for _, lease := range l {
		high = max(high, lease.High)
	}
	return high
}

func (l leases) list() (list []state.Lease) {
	for _, lease := range l {
		list = append(list, lease)
	}
	return list
}

func draw(t *testing.T, v *versions) int64 {
	t.Helper()
	version, err := v.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// TestVersions_RiseBelowTheSavedCeiling draws versions while the clock goes on, stands and is set
// back, foreign versions come up, and the process is restarted.
func TestVersions_RiseBelowTheSavedCeiling(t *testing.T) {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	clock, saved := &scriptedClock{now: start}, leases{}
	v := newVersions(clock, nil, saved.save)
	first := draw(t, v)
	if off := first - start.UnixMicro(); off < 0 || off > time.Minute.Microseconds() {
		t.Errorf("the first version is %d µs off the source's clock", off)
	}
	last, all := first, []int64{first}
	for round := range 50 {
		switch round % 5 {
		case 1:
			clock.now = clock.now.Add(time.Hour)
		case 2:
			clock.now = clock.now.Add(-2 * time.Hour)
		case 3:
			v.raise(last + int64(round)*time.Second.Microseconds())
		case 4:
			v = newVersions(clock, saved.list(), saved.save)
		}
		v.read = time.Time{} // look at the clock again
		for range 3 {
			version := draw(t, v)
			if version <= last {
				t.Fatalf("round %d: version %d after %d", round, version, last)
			}
			if version >= saved.high() {
				t.Fatalf("round %d: version %d, but only those below %d are saved as ours", round, version, saved.high())
			}
			last, all = version, append(all, version)
		}
	}
	for _, version := range all {
		if !v.ours(version) {
			t.Errorf("version %d is not known as ours", version)
		}
	}
}

func TestVersions_ForeignOnes(t *testing.T) {
	clock, saved := &scriptedClock{now: time.Now()}, leases{}
	v := newVersions(clock, nil, saved.save)
	if v.ours(clock.now.UnixMicro()) {
		t.Error("a version is ours before any was issued")
	}
	mine := draw(t, v)
	for _, foreign := range []int64{mine - 1, mine + 1, mine + 5*leaseSpan, 1} {
		if v.ours(foreign) {
			t.Errorf("%d is ours, though only %d was issued", foreign, mine)
		}
	}
	foreign := mine + leaseSpan/2
	v.raise(foreign)
	above := draw(t, v)
	if above <= foreign {
		t.Errorf("version %d after %d was raised", above, foreign)
	}
	if v.ours(foreign) || !v.ours(mine) || !v.ours(above) {
		t.Errorf("ours: foreign %v, before %v, after %v", v.ours(foreign), v.ours(mine), v.ours(above))
	}
	v.raise(mine) // long passed
	if next := draw(t, v); next <= above {
		t.Errorf("version %d after %d", next, above)
	}
	if restarted := newVersions(clock, saved.list(), saved.save); restarted.ours(foreign) {
		t.Error("after a restart the foreign version is taken for ours")
	}
}

func TestVersions_NothingWithoutTheSave(t *testing.T) {
	full := errors.New("disk full")
	v := newVersions(&scriptedClock{now: time.Now()}, nil, func(context.Context, state.Change) error { return full })
	if version, err := v.next(t.Context()); !errors.Is(err, full) {
		t.Errorf("version %d, %v", version, err)
	}
}

func TestVersions_ClockThatDoesNotAnswer(t *testing.T) {
	silent := errors.New("gone away")
	clock, saved := &scriptedClock{err: silent}, leases{}
	v := newVersions(clock, nil, saved.save)
	if _, err := v.next(t.Context()); !errors.Is(err, silent) {
		t.Errorf("first reading: %v", err)
	}
	clock.now, clock.err = time.Now(), nil
	before := draw(t, v)
	clock.err, v.read = silent, v.read.Add(-2*clockAge)
	if after := draw(t, v); after <= before {
		t.Errorf("version %d after %d", after, before)
	}
}
