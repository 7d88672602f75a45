package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// authority signs certificates into a folder that a server under another account can read.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	dir, err := os.MkdirTemp("", "tls")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a := &authority{dir: dir}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.key = a.write(t, "ca", template, template, nil)
	a.cert = template
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name+".pem") }

// issue writes name.pem and name-key.pem.
func (a *authority) issue(t *testing.T, name string, hosts ...string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.write(t, name, template, a.cert, a.key)
}

func (a *authority) write(t *testing.T, name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name: {Type: "CERTIFICATE", Bytes: cert}, name + "-key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// hintOf returns the advice that an error carries.
func hintOf(err error) string {
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		return hint.Hint()
	}
	return ""
}

func TestTLS_Modes(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		t.Run(string(f), func(t *testing.T) {
			ours, other := newAuthority(t, "ours"), newAuthority(t, "another")
			ours.issue(t, "server", "db.example")
			server := servertest.StartSQL(t, f, "--ssl-ca="+ours.file("ca"), "--ssl-cert="+ours.file("server"), "--ssl-key="+ours.file("server-key"))
			for _, c := range []struct {
				name      string
				tls       source.TLSConfig
				encrypted bool
				hint      string // empty: it connects
			}{
				{name: "disabled", tls: source.TLSConfig{Mode: source.TLSDisabled}},
				{name: "preferred", tls: source.TLSConfig{Mode: source.TLSPreferred}, encrypted: true},
				{name: "default on loopback", encrypted: true},
				{name: "required", tls: source.TLSConfig{Mode: source.TLSRequired}, encrypted: true},
				{name: "required does not verify", tls: source.TLSConfig{Mode: source.TLSRequired, CAFile: other.file("ca")}, encrypted: true},
				{name: "verify-ca", tls: source.TLSConfig{Mode: source.TLSVerifyCA, CAFile: ours.file("ca")}, encrypted: true},
				{name: "verify-ca, wrong authority", tls: source.TLSConfig{Mode: source.TLSVerifyCA, CAFile: other.file("ca")}, hint: "ca_file"},
				{name: "verify-ca, the system's authorities", tls: source.TLSConfig{Mode: source.TLSVerifyCA}, hint: "ca_file"},
				{name: "verify-full", tls: source.TLSConfig{Mode: source.TLSVerifyFull, CAFile: ours.file("ca"), ServerName: "db.example"}, encrypted: true},
				{name: "verify-full, wrong authority", tls: source.TLSConfig{Mode: source.TLSVerifyFull, CAFile: other.file("ca"), ServerName: "db.example"}, hint: "ca_file"},
				{name: "verify-full, wrong name", tls: source.TLSConfig{Mode: source.TLSVerifyFull, CAFile: ours.file("ca"), ServerName: "db.test"}, hint: "server_name"},
				{name: "verify-full, address not in the certificate", tls: source.TLSConfig{Mode: source.TLSVerifyFull, CAFile: ours.file("ca")}, hint: "server_name"},
			} {
				t.Run(c.name, func(t *testing.T) {
					cfg := configOf(t, server.ReplURL)
					cfg.TLS = c.tls
					s, err := Open(t.Context(), cfg)
					if c.hint != "" {
						if err == nil || !strings.Contains(hintOf(err), c.hint) {
							t.Fatalf("%v, hint %q", err, hintOf(err))
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if s.server().encrypted != c.encrypted || (s.tlsConfig() != nil) != c.encrypted {
						t.Errorf("encrypted: %v, for the log: %v", s.server().encrypted, s.tlsConfig() != nil)
					}
				})
			}
			t.Run("client certificate", func(t *testing.T) { clientCertificate(t, server, ours, other) })
		})
	}
}

// clientCertificate wants the account to be let in by its certificate only, for rows and log.
func clientCertificate(t *testing.T, server *servertest.PrivateSQL, ours, other *authority) {
	ours.issue(t, "client")
	other.issue(t, "client")
	monitor := "REPLICATION CLIENT"
	if server.Flavor == servertest.MariaDB {
		monitor = "BINLOG MONITOR"
	}
	server.Exec(t, "CREATE USER x@'127.0.0.1' IDENTIFIED BY 'x' REQUIRE X509; GRANT SELECT, REPLICATION SLAVE, "+monitor+" ON *.* TO x@'127.0.0.1'")
	cfg := configOf(t, server.URL)
	cfg.User, cfg.Password = "x", password("x")
	cfg.TLS = source.TLSConfig{Mode: source.TLSVerifyCA, CAFile: ours.file("ca")}
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Error("let in without a certificate")
	}
	cfg.TLS.CertFile, cfg.TLS.KeyFile = other.file("client"), other.file("client-key")
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Error("let in with a certificate of another authority")
	}
	cfg.TLS.CertFile, cfg.TLS.KeyFile = ours.file("client"), ours.file("client-key")
	s := openConfig(t, cfg)
	d := server.Open(t)
	d.Exec(t, "CREATE TABLE c (id INT PRIMARY KEY)")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	from, _, err := s.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := s.Open(ctx, from, []source.Subscription{{Tables: source.Pattern{Schema: d.Name, Name: "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(context.Background())
	d.Exec(t, "INSERT INTO c VALUES (1)")
	for {
		batch, err := stream.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch.Events) > 0 {
			return
		}
	}
}

func TestTLS_ServerWithout(t *testing.T) {
	for f, off := range map[servertest.Flavor]string{servertest.MySQL: "--tls-version=", servertest.MariaDB: "--skip-ssl"} {
		t.Run(string(f), func(t *testing.T) {
			server := servertest.StartSQL(t, f, off)
			for mode, works := range map[source.TLSMode]bool{source.TLSDisabled: true, source.TLSPreferred: true, source.TLSRequired: false, source.TLSVerifyCA: false, source.TLSVerifyFull: false} {
				cfg := configOf(t, server.ReplURL)
				cfg.TLS.Mode = mode
				s, err := Open(t.Context(), cfg)
				if (err == nil) != works {
					t.Errorf("%s: %v", mode, err)
				}
				if err != nil && !strings.Contains(hintOf(err), "speaks no TLS") {
					t.Errorf("%s: hint %q of %v", mode, hintOf(err), err)
				}
				if s != nil {
					if s.tlsConfig() != nil {
						t.Errorf("%s: TLS for the log of a server without", mode)
					}
					s.Close()
				}
			}
		})
	}
}
