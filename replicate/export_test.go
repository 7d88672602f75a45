package replicate

import "context"

// DrawVersion draws a version as a read would.
func (r *Replicator) DrawVersion(ctx context.Context) (int64, error) { return r.versions.next(ctx) }

// Dirty is how many documents are dirty or in flight.
func (r *Replicator) Dirty() int {
	r.lanes.mu.Lock()
	defer r.lanes.mu.Unlock()
	return len(r.lanes.entries)
}

// Waiting is how many documents wait to be read.
func (r *Replicator) Waiting() int {
	r.lanes.mu.Lock()
	defer r.lanes.mu.Unlock()
	return r.lanes.waiting
}

// Blocked reports whether the intake waits for documents to be written.
func (r *Replicator) Blocked() bool {
	r.lanes.mu.Lock()
	defer r.lanes.mu.Unlock()
	return r.lanes.full()
}

// RateLimit returns how the limiter was made.
func (r *Replicator) RateLimit() (perSecond float64, burst int) {
	return float64(r.limiter.Limit()), r.limiter.Burst()
}

// Quiescing reports whether a job waits for what was in flight before it.
func (r *Replicator) Quiescing() bool {
	r.lanes.mu.Lock()
	defer r.lanes.mu.Unlock()
	return len(r.lanes.barrier) > 0
}
