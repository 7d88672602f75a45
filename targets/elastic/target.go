package elastic

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/meepo-replicate/meepo/targets"
)

// Target is an Elasticsearch that documents are written to.
type Target struct {
	config Config
	client *client

	maxBytes  atomic.Int64 // of a bulk request: as configured, or what the server takes
	marksMade atomic.Bool
	blockedAt sync.Map // time.Time of the last warning by destination
	routed    sync.Map // the names of prepared destinations whose documents have a routing

	mu    sync.Mutex
	scans map[targets.Cursor]*scan
	drawn int // cursors given out
}

var (
	_ targets.Writer   = (*Target)(nil)
	_ targets.Scanner  = (*Target)(nil)
	_ targets.Reader   = (*Target)(nil)
	_ targets.Preparer = (*Target)(nil)
)

// Open returns a target. It sends nothing yet, so that a run can start while Elasticsearch is
// away; Check and Prepare tell whether it is there.
func Open(_ context.Context, config Config) (*Target, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("open elastic: %w", err)
	}
	config = config.withDefaults()
	c, err := newClient(config)
	if err != nil {
		return nil, fmt.Errorf("open elastic: %w", err)
	}
	t := &Target{config: config, client: c, scans: map[targets.Cursor]*scan{}}
	t.maxBytes.Store(int64(config.MaxBulkBytes))
	return t, nil
}

// Close ends unfinished scans on the server and closes the connections.
func (t *Target) Close(ctx context.Context) error {
	t.mu.Lock()
	var open []string
	for cursor, s := range t.scans {
		open = append(open, s.scrollID)
		delete(t.scans, cursor)
	}
	t.mu.Unlock()
	for _, id := range open {
		t.clearScroll(ctx, id)
	}
	t.client.transport.CloseIdleConnections()
	return nil
}
