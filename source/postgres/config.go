package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// Config describes how a server is reached. Zero values have the documented defaults.
type Config struct {
	// Addr is host:port, or the folder of a Unix socket with the port behind it, as /run/postgresql:5432.
	// Required. It must be the primary.
	Addr string
	// User is the account's name. Required. It needs REPLICATION and SELECT on the tables.
	User string
	// Password is asked at every new connection, so that a rotated one works. Nil: none.
	Password func(context.Context) (string, error)
	// Database is the one whose tables are replicated. Required.
	Database string
	// TLS is how connections are encrypted.
	TLS source.TLSConfig
	// Standby is a streaming standby to read rows from, once it has replayed what they are to show. Nil: rows are read from the primary.
	Standby *Standby
	// Slot is the replication slot, made where it is missing. Two readers cannot share one. Empty: meepo.
	Slot string
	// Publication says which tables' changes are in the log; it is made, and extended, where the account
	// may do that. Empty: meepo.
	Publication string
	// Heartbeat is how often the server is asked how far its log is. Zero: 1 s.
	Heartbeat time.Duration
	// MessageEvery is how often at most a message is written to the log, where the account may do that, while the log
	// tells nothing of the database and yet goes on. Zero: 10 s; negative: never.
	MessageEvery time.Duration
	// StallTimeout is how long a log connection may be silent before it counts as dead and is made
	// anew. Zero: 1 min, since a server that goes through a large transaction of other tables is silent, too.
	StallTimeout time.Duration
	// DialTimeout bounds connecting, ReadTimeout each read of rows or the catalog. Zero: 10 s, 2 min.
	DialTimeout, ReadTimeout time.Duration
	// PollEvery is how often definitions are looked at where the log does not tell of their changes. Zero: 5 s.
	PollEvery time.Duration
	// MaxConns bounds the connections for reading rows and the catalog. Zero: 16.
	MaxConns int
	// Logger takes what is worth a line. Nil: nothing is logged.
	Logger *slog.Logger
}

const defaultName = "meepo"

func (c Config) withDefaults() Config {
	setDefault(&c.Slot, defaultName)
	setDefault(&c.Publication, defaultName)
	setDefault(&c.Heartbeat, time.Second)
	setDefault(&c.MessageEvery, 10*time.Second)
	setDefault(&c.StallTimeout, time.Minute)
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.ReadTimeout, 2*time.Minute)
	setDefault(&c.PollEvery, 5*time.Second)
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

// slotName is what the server allows as a slot's name.
var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

// Validate reports all problems at once.
func (c Config) Validate() error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if _, _, err := c.hostPort(); err != nil {
		add("addr: %w", err)
	}
	if c.Standby != nil {
		if _, _, err := (Config{Addr: c.Standby.Addr}).hostPort(); err != nil {
			add("standby: addr: %w", err)
		}
		for _, err := range c.Standby.TLS.Validate() {
			add("standby: %w", err)
		}
	}
	if c.User == "" {
		add("user: empty: want one, as in postgres://user@host:5432/database")
	}
	if c.Database == "" {
		add("database: empty: want one, as in postgres://user@host:5432/database")
	}
	if c.Slot != "" && !slotName.MatchString(c.Slot) {
		add("slot: %q: want up to 63 lower-case letters, digits and _", c.Slot)
	}
	if len(c.Publication) > 63 {
		add("publication: %q: want at most 63 bytes", c.Publication)
	}
	for name, d := range map[string]time.Duration{
		"heartbeat": c.Heartbeat, "stall timeout": c.StallTimeout, "dial timeout": c.DialTimeout, "read timeout": c.ReadTimeout, "poll": c.PollEvery,
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

// hostPort splits Addr; the host of a socket is its folder.
func (c Config) hostPort() (host string, port uint16, err error) {
	at := strings.LastIndexByte(c.Addr, ':')
	if at <= 0 {
		return "", 0, fmt.Errorf("%q: want host:port", c.Addr)
	}
	host = strings.TrimSuffix(strings.TrimPrefix(c.Addr[:at], "["), "]")
	if _, err := fmt.Sscanf(c.Addr[at+1:], "%d", &port); err != nil || port == 0 || host == "" {
		return "", 0, fmt.Errorf("%q: the port must be a number from 1 to 65535", c.Addr)
	}
	return host, port, nil
}

// sslModes are libpq's words for the modes.
var sslModes = map[string]source.TLSMode{
	"disable": source.TLSDisabled, "allow": source.TLSPreferred, "prefer": source.TLSPreferred, "require": source.TLSRequired,
	"verify-ca": source.TLSVerifyCA, "verify-full": source.TLSVerifyFull,
}

// ParseURL reads postgres://user:password@host:5432/database?sslmode=verify-full, also with the scheme
// postgresql. The port defaults to 5432. Parameters: sslmode, sslrootcert, sslcert, sslkey (as libpq has
// them), slot, publication, and host (a folder with a Unix socket). The password is returned apart and is
// in no error.
func ParseURL(raw string) (cfg Config, password string, err error) {
	u, err := url.Parse(raw)
	// The parser's own error quotes parts of the URL, and with it possibly of the password.
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Opaque != "" || u.Fragment != "" {
		return Config{}, "", errors.New("source url: want postgres://user:password@host:5432/database, " +
			"with other characters than letters and digits of the password percent-encoded")
	}
	cfg.User = u.User.Username()
	password, _ = u.User.Password()
	cfg.Database = strings.TrimPrefix(u.Path, "/")
	if strings.Contains(cfg.Database, "/") {
		return Config{}, "", fmt.Errorf("source url: database %q: want one name", cfg.Database)
	}
	host, port := u.Hostname(), u.Port()
	setDefault(&port, "5432")
	var problems []error
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "sslmode":
			mode, ok := sslModes[value]
			if !ok {
				problems = append(problems, fmt.Errorf("source url: sslmode: %q: want disable, allow, prefer, require, verify-ca or verify-full", value))
			}
			cfg.TLS.Mode = mode
		case "sslrootcert":
			cfg.TLS.CAFile = value
		case "sslcert":
			cfg.TLS.CertFile = value
		case "sslkey":
			cfg.TLS.KeyFile = value
		case "host":
			host = value
		case "slot":
			cfg.Slot = value
		case "publication":
			cfg.Publication = value
		default:
			problems = append(problems, fmt.Errorf("source url: unknown parameter %q: want sslmode, sslrootcert, sslcert, sslkey, slot, publication or host", name))
		}
	}
	switch {
	case strings.HasPrefix(host, "/"):
		cfg.Addr = host + ":" + port
	case host != "":
		cfg.Addr = net.JoinHostPort(host, port)
	}
	return cfg, password, errors.Join(problems...)
}
