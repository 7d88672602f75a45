package mysql

import (
	"context"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

const (
	// settleTime is how long a server may take to count what its log has already: a transaction is in the
	// log, and was sent, before it is among the executed ones.
	settleTime = time.Second
	// idleTime is how long a server may send nothing although its log has more.
	idleTime = time.Minute
)

// doubt watches whether the server that sends the log still has what was read of it, and whether it sends
// what it has. One that begins its log anew in a file of the same name does not say so to its readers: they
// wait for what never comes.
type doubt struct {
	mu     sync.Mutex
	head   position        // that was seen last; kind 0: none
	at     source.Position // how far the log was read when the head was looked at
	lacks  bool            // the head lacked it, or what the head before had; else it had more
	since  time.Time
	raised bool

	asked, heard time.Time // when the log was last waited for, and when something of it came
}

// look notes a head beside what was read, and reports whether it is time to connect anew, which finds out.
// It is so once for a position.
func (d *doubt) look(at source.Position, read, head position) bool {
	has, err := head.reached(read)
	if err != nil {
		return false // of another kind, if GTIDs were switched: the stream meets that itself
	}
	all, err := read.reached(head)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	grown, err := head.reached(d.head)
	lacks, now := !has || err == nil && !grown, time.Now()
	if !lacks {
		d.head = head
	}
	switch {
	case !lacks && all, d.at != at, d.lacks != lacks, !lacks && !d.waits(now):
		d.raised = d.raised && d.at == at
		d.at, d.lacks, d.since = at, lacks, now
		return false
	case d.raised, lacks && now.Sub(d.since) < settleTime, !lacks && now.Sub(d.since) < idleTime:
		return false
	}
	d.raised, d.head = true, head
	return true
}

// waits reports whether the stream has waited since a look, and nothing came.
func (d *doubt) waits(now time.Time) bool {
	return d.heard.Before(d.since) && now.Sub(d.asked) < idleTime
}

// ask notes that the log is waited for. That is often, since heartbeats come.
func (d *doubt) ask() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = time.Now()
}

// hear notes that something of the log has come.
func (d *doubt) hear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = time.Now()
}

// compare looks whether the head holds what a stream has read up to at, if it is of the same server.
func (st *stream) compare(ctx context.Context, at source.Position, head position, uuid string) {
	read, err := parsePosition(at)
	if err != nil || st.src.server().uuid != uuid || !st.doubt.look(at, read, head) {
		return
	}
	st.src.log.WarnContext(ctx, "the source does not have what was read of its log, or does not send more of it: looking at the server again")
	if l := st.current(); l != nil {
		l.hangUp()
	}
}

// isOfLog reports whether an event is more than a sign of life.
func isOfLog(raw []byte) bool {
	kind := replication.EventType(raw[4])
	return kind != replication.HEARTBEAT_EVENT && kind != replication.HEARTBEAT_LOG_EVENT_V2
}
