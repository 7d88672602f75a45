package faultproxy

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TLS speaks TLS in front of a server that does not.
type TLS struct {
	Addr   string // host:port, where the proxy listens
	CAFile string // a PEM file of the authority to trust
}

// StartTLS starts such a proxy in front of a server at host:port. It ends with the test. greet, unless nil, says to a client
// in plain text what comes before TLS in the server's protocol.
func StartTLS(t testing.TB, server string, greet func(net.Conn) error) *TLS {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // of a certificate for 127.0.0.1
	defer lender.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	p := &TLS{Addr: l.Addr().String(), CAFile: filepath.Join(t.TempDir(), "ca.pem")}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw})
	if err := os.WriteFile(p.CAFile, authority, 0o600); err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	var passing sync.WaitGroup
	config := &tls.Config{Certificates: lender.TLS.Certificates}
	passing.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			passing.Go(func() {
				defer client.Close()
				if greet == nil || greet(client) == nil {
					unwrap(tls.Server(client, config), server)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		passing.Wait()
	})
	return p
}

// unwrap passes a connection on in both directions until either end is gone.
func unwrap(client net.Conn, server string) {
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, to)
		client.Close()
	})
	_, _ = io.Copy(to, client)
	to.Close()
	back.Wait()
}

// GreetPostgres answers PostgreSQL's SSLRequest, see "Message Formats" in its manual.
func GreetPostgres(client net.Conn) error {
	request := make([]byte, 8)
	if _, err := io.ReadFull(client, request); err != nil {
		return err
	}
	_, err := client.Write([]byte{'S'})
	return err
}
