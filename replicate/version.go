package replicate

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

const (
	// leaseSpan is how far ahead of the clock versions are reserved in the state, in microseconds.
	leaseSpan = int64(time.Minute / time.Microsecond)
	// highest is the highest version of somebody else's that ours go above: behind it a lease has no room, and all others
	// would have to go up there, too.
	highest = math.MaxInt64 - 1<<40
	// clockAge is how long a reading of the source's clock is carried on by our own.
	clockAge = time.Minute
)

// versions issues the versions that order writes (invariant 5): microseconds of the source
// server's clock, each higher than all before, none above a ceiling that the state holds already.
type versions struct {
	clock source.Clock
	save  func(context.Context, state.Change) error

	offset atomic.Int64 // source's clock minus ours, ns; read without waiting for a source that hangs

	mu    sync.Mutex
	last  int64
	lease state.Lease // what this run may issue; zero: none taken yet
	old   []state.Lease
	cut   []state.Lease // of old: ended early by raise, and not saved as such yet
	read  time.Time     // when offset was measured for a version
}

func newVersions(clock source.Clock, leases []state.Lease, save func(context.Context, state.Change) error) *versions {
	v := &versions{clock: clock, save: save, old: leases}
	for _, l := range leases {
		v.last = max(v.last, l.High)
	}
	return v
}

// next draws a version. It must be drawn before the snapshot of the read it is for. All documents
// of one read may share it, since a document is in flight once.
func (v *versions) next(ctx context.Context) (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, err := v.now(ctx)
	if err != nil {
		return 0, err
	}
	version := max(v.last+1, now.UnixMicro())
	if version >= v.lease.High {
		lease := v.lease
		if lease.Low == 0 {
			lease.Low = version
		}
		lease.High = version + leaseSpan
		for len(v.cut) > 0 {
			if err := v.save(ctx, state.Change{Lease: &v.cut[0]}); err != nil {
				return 0, err
			}
			v.cut = v.cut[1:]
		}
		if err := v.save(ctx, state.Change{Lease: &lease}); err != nil {
			return 0, err
		}
		v.lease = lease
	}
	v.last = version
	return version, nil
}

// now returns the source's time. The mutex is held.
func (v *versions) now(ctx context.Context) (time.Time, error) {
	if v.read.IsZero() || time.Since(v.read) > clockAge {
		before := time.Now()
		now, err := v.clock.Now(ctx)
		if err != nil && v.read.IsZero() {
			return time.Time{}, err
		}
		if err == nil {
			v.measured(now.Sub(before))
		}
		v.read = before // after an error the old offset serves on: versions never go back anyway
	}
	return v.sourceNow(), nil
}

// sourceNow returns the source's time as far as it is known.
func (v *versions) sourceNow() time.Time {
	return time.Now().Add(time.Duration(v.offset.Load()))
}

// measured takes a reading of the source's clock into account.
func (v *versions) measured(offset time.Duration) { v.offset.Store(int64(offset)) }

// ours reports whether this run has issued the version, or an earlier run on this state may have.
func (v *versions) ours(version int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if version >= v.lease.Low && version <= v.last && v.lease.Low != 0 {
		return true
	}
	for _, l := range v.old {
		if version >= l.Low && version < l.High {
			return true
		}
	}
	return false
}

// raise makes every later version higher than the given one, which somebody else has issued.
// The current lease ends there, so that versions between are not taken for ours, in this run or later.
func (v *versions) raise(above int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if above < v.last {
		return
	}
	if v.lease.Low != 0 {
		issued := state.Lease{Low: v.lease.Low, High: v.last + 1}
		v.old, v.cut = append(v.old, issued), append(v.cut, issued)
	}
	v.last = above
	v.lease = state.Lease{}
}
