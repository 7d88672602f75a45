package faultproxy

import (
	"net"
	"sync"
	"testing"
)

// TCP passes connections on to a server. Frozen, it holds back what comes in either direction, and
// new connections with it.
type TCP struct {
	Addr string // host:port, where the proxy listens

	to       string
	listener net.Listener
	owned    sync.WaitGroup

	mu     sync.Mutex
	ended  bool
	closed bool          // nobody is let in
	thawed chan struct{} // not nil while frozen; closed at the end of it
	held   bool          // something has been held back since Freeze
	pairs  map[*pair]struct{}
}

// pair is a connection and its continuation to the server.
type pair struct {
	client, server net.Conn
	cut            chan struct{}
	once           sync.Once
}

func (p *pair) close() {
	p.once.Do(func() {
		close(p.cut)
		p.client.Close()
		p.server.Close()
	})
}

// StartTCP starts a proxy in front of a server at host:port. It ends with the test.
func StartTCP(t testing.TB, server string) *TCP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	p := &TCP{Addr: l.Addr().String(), to: server, listener: l, pairs: map[*pair]struct{}{}}
	p.owned.Go(p.accept)
	t.Cleanup(p.end)
	return p
}

func (p *TCP) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.owned.Go(func() { p.serve(client) })
	}
}

// serve passes one connection on, in both directions.
func (p *TCP) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	if err != nil { // then the client sees what it would see of the server, or nearly
		client.Close()
		return
	}
	c := &pair{client: client, server: server, cut: make(chan struct{})}
	p.mu.Lock()
	out := p.ended || p.closed
	p.pairs[c] = struct{}{}
	p.mu.Unlock()
	if out {
		c.close()
	}
	var ways sync.WaitGroup
	ways.Go(func() { p.pass(c, server, client) })
	ways.Go(func() { p.pass(c, client, server) })
	ways.Wait()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

func (p *TCP) pass(c *pair, to, from net.Conn) {
	defer c.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.mayPass(c) {
			return
		}
		if _, bad := to.Write(buffer[:n]); bad != nil || err != nil {
			return
		}
	}
}

// mayPass waits while the proxy is frozen. It is false for a connection that was cut meanwhile.
func (p *TCP) mayPass(c *pair) bool {
	for {
		p.mu.Lock()
		thawed := p.thawed
		p.held = p.held || thawed != nil
		p.mu.Unlock()
		if thawed == nil {
			return true
		}
		select {
		case <-thawed:
		case <-c.cut:
			return false
		}
	}
}

// Freeze holds back everything from now on.
func (p *TCP) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thawed == nil {
		p.thawed, p.held = make(chan struct{}), false
	}
}

// Held reports whether something has been held back since Freeze.
func (p *TCP) Held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// Thaw lets everything pass again, what was held back first.
func (p *TCP) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thawed != nil {
		close(p.thawed)
		p.thawed = nil
	}
}

// Cut ends all connections that there are, and returns how many these were. What was held back is lost.
func (p *TCP) Cut() int {
	p.mu.Lock()
	pairs := make([]*pair, 0, len(p.pairs))
	for c := range p.pairs {
		pairs = append(pairs, c)
	}
	p.mu.Unlock()
	for _, c := range pairs {
		c.close()
	}
	return len(pairs)
}

// Close ends all connections and lets no new one in, until it is called with false.
func (p *TCP) Close(yes bool) {
	p.mu.Lock()
	p.closed = yes
	p.mu.Unlock()
	if yes {
		p.Cut()
	}
}

func (p *TCP) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.owned.Wait()
}
