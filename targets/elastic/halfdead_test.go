package elastic_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// swallower passes connections on to a server. From a moment on, those that are open stay so and
// carry nothing, as behind a firewall that has forgotten them; new ones work.
type swallower struct {
	listener net.Listener
	opened   atomic.Int64
	silent   atomic.Int64 // connections up to this number carry nothing
}

func swallow(t *testing.T, server string) *swallower {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &swallower{listener: listener}
	var owned sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	owned.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, upstream)
			mu.Unlock()
			number := s.opened.Add(1)
			owned.Go(func() { s.pass(number, upstream, client) })
			owned.Go(func() { s.pass(number, client, upstream) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		owned.Wait()
	})
	return s
}

func (s *swallower) pass(number int64, to io.WriteCloser, from io.Reader) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if number > s.silent.Load() {
			if _, bad := to.Write(buffer[:n]); bad != nil {
				return
			}
		}
		if err != nil {
			if number > s.silent.Load() {
				to.Close()
			}
			return
		}
	}
}

// TestClient_ConnectionThatCarriesNothing: a connection goes dead without a word. The request on it
// times out, and soon another connection is made, with HTTP/2 too, where a connection outlives the
// requests that were given up on it.
func TestClient_ConnectionThatCarriesNothing(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			var spoken atomic.Value
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				spoken.Store(r.Proto)
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"docs":[{"_id":"1","found":false}]}`)
			}))
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			t.Cleanup(server.Close)
			network := swallow(t, server.Listener.Addr().String())
			sum := sha256.Sum256(server.Certificate().Raw)
			target := open(t, elastic.Config{
				URLs:            []string{"https://" + network.listener.Addr().String()},
				CertFingerprint: hex.EncodeToString(sum[:]), Timeout: time.Second,
			})
			ask := func() error {
				_, err := target.ReadDocs(t.Context(), "docs", []targets.ID{"1"})
				return err
			}
			if err := ask(); err != nil || spoken.Load() != protocol {
				t.Fatalf("%v; spoken is %v", err, spoken.Load())
			}
			network.silent.Store(network.opened.Load())
			servertest.Eventually(t, patience, "an answer through a new connection", func() (bool, error) {
				err := ask()
				return err == nil, err
			})
			if network.opened.Load() == network.silent.Load() {
				t.Error("an answer has come through the dead connection")
			}
		})
	}
}

// TestWrite_ServerThatAcceptsAndNeverAnswers: each try ends by itself.
func TestWrite_ServerThatAcceptsAndNeverAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // its queue of connections takes ours
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	target := open(t, elastic.Config{URLs: []string{"http://" + listener.Addr().String()}, Timeout: 300 * time.Millisecond})
	dest := &targets.Destination{Name: "docs", Fields: fields}
	for range 2 {
		if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 7, "a", nil)}); err == nil {
			t.Error("written")
		}
	}
}
