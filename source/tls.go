package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// TLSMode says how a connection is encrypted and how far the server is trusted. The names are
// those of the mysql client's --ssl-mode, in lower case with hyphens.
type TLSMode string

// The TLS modes.
const (
	TLSDisabled   TLSMode = "disabled"    // never encrypted
	TLSPreferred  TLSMode = "preferred"   // encrypted if the server can, the server is not verified
	TLSRequired   TLSMode = "required"    // encrypted or refused, the server is not verified
	TLSVerifyCA   TLSMode = "verify-ca"   // as required, and a trusted authority has signed the server's certificate
	TLSVerifyFull TLSMode = "verify-full" // as verify-ca, and the certificate is for this host name
)

// TLSConfig describes the encryption of connections.
type TLSConfig struct {
	// Mode: empty means verify-full, but preferred for a loopback address or a Unix socket.
	Mode TLSMode
	// CAFile holds the authorities to trust, PEM. Empty: those of the system.
	CAFile string
	// CertFile and KeyFile hold the client certificate, PEM; both or none. They are read again at
	// each connection.
	CertFile, KeyFile string
	// ServerName is the name that verify-full wants in the certificate. Empty: the host of Addr.
	ServerName string
}

// WithDefault resolves the default of Mode for an address, host:port or the path of a Unix socket: whoever
// listens on the wire to a loopback address is already on the machine.
func (t TLSConfig) WithDefault(addr string) TLSConfig {
	if t.Mode != "" {
		return t
	}
	host, _, _ := net.SplitHostPort(addr)
	t.Mode = TLSVerifyFull
	if ip := net.ParseIP(host); strings.HasPrefix(addr, "/") || host == "localhost" || ip != nil && ip.IsLoopback() {
		t.Mode = TLSPreferred
	}
	return t
}

// Words says in a few words how far a connection is protected that is encrypted or not.
func (t TLSConfig) Words(encrypted bool) string {
	switch {
	case !encrypted:
		return "no TLS"
	case t.Mode == TLSVerifyFull:
		return "TLS verified"
	case t.Mode == TLSVerifyCA:
		return "TLS, any host of the authority"
	}
	return "TLS, the server is not verified"
}

// Validate reports all problems at once.
func (t TLSConfig) Validate() []error {
	var problems []error
	switch t.Mode {
	case "", TLSDisabled, TLSPreferred, TLSRequired, TLSVerifyCA, TLSVerifyFull:
	default:
		problems = append(problems, fmt.Errorf("tls mode: %q: want disabled, preferred, required, verify-ca or verify-full", t.Mode))
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		problems = append(problems, errors.New("tls: a client certificate needs both cert file and key file"))
	}
	for _, file := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			problems = append(problems, fmt.Errorf("tls: %w", err))
		}
	}
	return problems
}

// Build returns the configuration for the mode, nil for disabled. That of preferred is the same as
// of required: whether plain text is allowed is up to whoever connects.
func (t TLSConfig) Build(addr string) (*tls.Config, error) {
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
