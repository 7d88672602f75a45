package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

const (
	// queueBytes is how much of the log is held beyond what Next works on: enough to read ahead,
	// little enough that wide rows do not fill the memory.
	queueBytes = 4 << 20
	// slowConsumer is how long the server may find no room to send before it drops us, in seconds.
	// Its default of a minute would end every transaction that a slow target takes longer for.
	slowConsumer = 3600
)

var errLinkClosed = errors.New("log connection is closed")

// link is one connection over which the server sends its log, and a queue of events not yet
// decoded. It does not mend itself: a broken link is replaced, see stream.
type link struct {
	syncer *replication.BinlogSyncer
	stall  time.Duration
	stop   chan struct{} // closed by close
	wake   chan struct{} // one token: there is something to take
	room   chan struct{} // one token: the queue was emptied
	stopIt func()        // ends the watcher
	done   chan struct{} // closed when the watcher has ended

	closing  sync.Once
	admitted atomic.Bool // the server has taken user and password

	mu     sync.Mutex
	conn   *watchedConn
	events [][]byte
	size   int
	err    error
}

// dialing says which log to ask for, and as whom.
type dialing struct {
	server    server // that was looked at
	at        position
	serverID  uint32
	heartbeat time.Duration
}

// dialLog connects as a replica would and asks for the log after a position. It returns when the
// first event has come, or the server's refusal.
func (s *Source) dialLog(ctx context.Context, to dialing) (*link, error) {
	password, err := s.password(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{
		stall: s.cfg.StallTimeout, stop: make(chan struct{}), done: make(chan struct{}),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	flavor := gomysql.MySQLFlavor
	if to.server.flavor == flavorMariaDB {
		flavor = gomysql.MariaDBFlavor
	}
	l.syncer = replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: to.serverID, Flavor: flavor, Host: s.cfg.Addr, User: s.cfg.User, Password: password,
		TLSConfig: s.tlsConfig(), HeartbeatPeriod: to.heartbeat, Localhost: "meepo-replicate",
		// Raw, since decoding needs the catalog and belongs to Next. Its own retry would go on
		// inside of a transaction.
		RawModeEnabled: true, DisableRetrySync: true, DiscardGTIDSet: true,
		SynchronousEventHandler: l, EventCacheCount: 1,
		Dialer: l.dial(&net.Dialer{Timeout: s.cfg.DialTimeout}, s.cfg.WriteTimeout),
		Option: func(c *client.Conn) error {
			l.admitted.Store(true)
			if err := sameServer(c, to.server); err != nil {
				return err
			}
			_, err := c.Execute(fmt.Sprintf("SET SESSION net_write_timeout = %d", slowConsumer))
			return err
		},
		Logger: slog.New(slog.DiscardHandler), // what matters of it comes back as an error
	})
	if err := l.start(ctx, to.at); err != nil {
		l.close()
		// The same number says that a password is wrong and that a grant is missing.
		if answer, ok := serverAnswer(err); ok && answer.Number == errAccessDenied && l.admitted.Load() {
			return nil, s.notGranted(answer)
		}
		return nil, l.cause(err)
	}
	return l, nil
}

// errOtherServer: between two connections the address came to lead to another server.
var errOtherServer = errors.New("the address leads to another server than a moment ago")

// sameServer makes sure that the log comes from the server that was looked at.
func sameServer(c *client.Conn, looked server) error {
	answer, err := c.Execute(sqlIdentity)
	if err != nil {
		return err
	}
	defer answer.Close()
	vars := map[string]string{}
	for i := range answer.RowNumber() {
		name, err := answer.GetString(i, 0)
		if err != nil {
			return err
		}
		if vars[name], err = answer.GetString(i, 1); err != nil {
			return err
		}
	}
	if here := serverFrom(vars); here.uuid != looked.uuid {
		return errOtherServer
	}
	return nil
}

// start asks for the log and waits for its first event.
func (l *link) start(ctx context.Context, at position) error {
	defer context.AfterFunc(ctx, l.hangUp)()
	var streamer *replication.BinlogStreamer
	var err error
	switch at.kind {
	case byGTID:
		streamer, err = l.syncer.StartSyncGTID(at.set.Clone())
	case byMariaDB:
		var set gomysql.GTIDSet
		if set, err = gomysql.ParseMariadbGTIDSet(at.list.String()); err == nil {
			streamer, err = l.syncer.StartSyncGTID(set)
		}
	default:
		streamer, err = l.syncer.StartSync(gomysql.Position{Name: at.place.file, Pos: uint32(at.place.pos)})
	}
	if err != nil {
		close(l.done)
		l.stopIt = func() {}
		return errors.Join(context.Cause(ctx), err)
	}
	l.watch(streamer)
	select {
	case <-l.wake:
		l.signal(l.wake)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return l.err
	}
	return nil
}

// watch waits for the end of the connection beside the events. Joined by close.
func (l *link) watch(streamer *replication.BinlogStreamer) {
	ctx, cancel := context.WithCancel(context.Background())
	l.stopIt = cancel
	go func() {
		defer close(l.done)
		_, err := streamer.GetEvent(ctx)
		err = l.cause(err)
		l.mu.Lock()
		l.err = err
		l.mu.Unlock()
		l.signal(l.wake)
	}()
}

// HandleEvent queues an event. It blocks while the queue is full, and with it the reading.
func (l *link) HandleEvent(e *replication.BinlogEvent) error {
	for {
		l.mu.Lock()
		if l.size < queueBytes {
			l.events = append(l.events, e.RawData)
			l.size += len(e.RawData)
			l.mu.Unlock()
			l.signal(l.wake)
			return nil
		}
		l.mu.Unlock()
		select {
		case <-l.room:
		case <-l.stop:
			return errLinkClosed
		}
	}
}

func (l *link) signal(tokens chan struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// take returns all events that have come, waiting for the first one; none when the timer fires
// before. The error comes after the last event.
func (l *link) take(ctx context.Context, timer <-chan time.Time) ([][]byte, error) {
	for {
		l.mu.Lock()
		events, err := l.events, l.err
		l.events, l.size = nil, 0
		l.mu.Unlock()
		if len(events) > 0 {
			l.signal(l.room)
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-l.wake:
		case <-timer:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// waiting reports whether take would return at once with events.
func (l *link) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events) > 0
}

// close ends the connection and waits for what reads from it. It may be called twice.
func (l *link) close() {
	l.closing.Do(func() {
		close(l.stop)
		l.hangUp()
		l.syncer.Close()
		l.stopIt()
		<-l.done
	})
}

func (l *link) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.Close()
	}
}

// cause replaces what a silent connection looks like from within.
func (l *link) cause(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && l.conn.stalled.Load() {
		return fmt.Errorf("neither event nor heartbeat for %v", l.stall)
	}
	return err
}

// dial allows one connection per link: the syncer would make another to kill the first when it
// closes, which takes long where the server cannot be reached, and the server notices by itself.
func (l *link) dial(dialer *net.Dialer, writeTimeout time.Duration) client.Dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		l.mu.Lock()
		used := l.conn != nil
		l.mu.Unlock()
		if used {
			return nil, errLinkClosed
		}
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conn = &watchedConn{Conn: conn, stall: l.stall, write: writeTimeout}
		return l.conn, nil
	}
}

// watchedConn gives up when nothing comes for a while. The clock runs only while somebody reads, so
// that a slow consumer does not make the server look dead.
type watchedConn struct {
	net.Conn
	stall, write time.Duration
	stalled      atomic.Bool
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.stalled.Store(true)
	}
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetReadDeadline is not for the library: it would set one to end its reader, but the reader ends
// with the connection, which is closed before.
func (c *watchedConn) SetReadDeadline(time.Time) error { return nil }
