package elastic

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// pingAfter is how long an HTTP/2 connection may be silent before it is asked whether it lives, and
// how long it may take to answer.
const pingAfter = 15 * time.Second

// restTime is how long a node that could not be reached is left alone while others can.
const restTime = 10 * time.Second

type node struct {
	url       *url.URL // without a user
	user      *url.Userinfo
	restUntil atomic.Int64 // Unix nanoseconds
}

// nodesTransport sends each attempt of a request to the next node, with the credentials of that
// moment. The URL of the request that it is given holds path and query only.
type nodesTransport struct {
	config Config
	nodes  []*node
	next   atomic.Uint64
	base   *http.Transport
}

func newNodesTransport(config Config) (*nodesTransport, error) {
	t := &nodesTransport{config: config}
	for _, text := range config.URLs {
		u, err := parseURL(text)
		if err != nil {
			return nil, err
		}
		n := &node{user: u.User, url: u}
		u.User = nil
		if u.Path == "" {
			u.Path = "/" // JoinPath would leave a path without its slash
		}
		t.nodes = append(t.nodes, n)
	}
	security, err := tlsConfig(config)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t.base = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       security,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    !config.Compress,
		ForceAttemptHTTP2:     true,
		// A request that times out leaves its HTTP/2 connection open for the next one; only a ping
		// finds out that it carries nothing any more.
		HTTP2: &http.HTTP2Config{SendPingTimeout: min(pingAfter, config.Timeout/4), PingTimeout: min(pingAfter, config.Timeout/4)},
	}
	return t, nil
}

// RoundTrip implements http.RoundTripper.
func (t *nodesTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	n := t.pick()
	sent := req.Clone(req.Context())
	sent.URL = n.url.JoinPath(req.URL.Path)
	sent.URL.RawQuery = req.URL.RawQuery
	sent.Host = n.url.Host
	if err := t.authorize(sent, n); err != nil {
		return nil, &credentialError{err}
	}
	resp, err := t.base.RoundTrip(sent)
	if err != nil {
		if req.Context().Err() == nil {
			n.restUntil.Store(time.Now().Add(restTime).UnixNano())
		}
		return nil, fmt.Errorf("%s: %w", n.url.Host, err)
	}
	n.restUntil.Store(0)
	return resp, nil
}

// CloseIdleConnections is what http.Client asks for.
func (t *nodesTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// pick returns the next node that is not resting, or the next one if all are.
func (t *nodesTransport) pick() *node {
	now := time.Now().UnixNano()
	first := t.next.Add(1) - 1
	count := uint64(len(t.nodes))
	for i := range count {
		if n := t.nodes[(first+i)%count]; n.restUntil.Load() <= now {
			return n
		}
	}
	return t.nodes[first%count]
}

// credentialError is a secret that could not be read: no reason to ask the server again.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

func (t *nodesTransport) authorize(req *http.Request, n *node) error {
	switch {
	case t.config.APIKey != nil:
		key, err := t.config.APIKey(req.Context())
		if err != nil {
			return fmt.Errorf("read api key: %w", err)
		}
		req.Header.Set("Authorization", "ApiKey "+key)
	case t.config.User != "":
		password := ""
		if t.config.Password != nil {
			var err error
			if password, err = t.config.Password(req.Context()); err != nil {
				return fmt.Errorf("read password: %w", err)
			}
		}
		req.SetBasicAuth(t.config.User, password)
	case n.user != nil:
		password, _ := n.user.Password()
		req.SetBasicAuth(n.user.Username(), password)
	}
	return nil
}

func tlsConfig(config Config) (*tls.Config, error) {
	security := &tls.Config{MinVersion: tls.VersionTLS12}
	if config.CAFile != "" {
		pem, err := os.ReadFile(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca file: %w", err)
		}
		security.RootCAs = x509.NewCertPool()
		if !security.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca file %s: no certificate in it", config.CAFile)
		}
	}
	if config.CertFingerprint != "" {
		want, err := fingerprint(config.CertFingerprint)
		if err != nil {
			return nil, err
		}
		// The usual verification asks for a known authority. Here the certificate with the
		// fingerprint is the authority, and verifyFingerprint does the rest of it.
		security.InsecureSkipVerify = true
		security.VerifyConnection = func(state tls.ConnectionState) error { return verifyFingerprint(state, want) }
	}
	return security, nil
}

// errFingerprint: the server is not the one whose fingerprint was given.
var errFingerprint = errors.New("no certificate of the server has the fingerprint")

// verifyFingerprint trusts the server's own certificate if it has the fingerprint, or one that was
// signed by the certificate with the fingerprint and holds the server's name.
func verifyFingerprint(state tls.ConnectionState, want []byte) error {
	for i, cert := range state.PeerCertificates {
		sum := sha256.Sum256(cert.Raw)
		if subtle.ConstantTimeCompare(sum[:], want) != 1 {
			continue
		}
		if i == 0 {
			return nil
		}
		options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: state.ServerName}
		options.Roots.AddCert(cert)
		for _, other := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(other)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
	return errFingerprint
}

// isVerification says whether a connection failed because the server is not trusted: trying again
// would not help.
func isVerification(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification) || errors.Is(err, errFingerprint)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
