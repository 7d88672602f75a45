package faultproxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// HTTP passes requests on to a server, so that a test sees each and can do to it what networks and
// gateways do. Its functions are set before it is started.
type HTTP struct {
	// Server is not served yet: Start, or its own StartTLS, does that.
	Server *httptest.Server
	// InterceptFunc is asked for each request. It returns true if it has answered.
	InterceptFunc func(w http.ResponseWriter, r *Request) bool
	// AfterFunc is asked with the real server's answer before that goes back; true: it has answered.
	AfterFunc func(w http.ResponseWriter, r *Request, answer *http.Response) bool

	to     string
	client *http.Client
}

// Request is a request that came by.
type Request struct {
	Method, Path, Auth string
	URI                string // path and query as they were sent
	Query              url.Values
	Header             http.Header
	Body               []byte
}

// NewHTTP makes a proxy in front of a server's URL. It ends with the test.
func NewHTTP(t testing.TB, to string) *HTTP {
	t.Helper()
	connections := &http.Transport{}
	t.Cleanup(connections.CloseIdleConnections)
	p := &HTTP{to: to, client: &http.Client{Transport: connections}}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Server.Close)
	return p
}

// Start serves without TLS and returns the proxy's URL.
func (p *HTTP) Start() string {
	p.Server.Start()
	return p.Server.URL
}

func (p *HTTP) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	s := &Request{Method: r.Method, Path: r.URL.Path, Auth: r.Header.Get("Authorization"), URI: r.URL.RequestURI(),
		Query: r.URL.Query(), Header: r.Header.Clone(), Body: body}
	if p.InterceptFunc != nil && p.InterceptFunc(w, s) {
		return
	}
	answer, err := p.Forward(r.Context(), s)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	if p.AfterFunc != nil && p.AfterFunc(w, s, answer) {
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// Forward sends a request to the real server, without its credentials. The caller closes the answer's body.
func (p *HTTP) Forward(ctx context.Context, r *Request) (*http.Response, error) {
	forwarded, err := http.NewRequestWithContext(ctx, r.Method, p.to+r.URI, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	forwarded.Header = r.Header.Clone()
	forwarded.Header.Del("Authorization")
	return p.client.Do(forwarded)
}

// CutOff ends the request's connection without an answer. It does not return.
func CutOff(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// Refuse answers as Elasticsearch does when it is busy. It returns true, as an InterceptFunc does.
func Refuse(w http.ResponseWriter, status int, retryAfter string) bool {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"},"status":429}`)
	return true
}
