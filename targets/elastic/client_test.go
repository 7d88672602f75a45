package elastic_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// secret gives out the password of the moment.
type secret struct{ value atomic.Value }

func newSecret(value string) *secret {
	s := &secret{}
	s.value.Store(value)
	return s
}

func (s *secret) get(context.Context) (string, error) { return s.value.Load().(string), nil }

// checkAuth answers 401 to any other Authorization, as Elasticsearch does.
func (p *proxy) checkAuth(want func() string) {
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if r.auth == want() {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"type":"security_exception","reason":"unable to authenticate user"},"status":401}`))
		return true
	}
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func wantDenied(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var hint *targets.HintError
	if !errors.Is(err, targets.ErrDenied) || !errors.As(err, &hint) || hint.Advice == "" {
		t.Errorf("error %v, want ErrDenied with a hint", err)
	}
	wantNoSecret(t, err, secrets...)
}

func wantNoSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if err != nil && strings.Contains(err.Error(), s) {
			t.Errorf("the error holds the secret %q: %v", s, err)
		}
	}
}

func TestClient_BasicAuthIsReadAgain(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	onServer, mine := newSecret("first-secret"), newSecret("first-secret")
	p.checkAuth(func() string { return basic("meepo", onServer.value.Load().(string)) })
	target := open(t, elastic.Config{URLs: []string{p.start()}, User: "meepo", Password: mine.get})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	onServer.value.Store("second-secret")
	wantDenied(t, target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "a", nil)}), "first-secret", "second-secret")
	mine.value.Store("second-secret")
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "a", nil)}); err != nil {
		t.Errorf("write with the new password: %v", err)
	}
}

func TestClient_APIKeyAndURLUser(t *testing.T) {
	server := servertest.OpenElastic(t)
	for name, c := range map[string]struct {
		want   string
		config func(url string) elastic.Config
	}{
		"api key": {"ApiKey a2V5OnNlY3JldA==", func(url string) elastic.Config {
			return elastic.Config{URLs: []string{url}, APIKey: newSecret("a2V5OnNlY3JldA==").get}
		}},
		"user in the url": {basic("me", "p@ss/word"), func(url string) elastic.Config {
			return elastic.Config{URLs: []string{strings.Replace(url, "://", "://me:p%40ss%2Fword@", 1)}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, server.URL)
			p.checkAuth(func() string { return c.want })
			target := open(t, c.config(p.start()))
			if _, err := target.Check(t.Context(), nil); err != nil {
				t.Errorf("check: %v", err)
			}
		})
	}
}

func TestClient_SecretThatCannotBeRead(t *testing.T) {
	p := newProxy(t, servertest.OpenElastic(t).URL)
	broken := errors.New("no such file")
	target := open(t, elastic.Config{URLs: []string{p.start()}, User: "u", Password: func(context.Context) (string, error) { return "", broken }})
	if _, err := target.Check(t.Context(), nil); !errors.Is(err, broken) {
		t.Errorf("check: %v, want %v", err, broken)
	}
	if n := len(p.all("")); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestClient_TLS(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	p.server.StartTLS()
	certificate := p.server.Certificate()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(certificate.Raw)
	print := hex.EncodeToString(sum[:])
	for name, c := range map[string]struct {
		config elastic.Config
		ok     bool
	}{
		"ca file":               {elastic.Config{CAFile: caFile}, true},
		"fingerprint":           {elastic.Config{CertFingerprint: print}, true},
		"fingerprint in colons": {elastic.Config{CertFingerprint: colons(strings.ToUpper(print))}, true},
		"other fingerprint":     {elastic.Config{CertFingerprint: strings.Repeat("ab", 32)}, false},
		"authorities of system": {elastic.Config{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.URLs = []string{p.server.URL}
			target := open(t, c.config)
			before := time.Now()
			_, err := target.Check(t.Context(), nil)
			if (err == nil) != c.ok {
				t.Errorf("check: %v, want success %v", err, c.ok)
			}
			var hint *targets.HintError
			if !c.ok && (!errors.As(err, &hint) || !strings.Contains(hint.Advice, "fingerprint")) {
				t.Errorf("no hint on the certificate in %v", err)
			}
			if took := time.Since(before); !c.ok && took > 2*time.Second {
				t.Errorf("a certificate that is not trusted was tried for %v", took)
			}
		})
	}
}

func colons(hexDigits string) string {
	var parts []string
	for i := 0; i < len(hexDigits); i += 2 {
		parts = append(parts, hexDigits[i:i+2])
	}
	return strings.Join(parts, ":")
}

func TestClient_SeveralNodesOneDown(t *testing.T) {
	server := servertest.OpenElastic(t)
	first, second := newProxy(t, server.URL), newProxy(t, server.URL)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	target := open(t, elastic.Config{URLs: []string{down, first.start(), second.start() + "/"}})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	for i := range 20 {
		if err := target.Write(t.Context(), []targets.Op{upsert(dest, targets.ID(fmt.Sprint(i)), 1, "a", nil)}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(before); took > patience {
		t.Errorf("20 writes took %v: the node that is down is asked each time", took)
	}
	if a, b := len(first.all("_bulk")), len(second.all("_bulk")); a < 5 || b < 5 {
		t.Errorf("%d and %d writes on the nodes that are up", a, b)
	}
}

func TestClient_Unreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	target := open(t, elastic.Config{URLs: []string{"http://me:hidden@" + address}})
	_, err = target.Check(t.Context(), nil)
	var hint *targets.HintError
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), address) {
		t.Errorf("check: %v, want the address and a hint", err)
	}
	wantNoSecret(t, err, "hidden")
}

func TestClient_PathPrefixAndCompression(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	behind := newProxy(t, "")
	behind.intercept = func(w http.ResponseWriter, r *seen) bool {
		path, ok := strings.CutPrefix(r.path, "/es/v1")
		if !ok {
			http.NotFound(w, nil)
			return true
		}
		return forward(w, r, p.server.URL+path+"?"+r.query.Encode())
	}
	p.start()
	target := open(t, elastic.Config{URLs: []string{behind.start() + "/es/v1/"}, Compress: true})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, strings.Repeat("same ", 1000), nil)}); err != nil {
		t.Fatal(err)
	}
	sent := p.all("_bulk")
	if len(sent) != 1 || sent[0].header.Get("Content-Encoding") != "gzip" || len(sent[0].body) > 1000 {
		t.Errorf("%d bulk requests, want one in gzip", len(sent))
	}
	if docs := server.Docs(t, dest.Name); docs["1"]["name"] != strings.Repeat("same ", 1000) {
		t.Errorf("documents: %v", docs)
	}
}

// forward sends a request on to a URL and copies the answer.
func forward(w http.ResponseWriter, r *seen, url string) bool {
	req, err := http.NewRequest(r.method, url, bytes.NewReader(r.body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return true
	}
	req.Header = r.header.Clone()
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return true
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	var content bytes.Buffer
	_, _ = content.ReadFrom(answer.Body)
	_, _ = w.Write(content.Bytes())
	return true
}

func TestConfig_ValidateJoinsAllProblems(t *testing.T) {
	err := elastic.Config{
		URLs: []string{"es:9200", "ftp://es", "http://me:hidden@es:9200/?a=b", "http://me:hid den@%zz"}, User: "me",
		APIKey: newSecret("x").get, CAFile: "ca.pem", CertFingerprint: "abc", MaxBulkOps: -1, MaxBulkBytes: -1, Timeout: -1,
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`url "es:9200"`, `url "ftp://es"`, "a query", "not valid", "more than one of user", "64 hex digits", "name one",
		"max bulk ops", "max bulk bytes", "timeout"} {
		if !strings.Contains(strings.ReplaceAll(err.Error(), "not a valid one", "not valid"), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	wantNoSecret(t, err, "hidden", "hid den")
	if err := (elastic.Config{}).Validate(); err == nil || !strings.Contains(err.Error(), "no url") {
		t.Errorf("empty config: %v", err)
	}
	if err := (elastic.Config{URLs: []string{"https://es:9200/path"}, User: "u"}).Validate(); err != nil {
		t.Errorf("good config: %v", err)
	}
}
