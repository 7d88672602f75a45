package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// build returns the configuration for the mode, nil for disabled. That of preferred is the same as
// of required: whether plain text is allowed is up to whoever connects.
func (t TLSConfig) build(addr string) (*tls.Config, error) {
	if t.Mode == TLSDisabled {
		return nil, nil
	}
	// Before TLS 1.2 nothing is safe, and every server version supported has it.
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = "localhost" // a Unix socket
		}
		cfg.ServerName = host
	}
	roots, err := t.roots()
	if err != nil {
		return nil, err
	}
	cfg.RootCAs = roots
	switch t.Mode {
	case TLSPreferred, TLSRequired:
		cfg.InsecureSkipVerify = true // what these modes mean
	case TLSVerifyCA:
		// The standard check always includes the host name, so it is replaced by one that does not.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	}
	if t.CertFile != "" {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("load client certificate: %w", err)
			}
			return &cert, nil
		}
	}
	return cfg, nil
}

func (t TLSConfig) roots() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil // the system's
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca file: %s: no certificate in it", t.CAFile)
	}
	return pool, nil
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("verify server certificate: none was shown")
	}
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	if err != nil {
		return fmt.Errorf("verify server certificate: %w", err)
	}
	return nil
}
