package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

const (
	batchEvents    = 1000                   // a batch has about this many events at most
	batchBytes     = 1 << 20                // and keys of about this many bytes
	batchDelay     = 100 * time.Millisecond // and waits so long for more, while more keeps coming
	keepaliveEvery = time.Second            // at most one batch without events in this time
	maxRefusals    = 10                     // so often in a row the server may refuse us before that is final
)

var errStreamClosed = errors.New("log stream is closed")

// stream pulls messages from a link, replaces the link when it breaks, and cuts batches.
type stream struct {
	src     *Source
	decoder *decoder
	beats   *heartbeat
	kept    time.Time // when a position was last handed out
	outage  source.Outage
	retries int // since the last batch
	failed  error
	done    chan struct{} // closed by Close
	durable atomic.Uint64 // an LSN: what was acknowledged

	mu     sync.Mutex
	resume position // the last one handed out: the only place to go on from
	link   *link
	closed bool
}

func newStream(s *Source, at position, subscriptions []source.Subscription) *stream {
	return &stream{
		src: s, decoder: newDecoder(s, subscriptions), beats: newHeartbeat(s), resume: at, kept: time.Now(),
		outage: source.Outage{Log: s.log, Refused: isRefusal}, done: make(chan struct{}),
	}
}

// Next returns the next batch.
func (st *stream) Next(ctx context.Context) (source.Batch, error) {
	if st.failed != nil {
		return source.Batch{}, st.failed
	}
	batch, err := st.next(ctx)
	if err != nil {
		err = fmt.Errorf("read log: %w", err)
		if ctx.Err() == nil {
			st.failed = err
		}
		return source.Batch{}, err
	}
	batch.Retries, st.retries = st.retries, 0
	return batch, nil
}

func (st *stream) next(ctx context.Context) (source.Batch, error) {
	for {
		st.beats.beat(ctx, st.decoder.end)
		batch, ok, err := st.cut(ctx)
		if err == nil && ok {
			return batch, nil
		}
		var m message
		if err == nil {
			m, ok, err = st.message(ctx)
		}
		if err == nil && ok {
			if err = st.decoder.decode(ctx, m); err == nil {
				st.outage.End(ctx)
				if m.data != nil {
					st.beats.last = time.Now()
				}
			}
		}
		if err != nil {
			if err := st.reconnect(ctx, err); err != nil {
				return source.Batch{}, err
			}
		}
	}
}

// message returns what the server sent next, or false when it is time for a keepalive, a heartbeat or a look at definitions.
func (st *stream) message(ctx context.Context) (message, bool, error) {
	wait := min(st.decoder.polls.wait(), st.beats.wait())
	if st.decoder.moved() {
		wait = min(wait, time.Until(st.kept.Add(keepaliveEvery)))
	}
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	return st.current().take(ctx, timer.C)
}

func (st *stream) current() *link {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.link
}

// cut takes a batch from what was decoded, if there is enough for one or no more to wait for.
func (st *stream) cut(ctx context.Context) (source.Batch, bool, error) {
	d := st.decoder
	if err := d.look(ctx); err != nil {
		return source.Batch{}, false, err
	}
	full := len(d.events) >= batchEvents || d.size >= batchBytes
	switch {
	case d.whole > 0 && (full || time.Since(d.since) > batchDelay || len(st.current().arrived) == 0):
		return st.hand(ctx, d.whole, true)
	case d.whole == 0 && full:
		return st.hand(ctx, len(d.events), false)
	case d.whole == 0 && d.moved() && time.Since(st.kept) >= keepaliveEvery:
		return st.hand(ctx, 0, true)
	}
	return source.Batch{}, false, nil
}

// hand makes a batch of the first n events, which ends at the last commit if whole.
func (st *stream) hand(ctx context.Context, n int, whole bool) (source.Batch, bool, error) {
	d := st.decoder
	behind, err := st.fence(ctx)
	if err != nil {
		return source.Batch{}, false, err
	}
	if slices.ContainsFunc(d.events[:n], func(e source.Event) bool { return !e.Action.OfRow() }) {
		if err := st.src.standby.raise(ctx); err != nil { // it may have been found in the catalog, ahead of the log
			return source.Batch{}, false, err
		}
	}
	batch := source.Batch{Events: d.take(n), Fence: behind, Time: d.time}
	if !whole {
		return batch, true, nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.resume.lsn = max(st.resume.lsn, d.end)
	st.kept, batch.Position = time.Now(), st.resume.text()
	return batch, true, nil
}

// fence covers all that was decoded, the transaction that is under way included: each read behind it waits
// for the whole of it.
func (st *stream) fence(ctx context.Context) (source.Fence, error) {
	d := st.decoder
	if len(d.unseen.xids) > 0 || time.Since(d.unseen.looked) > snapshotAge {
		now, err := st.src.currentSnapshot(ctx)
		if err != nil {
			return "", err
		}
		d.unseen.prune(now)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	at := max(st.resume.lsn, d.end)
	if d.inside { // the commit's record begins there, and a standby has to be behind it
		at = max(at, d.commit+1)
	}
	return fence{system: st.resume.system, lsn: at, xids: d.unseen.xids}.text(), nil
}

// reconnect replaces the link. Everything since the last position handed out comes again.
func (st *stream) reconnect(ctx context.Context, cause error) error {
	for {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case st.ended():
			return errStreamClosed
		case isFinal(st.src.explained(cause)):
			return st.src.explained(cause)
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
	bounded, cancel := context.WithTimeoutCause(ctx, st.src.cfg.DialTimeout+st.src.cfg.StallTimeout, errMute)
	defer cancel()
	conn, who, err := st.src.dialLog(bounded)
	if err != nil {
		return err
	}
	st.mu.Lock()
	at := st.resume
	st.mu.Unlock()
	var l *link
	var confirmed pglogrepl.LSN
	timeline := at.timeline
	if at, confirmed, err = st.src.verify(bounded, conn, who, at); err == nil {
		st.acked(confirmed)
		st.beats.begin()
		if at.timeline != timeline { // connections for reading may lead to the former primary, if that lives
			st.src.pool.Reset()
		}
		err = st.decoder.reset(bounded, at.lsn, at.timeline != timeline)
	}
	if err == nil {
		l, err = st.src.startFree(bounded, conn, at.lsn, &st.durable)
	}
	if err != nil {
		return errors.Join(err, hangUp(conn))
	}
	st.src.setSlotted(true)
	st.src.standby.on(at.timeline)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.resume, st.link = at, l
	if st.closed {
		l.close()
		return errStreamClosed
	}
	return nil
}

// Ack lets the server drop its log up to a position, which is durable.
func (st *stream) Ack(_ context.Context, at source.Position) error {
	p, err := parsePosition(at)
	if err != nil {
		return err
	}
	st.acked(p.lsn)
	return nil
}

// acked raises what is durable. It is never zero while a link runs, which would be taken for what was received.
func (st *stream) acked(lsn pglogrepl.LSN) {
	for {
		before := st.durable.Load()
		if uint64(lsn) <= before || st.durable.CompareAndSwap(before, uint64(lsn)) {
			return
		}
	}
}

// Close ends the stream. What was acknowledged is said to the server once more.
func (st *stream) Close(context.Context) error {
	st.mu.Lock()
	l, was := st.link, st.closed
	if !st.closed {
		st.closed = true
		close(st.done)
	}
	st.mu.Unlock()
	if l != nil && !was {
		l.close()
	}
	return nil
}
