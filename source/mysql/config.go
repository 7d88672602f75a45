package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

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
	TLS source.TLSConfig
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
	c.TLS = c.TLS.WithDefault(c.Addr)
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
	return errors.Join(append(problems, c.TLS.Validate()...)...)
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
			c.TLS.Mode = source.TLSMode(value)
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
