package e2e

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// proxy passes connections on to a server until it is frozen: then it takes in and answers nothing.
type proxy struct {
	url    string
	mu     sync.Mutex
	still  bool
	stuck  bool // something came since
	thawed chan struct{}
}

// startProxy starts a proxy in front of a server of that URL; it ends with the test.
func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: "http://" + l.Addr().String(), thawed: make(chan struct{})}
	var owned sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	owned.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", u.Host)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, upstream)
			mu.Unlock()
			owned.Go(func() { p.pass(upstream, client) })
			owned.Go(func() { p.pass(client, upstream) })
		}
	})
	t.Cleanup(func() {
		close(p.thawed)
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		owned.Wait()
	})
	return p
}

func (p *proxy) pass(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.frozen() {
			<-p.thawed
			return
		}
		if _, bad := to.Write(buffer[:n]); bad != nil || err != nil {
			return
		}
	}
}

func (p *proxy) frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = p.stuck || p.still
	return p.still
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.still = true
}

// awaitFrozen waits until the frozen proxy holds something back.
func (p *proxy) awaitFrozen(t *testing.T) {
	t.Helper()
	servertest.Eventually(t, longest, "a request in the frozen proxy", func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.stuck, nil
	})
}
