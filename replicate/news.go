package replicate

import (
	"context"
	"sync"
)

// news lets callers wait for a change of what a mutex guards. The zero news is ready.
type news struct{ changed chan struct{} } // nil: nobody waits

// spread wakes all who wait. The mutex is held.
func (n *news) spread() {
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

// wait gives up the mutex until something has changed or ctx has ended, and takes it again.
func (n *news) wait(ctx context.Context, mu *sync.Mutex) error {
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	changed := n.changed
	mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	mu.Lock()
	return context.Cause(ctx)
}
