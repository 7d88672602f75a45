package elastic_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// proxy stands between a target and the real server, remembers each request, and does to it what a
// test wants.
type proxy struct {
	server *httptest.Server
	to     string // the real server's URL

	// intercept is asked for each request. It returns true if it has answered.
	intercept func(w http.ResponseWriter, r *seen) bool
	// after is asked with the real server's answer before that goes back; true: it has answered.
	after func(w http.ResponseWriter, r *seen, answer *http.Response) bool

	mu       sync.Mutex
	requests []seen
}

// seen is a request that came by.
type seen struct {
	method, path, auth string
	query              url.Values
	header             http.Header
	body               []byte
}

func see(r *faultproxy.Request) *seen {
	return &seen{method: r.Method, path: r.Path, auth: r.Auth, query: r.Query, header: r.Header, body: r.Body}
}

// newProxy starts a proxy that is not yet served over TLS or at all: start does it.
func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	h := faultproxy.NewHTTP(t, to)
	p := &proxy{server: h.Server, to: to}
	h.InterceptFunc = func(w http.ResponseWriter, r *faultproxy.Request) bool {
		s := see(r)
		p.mu.Lock()
		p.requests = append(p.requests, *s)
		p.mu.Unlock()
		return p.intercept != nil && p.intercept(w, s)
	}
	h.AfterFunc = func(w http.ResponseWriter, r *faultproxy.Request, answer *http.Response) bool {
		return p.after != nil && p.after(w, see(r), answer)
	}
	return p
}

func (p *proxy) start() string {
	p.server.Start()
	return p.server.URL
}

// all returns the requests whose path ends so.
func (p *proxy) all(suffix string) []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []seen
	for _, s := range p.requests {
		if strings.HasSuffix(s.path, suffix) {
			found = append(found, s)
		}
	}
	return found
}

func open(t *testing.T, config elastic.Config) *elastic.Target {
	t.Helper()
	target, err := elastic.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return target
}

// throughProxy opens a target on the real server behind a proxy, with a destination.
func throughProxy(t *testing.T, config elastic.Config) (*proxy, *elastic.Target, *targets.Destination) {
	t.Helper()
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	config.URLs = []string{p.start()}
	target := open(t, config)
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	return p, target, dest
}

var fields = []targets.Field{
	{Name: "name", Kind: targets.KindText, Native: "varchar(100)", Length: 100, Nullable: true},
	{Name: "size", Kind: targets.KindInt, Native: "tinyint", Bits: 8, Nullable: true},
}

func destination(server *servertest.Elastic, name string) *targets.Destination {
	return &targets.Destination{
		Name: server.Prefix + name, Fields: fields,
		Key: []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true}},
	}
}

func upsert(dest *targets.Destination, id targets.ID, version int64, doc ...any) targets.Op {
	return targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Doc: doc, Version: version}
}

func remove(dest *targets.Destination, id targets.ID, version int64) targets.Op {
	return targets.Op{Verb: targets.Delete, Dest: dest, ID: id, Version: version}
}

const patience = 10 * time.Second
