package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
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

// Config describes how a server is reached. Zero values have the documented defaults.
type Config struct {
	// Addr is host:port, or the path of a Unix socket. Required.
	Addr string
	// User is the account's name. Required.
	User string
	// Password is asked at every new connection, so that a rotated one works. Nil: none.
	Password func(context.Context) (string, error)
	// Database is the default schema of table patterns. May be empty.
	Database string
	// TLS is how connections are encrypted.
	TLS TLSConfig
	// ServerID is the id the log reader shows to the server, as a replica would. It must be unique
	// among all servers and readers of the topology. Zero: a random free one.
	ServerID uint32
	// IgnoreStatements are tables whose changes the log may hold as statements although they change
	// nothing else: tools such as pt-heartbeat and pt-table-checksum log theirs so. Empty: none.
	IgnoreStatements []source.Pattern
	// Heartbeat is how often the server says that it lives while its log is idle. Zero: 5 s.
	Heartbeat time.Duration
	// StallTimeout is how long a log connection may be silent before it counts as dead and is made
	// anew. Zero: three heartbeats.
	StallTimeout time.Duration
	// DialTimeout bounds connecting, ReadTimeout each wait for an answer, WriteTimeout each send.
	// Zero: 10 s, 2 min, 30 s.
	DialTimeout, ReadTimeout, WriteTimeout time.Duration
	// LagTimeout is how long a server that has not reached a position yet, as a replica may after a
	// failover, is waited for until the position counts as lost. Zero: 10 s.
	LagTimeout time.Duration
	// MaxConns bounds the connections for reading rows and the catalog. Zero: 16.
	MaxConns int
	// Logger takes what is worth a line. Nil: nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.Heartbeat, 5*time.Second)
	setDefault(&c.StallTimeout, 3*c.Heartbeat)
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.ReadTimeout, 2*time.Minute)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.LagTimeout, 10*time.Second)
	setDefault(&c.MaxConns, 16)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.TLS.Mode = c.tlsMode()
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// network returns "unix" for the path of a socket, else "tcp".
func (c Config) network() string {
	if strings.HasPrefix(c.Addr, "/") {
		return "unix"
	}
	return "tcp"
}

// tlsMode resolves the default of Mode: whoever listens on the wire to a loopback address is
// already on the machine.
func (c Config) tlsMode() TLSMode {
	if c.TLS.Mode != "" {
		return c.TLS.Mode
	}
	host, _, _ := net.SplitHostPort(c.Addr)
	if ip := net.ParseIP(host); c.network() == "unix" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return TLSPreferred
	}
	return TLSVerifyFull
}

// Validate reports all problems at once.
func (c Config) Validate() error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Addr == "" {
		add("addr: empty: want host:port")
	} else if c.network() == "tcp" {
		if host, port, err := net.SplitHostPort(c.Addr); err != nil || host == "" {
			add("addr: %q: want host:port", c.Addr)
		} else if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			add("addr: %q: the port must be a number from 1 to 65535", c.Addr)
		}
	}
	if c.User == "" {
		add("user: empty: want one, as in mysql://user@host:3306/database")
	}
	for name, d := range map[string]time.Duration{
		"heartbeat": c.Heartbeat, "stall timeout": c.StallTimeout, "dial timeout": c.DialTimeout,
		"read timeout": c.ReadTimeout, "write timeout": c.WriteTimeout, "lag timeout": c.LagTimeout,
	} {
		if d < 0 {
			add("%s: %v: must not be negative", name, d)
		}
	}
	if d := c.withDefaults(); c.Heartbeat >= 0 && d.StallTimeout <= d.Heartbeat {
		add("stall timeout: %v: must be longer than the heartbeat of %v", d.StallTimeout, d.Heartbeat)
	}
	if c.MaxConns < 0 {
		add("max conns: %d: must not be negative", c.MaxConns)
	}
	return errors.Join(append(problems, c.TLS.validate()...)...)
}

func (t TLSConfig) validate() []error {
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

// ParseURL reads mysql://user:password@host:3306/database?tls=verify-full, also with the scheme
// mariadb. The port defaults to 3306. Parameters: tls (a mode), tls-ca, tls-cert, tls-key (files),
// tls-server-name, server-id, and socket (a path instead of a host). The password is returned
// apart and is in no error.
func ParseURL(raw string) (cfg Config, password string, err error) {
	u, err := url.Parse(raw)
	// The parser's own error quotes parts of the URL, and with it possibly of the password.
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" || u.Opaque != "" || u.Fragment != "" {
		return Config{}, "", errors.New("source url: want mysql://user:password@host:3306/database, " +
			"with other characters than letters and digits of the password percent-encoded")
	}
	cfg.User = u.User.Username()
	password, _ = u.User.Password()
	cfg.Database = strings.TrimPrefix(u.Path, "/")
	if strings.Contains(cfg.Database, "/") {
		return Config{}, "", fmt.Errorf("source url: database %q: want one name", cfg.Database)
	}
	if u.Host != "" {
		port := u.Port()
		setDefault(&port, "3306")
		cfg.Addr = net.JoinHostPort(u.Hostname(), port)
	}
	if err := cfg.setParams(u.Query()); err != nil {
		return Config{}, "", fmt.Errorf("source url: %w", err)
	}
	return cfg, password, nil
}

func (c *Config) setParams(params url.Values) error {
	var problems []error
	for name, values := range params {
		value := values[len(values)-1]
		switch name {
		case "tls":
			c.TLS.Mode = TLSMode(value)
		case "tls-ca":
			c.TLS.CAFile = value
		case "tls-cert":
			c.TLS.CertFile = value
		case "tls-key":
			c.TLS.KeyFile = value
		case "tls-server-name":
			c.TLS.ServerName = value
		case "socket":
			c.Addr = value
		case "server-id":
			id, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				problems = append(problems, fmt.Errorf("server-id: %q: want a number from 1 to 4294967295", value))
			}
			c.ServerID = uint32(id)
		default:
			problems = append(problems, fmt.Errorf("unknown parameter %q: want tls, tls-ca, tls-cert, tls-key, tls-server-name, server-id or socket", name))
		}
	}
	return errors.Join(problems...)
}
