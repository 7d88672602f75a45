package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

const (
	batchEvents    = 1000                   // a batch has about this many events at most
	batchBytes     = 1 << 20                // and keys of about this many bytes
	batchDelay     = 100 * time.Millisecond // and waits so long for more, while more keeps coming
	keepaliveEvery = time.Second            // at most one batch without events in this time
	maxRefusals    = 10                     // so often in a row the server may refuse us before that is final
	dialTries      = 10                     // so often an address that leads to several servers is tried for two connections to one
)

var errStreamClosed = errors.New("log stream is closed")

// stream pulls events from a link, replaces the link when it breaks, and cuts batches.
type stream struct {
	src      *Source
	decoder  *logDecoder
	events   [][]byte // taken from the link, not yet decoded
	serverID uint32
	kept     time.Time // when a position was last handed out
	outage   source.Outage
	retries  int // since the last batch
	failed   error
	done     chan struct{} // closed by Close

	doubt doubt

	mu     sync.Mutex
	resume source.Position // the last one handed out: the only place to go on from
	link   *link
	closed bool
}

func newStream(s *Source, at position, subscriptions []source.Subscription) *stream {
	return &stream{
		src: s, decoder: newDecoder(s, at, subscriptions), resume: at.text(), kept: time.Now(),
		outage: source.Outage{Log: s.log, Refused: isRefusal}, done: make(chan struct{}),
	}
}

// Next returns the next batch.
func (st *stream) Next(ctx context.Context) (source.Batch, error) {
	if st.failed != nil {
		return source.Batch{}, st.failed
	}
	batch, err := st.next(ctx)
	if err == nil {
		batch.Retries, st.retries = st.retries, 0
		return batch, nil
	}
	err = fmt.Errorf("read log: %w", err)
	if ctx.Err() == nil {
		st.failed = err
	}
	return source.Batch{}, err
}

func (st *stream) next(ctx context.Context) (source.Batch, error) {
	for {
		st.decoder.revealAll(ctx)
		if batch, ok := st.cut(); ok {
			return batch, nil
		}
		raw, err := st.decoder.inner()
		if err != nil {
			return source.Batch{}, err
		}
		if raw == nil {
			raw, err = st.event(ctx)
		}
		if err == nil && raw != nil {
			if err = st.decoder.decode(ctx, raw); err == nil && st.decoder.live {
				st.outage.End(ctx)
			}
			if err != nil && !errors.As(err, new(*passingError)) {
				return source.Batch{}, err
			}
		}
		if err != nil {
			if err := st.reconnect(ctx, err); err != nil {
				return source.Batch{}, err
			}
		}
	}
}

// event returns the next event that the server sent, or nil when it is time for a keepalive.
func (st *stream) event(ctx context.Context) ([]byte, error) {
	if len(st.events) == 0 {
		var alarm <-chan time.Time
		if st.decoder.moved {
			timer := time.NewTimer(time.Until(st.kept.Add(keepaliveEvery)))
			defer timer.Stop()
			alarm = timer.C
		}
		st.doubt.ask()
		events, err := st.current().take(ctx, alarm)
		if err != nil || events == nil {
			return nil, err
		}
		st.events = events
		if slices.ContainsFunc(events, isOfLog) {
			st.doubt.hear()
		}
	}
	raw := st.events[0]
	st.events = st.events[1:]
	return raw, nil
}

func (st *stream) current() *link {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.link
}

// more reports whether the next event is here already.
func (st *stream) more() bool {
	return len(st.events) > 0 || st.decoder.payload != nil || st.current().waiting()
}

// cut takes a batch from what was decoded, if there is enough for one or no more to wait for.
func (st *stream) cut() (source.Batch, bool) {
	d := st.decoder
	full := len(d.events) >= batchEvents || d.size >= batchBytes
	switch {
	case d.whole > batchEvents+batchEvents/2:
		return d.take(batchEvents), true // one event of the log can hold more rows than a batch
	case d.whole > 0 && (full || time.Since(d.since) > batchDelay || !st.more()):
		return st.position(d.take(d.whole)), true
	case d.whole == 0 && full:
		return d.take(len(d.events)), true
	case d.whole == 0 && !d.group.cut && (d.moved || d.beat) && time.Since(st.kept) >= keepaliveEvery:
		return st.position(source.Batch{Fence: d.at.fence(), Time: d.time}), true
	}
	return source.Batch{}, false
}

// position ends a batch at the last commit.
func (st *stream) position(batch source.Batch) source.Batch {
	d := st.decoder
	batch.Position = d.at.text()
	st.goOnFrom(batch.Position)
	st.kept, d.moved, d.beat = time.Now(), false, false
	return batch
}

func (st *stream) goOnFrom(at source.Position) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.resume = at
}

func (st *stream) readTo() source.Position {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.resume
}

// reconnect replaces the link. Everything since the last position handed out comes again.
func (st *stream) reconnect(ctx context.Context, cause error) error {
	for {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case st.ended():
			return errStreamClosed
		case isFinal(cause), isEvicted(cause) && st.src.cfg.ServerID != 0:
			return st.final(ctx, cause)
		case isEvicted(cause):
			st.serverID = 0 // choose another
		}
		st.retries++
		if st.outage.Add(ctx, cause) > maxRefusals {
			return st.src.explained(cause)
		}
		if open, err := st.outage.Wait(ctx, st.done); err != nil {
			return err
		} else if !open {
			return errStreamClosed
		}
		if cause = st.connect(ctx); cause == nil {
			return nil
		}
	}
}

// final says why the log has ended. A server whose log begins anew under its readers gives them an
// answer that says nothing of that.
func (st *stream) final(ctx context.Context, cause error) error {
	if !isEvicted(cause) && !errors.Is(cause, source.ErrPositionLost) {
		if err := st.src.Verify(ctx, st.readTo()); errors.Is(err, source.ErrPositionLost) {
			return err
		}
	}
	return st.src.explained(cause)
}

func (st *stream) ended() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.closed
}

// connect makes a link that goes on after the last position handed out.
func (st *stream) connect(ctx context.Context) error {
	if old := st.current(); old != nil {
		old.close()
	}
	at, err := parsePosition(st.readTo())
	if err != nil {
		return err
	}
	info, at, l, err := st.dial(ctx, at)
	if err != nil {
		return err
	}
	st.goOnFrom(at.text()) // with proof, from now on
	st.events = nil
	st.decoder.reset(at, info)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.link = l
	if st.closed {
		l.close()
		return errStreamClosed
	}
	return nil
}

// dial makes a link to a server of whose history the position is part. An address may lead to several
// servers: it is tried again until the one that was looked at is the one that sends its log.
func (st *stream) dial(ctx context.Context, at position) (server, position, *link, error) {
	s := st.src
	for try := 1; ; try++ {
		info, proven, err := s.verify(ctx, at)
		var l *link
		if err == nil {
			s.meet(info)
			if st.serverID == 0 {
				st.serverID = s.freeServerID(ctx)
			}
			l, err = s.dialLog(ctx, dialing{server: info, at: proven, serverID: st.serverID, heartbeat: s.cfg.Heartbeat})
		}
		if !errors.Is(err, errOtherServer) || try == dialTries {
			return info, proven, l, err
		}
	}
}

// suspect notes that rows come from a server that does not reach what the log said, and that it is
// not the one whose log is read: the link is cut, so that connecting anew finds out where we are.
func (s *Source) suspect(ctx context.Context, uuid string) {
	s.mu.Lock()
	st := s.open
	if st == nil || uuid == s.info.uuid || uuid == s.suspected {
		st = nil
	} else {
		s.suspected = uuid
	}
	s.mu.Unlock()
	if st == nil {
		return
	}
	s.log.WarnContext(ctx, "rows are read from another server than the log, which does not reach what the log said: looking at the server again",
		slog.String("server", uuid))
	if l := st.current(); l != nil {
		l.hangUp()
	}
}

// Ack does nothing: the server keeps its log by time, not for us.
func (st *stream) Ack(context.Context, source.Position) error { return nil }

// Close ends the stream.
func (st *stream) Close(context.Context) error {
	st.mu.Lock()
	l := st.link
	if !st.closed {
		st.closed = true
		close(st.done)
	}
	st.mu.Unlock()
	if l != nil {
		l.close()
	}
	return nil
}
