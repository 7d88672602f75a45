package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/targets"
)

// Config is how to reach the server, and how to write to it.
type Config struct {
	// URL is "postgres://user:password@host:5432/database?sslmode=verify-full", as libpq reads it.
	URL string
	// User stands for the one of the URL. Empty: the URL's.
	User string
	// Password is asked for at every connect, so that it can change. Nil: the URL's.
	Password func(context.Context) (string, error)
	// CAFile is a PEM file of the authorities to trust: it stands for sslrootcert, and for sslmode=verify-full unless
	// the URL names a mode. Empty: as the URL says.
	CAFile string
	// VersionColumn is a column that holds the version of each row's last write, so that none with a higher one is written
	// over, whoever has written it. Empty: there is none.
	VersionColumn string
	// Conns is the number of connections at most. 0: 8.
	Conns int
	// MaxBatchOps is the number of operations in a statement at most. 0: 1000.
	MaxBatchOps int
	// MaxBatchBytes is about the size of a statement at most, unless a single row is larger. 0: 8 MiB.
	MaxBatchBytes int
	// Timeout is how long one statement may take. 0: a minute.
	Timeout time.Duration
	// Logger takes what an operator may want to know. Nil: nobody does.
	Logger *slog.Logger
}

const (
	defaultConns      = 8
	defaultBatchOps   = 1000
	defaultBatchBytes = 8 << 20
	defaultTimeout    = time.Minute
	// grace is how much longer than the server we wait for the end of a statement.
	grace = 5 * time.Second
)

// Validate returns all problems of the config, joined.
func (c Config) Validate() error {
	_, err := c.pool()
	problems := []error{err}
	if c.VersionColumn != "" {
		if err := CheckFields([]targets.Field{{Name: c.VersionColumn}}); err != nil {
			problems = append(problems, fmt.Errorf("version column: %w", err))
		}
	}
	return errors.Join(append(problems, targets.NotNegative("connections", int64(c.Conns)), targets.NotNegative("max batch ops", int64(c.MaxBatchOps)),
		targets.NotNegative("max batch bytes", int64(c.MaxBatchBytes)), targets.NotNegative("timeout", int64(c.Timeout)))...)
}

func (c Config) withDefaults() Config {
	if c.Conns == 0 {
		c.Conns = defaultConns
	}
	if c.MaxBatchOps == 0 {
		c.MaxBatchOps = defaultBatchOps
	}
	if c.MaxBatchBytes == 0 {
		c.MaxBatchBytes = defaultBatchBytes
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// pool is the config as the client library wants it. Its errors never repeat the URL, which may hold a password.
func (c Config) pool() (*pgxpool.Config, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("url: not a valid one (not shown, it may hold a password)")
	}
	if (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "" {
		return nil, errors.New(`url: want "postgres://user@host:5432/database"`)
	}
	if strings.TrimPrefix(u.Path, "/") == "" {
		return nil, fmt.Errorf("url of %s: names no database", u.Host)
	}
	if c.CAFile != "" {
		query := u.Query()
		query.Set("sslrootcert", c.CAFile)
		if query.Get("sslmode") == "" {
			query.Set("sslmode", "verify-full")
		}
		u.RawQuery = query.Encode()
	}
	pool, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("url of %s: %s", u.Host, withoutURL(err))
	}
	if c.User != "" {
		pool.ConnConfig.User = c.User
	}
	return pool, nil
}

// withoutURL is the reason for which the library cannot take a URL, without the URL.
func withoutURL(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, "`: "); at >= 0 {
		text = text[at+len("`: "):]
	}
	return text
}
