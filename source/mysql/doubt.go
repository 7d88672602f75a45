package mysql

import (
	"context"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// settleTime is how long a server may take to count what its log has already: a transaction is in the
// log, and was sent, before it is among the executed ones.
const settleTime = time.Second

// doubt watches whether the server that sends the log still has what was read of it. One that begins
// its log anew in a file of the same name does not say so to its readers: they wait for what never comes.
type doubt struct {
	mu     sync.Mutex
	at     source.Position // that the server's head lacked when it was last looked at; empty: none
	since  time.Time
	raised bool
}

// raise notes what a look at the head has shown of a position that was read, and reports whether it is
// time to connect anew, which finds out. It is so once for a position.
func (d *doubt) raise(at source.Position, lacking bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !lacking:
		d.at = ""
	case d.at != at:
		d.at, d.since, d.raised = at, time.Now(), false
	case !d.raised && time.Since(d.since) >= settleTime:
		d.raised = true
		return true
	}
	return false
}

// compare looks whether the head holds what a stream has read up to at, if it is of the same server.
func (st *stream) compare(ctx context.Context, at source.Position, head position, uuid string) {
	read, err := parsePosition(at)
	if err != nil || st.src.server().uuid != uuid {
		return
	}
	has, err := head.reached(read)
	if err != nil || !st.doubt.raise(at, !has) {
		return // of another kind, if GTIDs were switched: the stream meets that itself
	}
	st.src.log.WarnContext(ctx, "the source does not have what was read of its log: looking at the server again")
	if l := st.current(); l != nil {
		l.hangUp()
	}
}
