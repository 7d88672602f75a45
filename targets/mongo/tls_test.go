package mongo_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/mongo"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// tlsInFront speaks TLS in front of a server. It returns its address, and a file with the authority to trust.
func tlsInFront(t *testing.T, server string) (address, caFile string) {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // of a certificate for 127.0.0.1
	defer lender.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: lender.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { pass(client, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		passing.Wait()
	})
	return l.Addr().String(), caFile
}

// pass copies in both directions until either end is gone.
func pass(client net.Conn, server string) {
	defer client.Close()
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

func TestTLS(t *testing.T) {
	d := servertest.OpenMongo(t)
	address, caFile := tlsInFront(t, strings.TrimPrefix(d.URL, "mongodb://"))
	dest := &targets.Destination{Name: d.Name + ".tls", Key: intKey, Fields: text}
	target := openTarget(t, mongo.Config{URL: "mongodb://" + address + "/" + d.Name, CAFile: caFile}, dest)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
	for name, config := range map[string]mongo.Config{
		"an authority that is not trusted": {URL: "mongodb://" + address + "/?tls=true&serverSelectionTimeoutMS=500"},
		"no TLS":                           {URL: "mongodb://" + address + "/?serverSelectionTimeoutMS=500"},
	} {
		config.Timeout = 3 * time.Second
		other, err := mongo.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Check(t.Context(), nil); err == nil || strings.Contains(name, "trusted") && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
		if err := other.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	missing := mongo.Config{URL: "mongodb://" + address, CAFile: filepath.Join(t.TempDir(), "none.pem")}
	if err := missing.Validate(); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("an authority's file that is not there: %v", err)
	}
}
