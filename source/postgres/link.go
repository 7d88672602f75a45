package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/meepo-replicate/meepo/source"
)

// linkWindow is how many messages of the log a link holds for whoever reads it, and linkBytes of how many
// bytes at most.
const (
	linkWindow = 4096
	linkBytes  = 8 << 20
)

// message is what the server sent: a piece of the log, or how far it is.
type message struct {
	data []byte        // of pgoutput; nil: a keepalive
	end  pglogrepl.LSN // of a keepalive: everything before was sent
}

// link is one connection on which the server sends its log. A goroutine of its own answers the server
// whatever its reader does: the server drops who is silent.
type link struct {
	conn    *pgconn.PgConn
	every   time.Duration // between replies
	stall   time.Duration
	durable *atomic.Uint64 // an LSN: what was acknowledged to the stream
	stops   func(context.Context) bool

	arrived chan message
	bytes   atomic.Int64 // that arrived holds
	room    chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
	failure error // why it ended; read after done

	received  pglogrepl.LSN
	stopping  stopping
	closeOnce sync.Once
}

// startLink has the server send its log from a place on.
func (s *Source) startLink(ctx context.Context, conn *pgconn.PgConn, from pglogrepl.LSN, durable *atomic.Uint64) (*link, error) {
	plugin := []string{"proto_version '1'", "publication_names '" + quoteLiteral(quote(s.cfg.Publication)) + "'"}
	if s.server().atLeast(14) {
		plugin = append(plugin, "messages 'true'")
	}
	err := pglogrepl.StartReplication(ctx, conn, s.cfg.Slot, from, pglogrepl.StartReplicationOptions{PluginArgs: plugin})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &link{
		conn: conn, every: s.cfg.Heartbeat, stall: s.cfg.StallTimeout, durable: durable, stops: s.stops, received: from,
		arrived: make(chan message, linkWindow), room: make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
	}
	go l.run(running)
	return l, nil
}

// slotPatience is how long a slot may be in use: the server notices only after a while that its reader is gone.
const slotPatience = 10 * time.Second

// startFree is startLink for a slot that somebody may still be leaving.
func (s *Source) startFree(ctx context.Context, conn *pgconn.PgConn, from pglogrepl.LSN, durable *atomic.Uint64) (*link, error) {
	began := time.Now()
	for pause := (source.Backoff{Limit: 200 * time.Millisecond}); ; {
		l, err := s.startLink(ctx, conn, from, durable)
		if !isCode(err, codeInUse) || time.Since(began) > slotPatience {
			return l, err
		}
		if err := pause.Wait(ctx); err != nil {
			return nil, err
		}
	}
}

// run reads and answers until the connection breaks or the link is closed.
func (l *link) run(ctx context.Context) {
	defer close(l.done)
	l.failure = l.serve(ctx)
	if ctx.Err() != nil {
		_ = l.reply(context.WithoutCancel(ctx)) // what was acknowledged last; without it the next reader says it
	}
	_ = hangUp(l.conn) // at once, however busy the reader is; whatever it says, it is over
}

func (l *link) serve(ctx context.Context) error {
	heard, replied := time.Now(), time.Time{}
	for {
		if now := time.Now(); now.Sub(replied) >= l.every {
			if err := l.reply(ctx); err != nil {
				return err
			}
			replied = now
		}
		until, cancel := context.WithDeadline(ctx, replied.Add(l.every))
		raw, err := l.conn.ReceiveMessage(until)
		cancel()
		switch {
		case ctx.Err() != nil:
			return errStreamClosed
		case err != nil && pgconn.Timeout(err):
			if time.Since(heard) > l.stall {
				return fmt.Errorf("the server was silent for %v", l.stall)
			}
			continue
		case err != nil:
			return err
		}
		m, urgent, err := l.parse(raw)
		if err != nil {
			return err
		}
		if urgent {
			if l.stopping.heard(heard) {
				return errStopping
			}
			replied = heard.Add(answerEvery - l.every)
		}
		if len(m.data) > 0 {
			l.stopping = stopping{}
		}
		if err := l.push(ctx, m, &replied); err != nil {
			return err
		}
		heard = time.Now() // after the push: while we were full, the server could not speak
	}
}

// answerEvery is how often a server that wants an answer gets one.
const answerEvery = 100 * time.Millisecond

// fullPatience is how long nothing is read, because there is no room, until it is asked whether the server wants to
// stop: what it says of that comes after what is not read.
const fullPatience = 3 * time.Second

var errStopping = errors.New("the server wants to stop")

// stopping notices a server that is shutting down. It does not end before its readers have acknowledged everything,
// which may take as long as a target is away, and asks them for that again and again. A living one has no reason to,
// since it hears of us every second.
type stopping struct {
	since time.Time
	asked int
}

// heard takes in that the server wants an answer, and reports whether it has asked for too long.
func (s *stopping) heard(now time.Time) bool {
	if s.asked == 0 || now.Sub(s.since) > 30*time.Second {
		*s = stopping{since: now}
	}
	s.asked++
	return s.asked >= 10 && now.Sub(s.since) > 3*time.Second
}

// parse reads one message. urgent: the server wants an answer now.
func (l *link) parse(raw pgproto3.BackendMessage) (m message, urgent bool, err error) {
	switch raw := raw.(type) {
	case *pgproto3.ErrorResponse:
		return m, false, pgconn.ErrorResponseToPgError(raw)
	case *pgproto3.CopyData:
		switch raw.Data[0] {
		case pglogrepl.PrimaryKeepaliveMessageByteID:
			k, err := pglogrepl.ParsePrimaryKeepaliveMessage(raw.Data[1:])
			l.received = max(l.received, k.ServerWALEnd)
			return message{end: k.ServerWALEnd}, k.ReplyRequested, err
		case pglogrepl.XLogDataByteID:
			x, err := pglogrepl.ParseXLogData(raw.Data[1:])
			l.received = max(l.received, x.WALStart)
			return message{data: append([]byte(nil), x.WALData...)}, false, err
		}
	case *pgproto3.CopyDone:
		return m, false, errors.New("the server has ended the log")
	}
	return m, false, nil // a notice
}

// push hands a message over, and answers the server while there is no room.
func (l *link) push(ctx context.Context, m message, replied *time.Time) error {
	if m.data == nil && m.end == 0 {
		return nil
	}
	ticker := time.NewTicker(l.every)
	defer ticker.Stop()
	size := int64(len(m.data))
	for full := time.Now(); ; {
		into := l.arrived
		if l.bytes.Load() > 0 && l.bytes.Load()+size > linkBytes {
			into = nil // one message may be larger than all
		}
		select {
		case into <- m:
			l.bytes.Add(size)
			return nil
		case <-l.room:
		case <-ctx.Done():
			return errStreamClosed
		case <-ticker.C:
			if err := l.reply(ctx); err != nil {
				return err
			}
			*replied = time.Now()
			if time.Since(full) > fullPatience {
				if l.stops(ctx) {
					return errStopping
				}
				full = time.Now()
			}
		}
	}
}

// reply says how far we are: what was received, and what is durable, up to which the server may drop its log.
// It asks for an answer, which says how far the log is, and that the server lives.
func (l *link) reply(ctx context.Context) error {
	durable := pglogrepl.LSN(l.durable.Load())
	return pglogrepl.SendStandbyStatusUpdate(ctx, l.conn, pglogrepl.StandbyStatusUpdate{
		WALWritePosition: max(l.received, durable), WALFlushPosition: durable, WALApplyPosition: durable,
		ClientTime: time.Now(), ReplyRequested: true,
	})
}

// take returns the next message, and false when the alarm comes first.
func (l *link) take(ctx context.Context, alarm <-chan time.Time) (message, bool, error) {
	select {
	case m := <-l.arrived:
		l.taken(m)
		return m, true, nil
	default:
	}
	select {
	case m := <-l.arrived:
		l.taken(m)
		return m, true, nil
	case <-alarm:
		return message{}, false, nil
	case <-ctx.Done():
		return message{}, false, context.Cause(ctx)
	case <-l.done:
		select {
		case m := <-l.arrived: // the rest
			l.taken(m)
			return m, true, nil
		default:
			return message{}, false, l.failure
		}
	}
}

func (l *link) taken(m message) {
	l.bytes.Add(-int64(len(m.data)))
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// close ends the connection and waits for the goroutine.
func (l *link) close() {
	l.closeOnce.Do(func() {
		l.stop()
		<-l.done
	})
}
